"""The module that trains and evaluates a backbone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.backbone.lora import Lora
from lumina.checks import (
    check_axes,
    check_budget,
    check_canvas,
    check_classes,
    check_latents,
    check_memory,
    check_outputs,
    measured,
    require_fields,
    warn_of_latents,
)
from lumina.conditioning.condition_set import ConditionerSet
from lumina.data.batches import select, without_fillers
from lumina.data.resolve import CLASSES, resolve, store
from lumina.distributed.sharding import shard
from lumina.interfaces import Conditioner, DataModule, Modality, Objective, SampleMetric
from lumina.metrics.suite import MetricSuite
from lumina.randomness import Purpose, Randomness, seed_dropout
from lumina.training.module import TrainedModule
from lumina.values import Batch, Conditioning, Inference, Tokens
from lumina.weights.run import ARCHITECTURE, LATENTS
from lumina.weights.starting import StartingPoint


class LuminaModule(TrainedModule):
    """Trains and evaluates a backbone with a modality, conditioners and an objective, and depends on none of them.

    The objective holds what differs between tasks: generation and recognition run through the same steps. Widths that
    the parts define are measured from them.

    Args:
        modality: turns data into tokens and back.
        backbone: architecture of the network.
        objective: the training loss and, for generative objectives, the sampler.
        conditioners: encode the conditions of a sample, such as its class or caption, for the backbone.
        metrics: computed in evaluation runs.
        optimizer: built from the trainable parameters.
        lr_scheduler: stepped after each optimizer step; None = constant learning rate.
        weights: a trained model to start from: a checkpoint or run, a folder of published weights, or the name of
            a bundled model. Read when a trainer sets up the module; ignored when a run resumes.
        lora: train adapters and freeze those weights; None = train everything.
        compile_blocks: compile the backbone block by block.
        activation_checkpointing: trade a second forward pass for memory.
        evaluate_in_validation: compute the metrics in validation too, not only the loss.
        seed: of noise, times and dropped conditions.

    Raises:
        ValueError: adapters without weights, or widths that disagree.
    """

    def __init__(
        self,
        modality: Modality,
        backbone: NextDiTConfig,
        objective: Objective,
        conditioners: list[Conditioner] | None = None,
        metrics: list[SampleMetric] | None = None,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        lr_scheduler: LRSchedulerCallable | None = None,
        weights: str | None = None,
        lora: Lora | None = None,
        compile_blocks: bool = False,
        activation_checkpointing: bool = False,
        evaluate_in_validation: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(optimizer, lr_scheduler, seed)
        self.modality = modality
        config = measured(backbone, modality, conditioners or [])
        check_memory(config)
        check_axes(config, modality)
        self.backbone = NextDiT(config, modality.input_embedding(config.dim), activation_checkpointing)
        self.conditioners = ConditionerSet(conditioners or [], config.cond_dim)
        for conditioner in self.conditioners:
            conditioner.connect(modality)
        check_outputs(objective, modality)
        check_canvas(self.conditioners, modality)
        self.conditioners.require(objective.tells_apart)
        objective.build(config, modality)
        self.objective = objective
        self.metrics = MetricSuite(metrics or [])
        self.start = StartingPoint(weights, lora)
        self.strict_loading = lora is None  # with adapters a checkpoint holds what trains
        self.compile_blocks, self.evaluate_in_validation = compile_blocks, evaluate_in_validation
        self.configured = False

    def configure_model(self) -> None:
        """Loads starting weights, adds adapters, compiles and shards the backbone, each if configured."""
        if self.configured:  # Lightning asks before each fit and each evaluation
            return
        self.configured = True
        self.start.prepare(self, resumes=self._trainer is None or bool(self.trainer.ckpt_path))
        if self.compile_blocks:
            self.backbone.compile_blocks()
        if self.device_mesh is not None:
            shard(self.backbone, [*self.conditioners, self.objective], self.device_mesh)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds architecture, classes and what made the latents; with adapters, leaves out the frozen weights."""
        checkpoint[ARCHITECTURE], checkpoint[CLASSES] = asdict(self.backbone.config), self.classes
        checkpoint[LATENTS] = dict(self.modality.latent_identity)
        self.start.trim(checkpoint, self)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuses a checkpoint with different classes, or with adapters of different weights.

        Raises:
            ValueError: names the difference.
        """
        check_classes(checkpoint.get(CLASSES, {}), self.classes)
        warn_of_latents(checkpoint.get(LATENTS), self.modality, "the checkpoint")
        self.start.check(checkpoint)

    def setup(self, stage: str) -> None:
        """Checks the data's fields and the clipping value before step 0.

        Raises:
            ValueError: a field is missing, or the trainer's clipping value is invalid.
        """
        super().setup(stage)
        data = self.data
        if isinstance(data, DataModule):
            self._require_fields(data.batch_keys, type(data).__name__)
            if stage != "predict":
                require_fields(self.objective.batch_keys, data.batch_keys, type(data).__name__)
                self.resolve(data)
                check_budget(data, self.backbone.config)
                check_latents(data, self.modality)

    def resolve(self, data: DataModule) -> Mapping[str, Any]:
        """Fills unset arguments of the parts from the data and stores them with the run; returns them."""
        resolved = resolve(self.modality, self.conditioners, self.objective, data)
        if "modality" in self.hparams:
            store(resolved, self.hparams)
        return resolved

    @property
    def classes(self) -> dict[str, list[str]]:
        """Class names in the order of their labels, by the part that has them."""
        parts = {"modality": self.modality} | {f"conditioners.{n}": part for n, part in enumerate(self.conditioners)}
        return {name: part.classes for name, part in parts.items() if part.classes is not None}

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Any:
        """Checks the batch on the CPU first: an invalid index on a GPU would abort the CUDA context."""
        for conditioner in self.conditioners:
            if conditioner.key in batch:
                conditioner.check(batch[conditioner.key])
        self.objective.check(batch)
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def training_step(self, batch: Batch, batch_index: int) -> dict[str, Any]:
        """The objective's loss, with the number of samples and tokens.

        The random numbers of a sample depend only on the step and the sample.
        """
        seed_dropout(self.seed, self.trainer.fit_loop.epoch_loop.total_batch_idx, self.global_rank)
        tokens = self.tokens(batch)
        count = tokens.features.shape[0]
        generators = self._generators(Purpose.TRAINING, batch, batch_index, count, self.global_step)
        cond = self.conditioners.train_conditions(batch, count, generators)
        losses = self.objective.loss(self.backbone, tokens, cond, batch, generators)
        self._log("train", losses, count)
        return {"loss": losses["loss"], "samples": count, "tokens": tokens.count}

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """The loss under the same noise in each epoch, and the metrics if configured; fillers count in neither."""
        real, counts = without_fillers(batch)
        tokens = self.tokens(real)
        count = tokens.features.shape[0]
        generators = self._generators(Purpose.VALIDATION, real, batch_index, count)
        cond = self.conditioners.conditions(real, count, self.device)
        losses = self.objective.loss(self.backbone, tokens, cond, real, generators)
        self._log("validation", losses, count * counts)
        if self.evaluate_in_validation:
            self._update_metrics(batch, batch_index, tokens if real is batch else self.tokens(batch))

    def test_step(self, batch: Batch, batch_index: int) -> Any:
        """Generates outputs for the batch's conditions and updates the metrics."""
        return self._update_metrics(batch, batch_index, self.tokens(batch))

    def predict_step(self, batch: Batch, batch_index: int) -> Any:
        """Generates outputs for the batch's conditions."""
        tokens = self.tokens(batch)
        return self.generate(
            tokens, batch, self._generators(Purpose.PREDICTION, batch, batch_index, tokens.features.shape[0])
        )

    def tokens(self, batch: Batch) -> Tokens:
        """The batch as tokens; a cached ``batch["latent"]`` replaces `Modality.compress`."""
        self._require_fields(tuple(batch), "the batch")
        latent = batch["latent"] if "latent" in batch else self.modality.compress(batch)
        return self.modality.tokenize(latent, batch)

    def outputs(
        self,
        tokens: Tokens,
        batch: Batch,
        generator: Randomness | None = None,
        inference: Inference | None = None,
        conditions: tuple[Conditioning, Conditioning] | None = None,
        **options: Any,
    ) -> Any:
        """What the objective puts out for ``tokens``; `generate` decodes it.

        Args:
            tokens: the canvas, or the data to recognise.
            batch: holds the conditions' fields.
            generator: of the initial noise, one for all samples or one for each; None = it is among the options.
            inference: options of the backbone.
            conditions: the conditions, and those that guidance steers away from; None = those of the batch and the null
                conditions.
            **options: passed on to the objective's ``outputs``.
        """
        count, device = tokens.features.shape[0], tokens.features.device
        if conditions is None:
            encode = self.conditioners.conditions
            conditions = encode(batch, count, device), encode(batch, count, device, keep=False)
        return self.objective.outputs(self.backbone, tokens, *conditions, generator, inference, **options)

    @torch.no_grad()
    def generate(self, tokens: Tokens, batch: Batch, *arguments: Any, **options: Any) -> Any:
        """The decoded `outputs` of these arguments: the one way from conditions to samples."""
        return self.modality.decode(self.outputs(tokens, batch, *arguments, **options), batch)

    def draw(self, batch: Batch, generator: Randomness) -> Any:
        """Outputs for the conditions of a batch."""
        return self.generate(self.tokens(batch), batch, generator)

    def words(self, batch: Batch) -> list[str]:
        """What the conditions of a batch say."""
        return self.conditioners.words(batch)

    def picture(self, samples: Any, captions: Sequence[str] = (), batch: Batch | None = None) -> Tensor:
        """The modality's sheet."""
        return self.modality.picture(samples, captions, batch)

    def wandb_media(self, samples: Any, captions: Sequence[str] = (), batch: Batch | None = None) -> Any:
        """The modality's media."""
        return self.modality.wandb_media(samples, captions, batch)

    def kept(self, batch: Batch) -> Batch:
        """Those that the modality keeps or shows."""
        return {key: batch[key] for key in (*self.modality.kept_keys, *self.modality.shown_keys) if key in batch}

    def on_test_start(self) -> None:
        """Prepares the metrics' reference data."""
        self.metrics.prepare(self.data)

    def on_validation_start(self) -> None:
        """Prepares the metrics' reference data if validation runs them."""
        if self.evaluate_in_validation:
            self.metrics.prepare(self.data)

    def on_test_epoch_end(self) -> None:
        """Logs the results of the metrics."""
        self._log_metrics("test")

    def on_validation_epoch_end(self) -> None:
        """Logs the results of the metrics."""
        if self.evaluate_in_validation:
            self._log_metrics("validation")

    def _require_fields(self, present: Sequence[str], owner: str) -> None:
        compressed = () if "latent" in present else self.modality.batch_keys
        require_fields((*compressed, *self.conditioners.fields(present)), present, owner)

    def _update_metrics(self, batch: Batch, batch_index: int, tokens: Tokens) -> Any:
        samples = self.generate(
            tokens, batch, self._generators(Purpose.TEST, batch, batch_index, tokens.features.shape[0])
        )
        real, counts = without_fillers(batch)
        if "real" in batch:
            samples = select(samples, batch["real"])
        if counts:
            self.metrics.update(samples, real)
        return samples

    def _log_metrics(self, stage: str) -> None:
        evaluation = self.metrics.compute()
        values = {f"{stage}/{name}": value for name, value in evaluation.values.items()}
        self.log_dict(values, rank_zero_only=True, sync_dist=True)  # already reduced; sync_dist=True avoids a warning
        self.not_computed = evaluation.failures
        self.count_not_finite(evaluation.not_finite)
