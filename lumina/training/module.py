"""The base of every module that `lumina fit` trains."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.optim import Optimizer

from lumina.interfaces import DataModule
from lumina.optimizers.gradients import Gradients, check_clipping, unscale
from lumina.optimizers.schedule import on_schedule
from lumina.randomness import Purpose, Randomness, SampleGenerators
from lumina.values import Batch
from lumina.workarounds.half_precision import halve_weights_alone
from lumina.workarounds.hyperparameters import save_given_hyperparameters


class TrainedModule(LightningModule):
    """One optimizer and its schedule, the gradients' norm and clipping, random numbers by sample, logging.

    The callbacks and commands of a run rely on what is here and on nothing else of a module.

    Args:
        optimizer: built from the trainable parameters.
        lr_scheduler: stepped after each optimizer step; None = constant learning rate.
        seed: of all random numbers.

    Attributes:
        gradients: of the current step.
        not_computed: metrics that the last evaluation could not compute, and why.
        clipped_apart: networks whose gradients are clipped each by its own norm; None = by one norm.
        not_finite: samples of the last evaluation that contain NaN or infinity.
    """

    def __init__(self, optimizer: OptimizerCallable, lr_scheduler: LRSchedulerCallable | None, seed: int) -> None:
        super().__init__()
        save_given_hyperparameters(self)
        self.optimizer, self.lr_scheduler, self.seed = optimizer, lr_scheduler, seed
        self.not_computed: dict[str, str] = {}
        self.not_finite = 0
        self.gradients = Gradients()
        self.clipped_apart: Iterable[nn.Module] | None = None

    @abstractmethod
    def draw(self, batch: Batch, generator: Randomness) -> Any:
        """What sheets show of a batch, one for each sample, without gradients.

        Args:
            batch: of the datamodule, on the module's device.
            generator: of all randomness.
        """

    @abstractmethod
    def picture(self, samples: Any, captions: Sequence[str] = (), batch: Batch | None = None) -> Tensor:
        """One sheet ``[3, H, W]`` uint8 of what `draw` gave, with a text below each sample if there are captions.

        Args:
            samples: what `draw` gave.
            captions: a text to write below each sample; none = there is nothing to say.
            batch: what `kept` gave for them.
        """

    def wandb_media(self, samples: Any, captions: Sequence[str] = (), batch: Batch | None = None) -> Any:
        """What a W&B dashboard shows beside the sheet; as a rule an empty list.

        Args:
            samples: what `draw` gave.
            captions: a text about each sample; none = there is nothing to say.
            batch: what `kept` gave for them.
        """
        return []

    def kept(self, batch: Batch) -> Batch:
        """Fields of a batch that are read beside its samples when they are shown; as a rule none."""
        return {}

    def words(self, batch: Batch) -> list[str]:
        """A text about each sample of a batch, for sheets; as a rule none."""
        return []

    def export(self, folder: Path) -> None:
        """Writes what was trained for those who use it.

        Raises:
            ValueError: there is no such form.
        """
        raise ValueError(f"{type(self).__name__} has no form of its own to convert to.")

    @property
    def data(self) -> Any:
        """The trainer's datamodule, or None."""
        return getattr(self.trainer, "datamodule", None)

    def setup(self, stage: str) -> None:
        """Checks the clipping value before step 0, and keeps data in float32 under any precision.

        Raises:
            ValueError: the trainer's clipping value is invalid.
        """
        halve_weights_alone(self.trainer.precision_plugin)
        check_clipping(self.trainer.gradient_clip_val)

    def resolve(self, data: DataModule) -> Mapping[str, Any]:
        """Fills unset arguments of the parts from the data and stores them with the run; returns them."""
        return {}

    def configure_optimizers(self) -> Any:
        """One optimizer over the trainable parameters, and a schedule that steps with it.

        Raises:
            ValueError: the run is too short for the schedule.
        """
        optimizer = self.optimizer(parameter for parameter in self.parameters() if parameter.requires_grad)
        return on_schedule(optimizer, self.lr_scheduler)

    def on_before_zero_grad(self, optimizer: Optimizer) -> None:
        """Clears the cached gradient norm."""
        self.gradients.forget()

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Logs the norm of the gradients, then clips them."""
        unscale(optimizer, getattr(self.trainer.precision_plugin, "scaler", None))
        self.log("train/grad_norm", self.gradients.norm(optimizer))
        self.gradients.clip(optimizer, gradient_clip_val or 0.0, gradient_clip_algorithm, self.clipped_apart)

    def count_not_finite(self, count: int) -> None:
        """Stores how many samples of an evaluation contain NaN or infinity, summed over all processes."""
        here = torch.tensor(count, device=self.device)
        self.not_finite = int(self.trainer.strategy.reduce(here, reduce_op="sum"))

    def _generators(self, purpose: Purpose, batch: Batch, batch_index: int, count: int, *when: int) -> SampleGenerators:
        indices = range(self.global_rank, count * self.trainer.world_size, self.trainer.world_size)
        identities = batch.get("identity") or [(batch_index, index) for index in indices]
        return SampleGenerators(purpose, [(self.seed, *when, *identity) for identity in identities], self.device)

    def _log(self, stage: str, values: Mapping[str, Tensor], count: int) -> None:
        named = {f"{stage}/{name}": value for name, value in values.items()}
        training = stage == "train"
        if training and self.trainer._logger_connector.should_update_logs:  # reducing unlogged steps would only wait
            named = {name: self.trainer.strategy.reduce(value.detach().clone()) for name, value in named.items()}
        self.log_dict(named, prog_bar=True, batch_size=count, sync_dist=not training)
