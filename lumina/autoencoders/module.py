"""Trains autoencoders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from lumina.autoencoders.adversary import Adversary
from lumina.autoencoders.averages import averaged
from lumina.autoencoders.decoding import decodes
from lumina.autoencoders.folder import load_autoencoder, save_autoencoder
from lumina.autoencoders.losses import Reconstruction, kl, latent_mask
from lumina.autoencoders.measures import Measures
from lumina.autoencoders.seen import Seen
from lumina.autoencoders.statistics import LatentMoments, band_statistics
from lumina.autoencoders.views import beside, view_of
from lumina.config.locate import locate
from lumina.data.batches import finite_samples, move, take, without_fillers
from lumina.files.weights import check_tensors
from lumina.interfaces import VAE, DataModule
from lumina.pictures.sheet import contact_sheet
from lumina.randomness import Purpose, Randomness, SampleGenerators, seed_dropout
from lumina.training.module import TrainedModule
from lumina.values import Batch, Posterior


class AutoencoderModule(TrainedModule):
    """Trains a VAE, against an adversary if there is one, and measures its reconstructions.

    This is no `LuminaModule`: it has no tokens, backbone, conditions or objective, and two networks train against each
    other. Both learn in one step of one optimizer, from one reconstruction: the adversary judges it without gradients
    to the VAE, and the VAE is judged without gradients to the adversary. So a step means the same to the schedule, to
    checkpoints and to validation as in any run, and accumulation, averages and resuming need no rules of their own.
    Gradients are clipped for each network by itself.

    The mean and deviation of each band are measured on the training data before step 0; the scale of the latents while
    training, by a moving average over the batches. Both are in every checkpoint.

    Args:
        network: the VAE.
        adversary: a discriminator and its part in the loss; None = there is none.
        reconstruction: the loss of reconstructions; None = the mean absolute difference.
        kl_weight: of the divergence from a normal distribution, in nats for each number of the latents.
        weights: a trained VAE of the same architecture to start from: a folder, ``package:NAME/FOLDER``, or an id on
            the Hugging Face hub; None = fresh weights.
        train_encoder: False = the encoder stays, so that latents stay valid, and the decoder alone trains.
        averages: share of the training samples that are random averages of several of their batch, their latents and
            their pictures alike. A diffusion model of few steps draws such averages where its conditions leave a
            choice, and a decoder that never saw one gives it other colours.
        measured: training samples, spread over the data, on which the bands are measured.
        optimizer: built from the trainable parameters of all networks.
        lr_scheduler: stepped after each optimizer step; None = constant learning rate.
        seed: of the latents' noise, the adversary's places and dropout.

    Raises:
        ValueError: the encoder should stay, but there are no weights to start from; or a number is out of its range.
    """

    def __init__(
        self,
        network: VAE,
        adversary: Adversary | None = None,
        reconstruction: Reconstruction | None = None,
        kl_weight: float = 1e-6,
        weights: str | None = None,
        train_encoder: bool = True,
        averages: float = 0.0,
        measured: int = 512,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        lr_scheduler: LRSchedulerCallable | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(optimizer, lr_scheduler, seed)
        if not train_encoder and weights is None:
            raise ValueError("train_encoder=false keeps an encoder that is trained: set model.init_args.weights.")
        if measured < 1:
            raise ValueError(f"measured={measured} must be at least 1.")
        if kl_weight < 0:
            raise ValueError(f"kl_weight={kl_weight} must not be negative.")
        if not 0 <= averages <= 1:
            raise ValueError(f"averages={averages} must be a share from 0 to 1.")
        if averages and (adversary is not None or network.convention is not None):
            raise ValueError(
                "averages are of pictures, and an adversary would take them for real ones: set averages=0, or train a "
                "VAE of pictures without an adversary."
            )
        self.network, self.adversary = network, adversary
        self.reconstruction = reconstruction or Reconstruction()
        self.moments = LatentMoments()
        self.view = view_of(network)
        self.kl_weight, self.weights, self.train_encoder, self.measured = kl_weight, weights, train_encoder, measured
        self.averages = averages
        self.clipped_apart = None if adversary is None else (network, adversary)

    def configure_model(self) -> None:
        """Loads starting weights, and freezes the encoder if it should stay.

        Raises:
            ValueError: the strategy shards weights, or the weights are of another architecture.
        """
        if self.device_mesh is not None:
            raise ValueError("an autoencoder is not sharded: train it on one device, or with trainer.strategy=ddp.")
        fitting = self._trainer is not None and self.trainer.state.fn == "fit"
        if self.weights is not None and fitting and not self.trainer.ckpt_path:
            start = load_autoencoder(str(locate(self.weights))).state_dict()
            shapes = {name: tensor.shape for name, tensor in self.network.state_dict().items()}
            check_tensors(Path(self.weights), shapes, start, "model.network")
            self.network.load_state_dict(start)
        if not self.train_encoder:
            for name, parameter in self.network.named_parameters():
                parameter.requires_grad_(decodes(name))

    def setup(self, stage: str) -> None:
        """Checks the data before step 0.

        Raises:
            ValueError: a field is missing, sounds have another rate, a batch is too small for averages, predictions are
                asked for, or the weights are to be of another precision than float32.
        """
        super().setup(stage)
        if self.trainer.precision.endswith("true") and self.trainer.precision != "32-true":
            raise ValueError(
                f"trainer.precision={self.trainer.precision}: an autoencoder keeps its weights in float32; set "
                "32-true, bf16-mixed or 16-mixed."
            )
        if stage == "predict":
            raise ValueError("an autoencoder predicts nothing; `lumina test` shows reconstructions.")
        if isinstance(self.data, DataModule):
            self.view.check(self.data)
            if stage == "fit" and self.averages and self.data.batch_size == 1:
                raise ValueError("averages are of several samples of a batch: set data.batch_size to 2 or more.")

    def on_fit_start(self) -> None:
        """Takes statistics and first weights from the data, unless a checkpoint or a trained VAE brings them.

        Raises:
            ValueError: the adversary cannot judge the data.
        """
        if self.adversary is not None and self.adversary.weight:
            self._require_judged(self.adversary)
        if self.network.convention is not None and not self.trainer.ckpt_path and self.weights is None:
            mean, std = band_statistics(self._spread_samples())
            self.network.standardise(mean.to(self.device), std.to(self.device))
            self.network.begin((seen.data, seen.mask) for seen in self._spread_samples())
            if self.trainer.world_size > 1:  # other processors round otherwise, and the sign of a component is free
                for tensor in self.network.state_dict().values():
                    torch.distributed.broadcast(tensor, 0)

    def training_step(self, batch: Batch, batch_index: int) -> dict[str, Any]:
        """The losses of both networks, with the number of samples and of latent cells.

        The random numbers of a sample depend only on the step and the sample.
        """
        seed_dropout(self.seed, self.trainer.fit_loop.epoch_loop.total_batch_idx, self.global_rank)
        seen = self._seen(batch)
        generators = self._generators(Purpose.TRAINING, batch, batch_index, len(seen.data), self.global_step)
        with torch.set_grad_enabled(self.train_encoder):
            posterior = self.network.encode(seen.data)
        latents = posterior.sample(generators)
        if self.averages:
            latents, seen = averaged(latents, seen, self.averages, generators)
        output = self.network.decode(latents).float()
        losses = self._losses(seen, output, posterior)
        if self.adversary is not None:
            losses |= self._contest(self.adversary, seen, output, losses, generators)
        if self.train_encoder:
            mask = latent_mask(seen.mask, self.network.factor)
            self.network.scale_factor.copy_(self.moments.update(posterior.mean, mask))
        self._log("train", losses, len(seen.data))
        return {"loss": losses["loss"], "samples": len(seen.data), "tokens": posterior.mean[:, 0].numel()}

    def on_after_backward(self) -> None:
        """Removes the zero gradients of an adversary before its start, so that its optimizer state begins there."""
        if self.adversary is not None and not self.adversary.active(self.global_step):
            for parameter in self.adversary.parameters():
                parameter.grad = None

    def on_validation_epoch_start(self) -> None:
        """Resets the measures."""
        self._measures, self._strange = Measures(self.view, self.network.factor, self.device), 0

    def on_test_epoch_start(self) -> None:
        """Resets the measures."""
        self.on_validation_epoch_start()

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """The loss and the measures of reconstructions from the posteriors' means; fillers count in neither."""
        self._measure("validation", batch)

    def test_step(self, batch: Batch, batch_index: int) -> Tensor:
        """As `validation_step`; returns originals and reconstructions ``[B, 2, ...]``, without fillers."""
        return self._measure("test", batch)

    def predict_step(self, batch: Batch, batch_index: int) -> Any:
        """There is none; `setup` says so."""
        raise NotImplementedError

    def on_validation_epoch_end(self) -> None:
        """Logs the measures."""
        self._log_measures("validation")

    def on_test_epoch_end(self) -> None:
        """Logs the measures."""
        self._log_measures("test")
        self.count_not_finite(self._strange)

    @torch.no_grad()
    def draw(self, batch: Batch, generator: Randomness) -> Tensor:
        """Originals and reconstructions ``[B, 2, ...]``; nothing about them is random."""
        seen = self._seen(batch)
        return torch.stack([seen.data, self.network.decode(self.network.encode(seen.data).mean).float()], dim=1)

    def picture(self, samples: Any, captions: Sequence[str] = (), batch: Batch | None = None) -> Tensor:
        """Each original above its reconstruction."""
        return contact_sheet(beside(self.view, samples), captions=captions)

    def words(self, batch: Batch) -> list[str]:
        """The names of the samples, where they have any."""
        return [str(name) for name in batch.get("name", ())]

    def export(self, folder: Path) -> None:
        """Writes the folder of the VAE, by which experiments name it.

        Raises:
            ValueError: the weights are not finite, or the scale of the latents was never measured.
        """
        if not all(bool(tensor.isfinite().all()) for tensor in self.network.state_dict().values()):
            raise ValueError("the VAE holds NaN or infinity: its training diverged; take an earlier checkpoint.")
        if not self.network.scale_factor:
            raise ValueError("the scale of the latents was never measured: train for at least one step.")
        folder.mkdir(parents=True, exist_ok=True)
        save_autoencoder(self.network, folder)

    def _seen(self, batch: Batch) -> Seen:
        with torch.no_grad():
            return self.view.seen(batch).cut(self.network.factor)

    def _losses(self, seen: Seen, output: Tensor, posterior: Posterior) -> dict[str, Tensor]:
        reconstruction = self.reconstruction(output, seen.data, seen.mask)
        divergence = kl(posterior, latent_mask(seen.mask, self.network.factor))
        loss = reconstruction + self.kl_weight * divergence
        return {"loss": loss, "reconstruction": reconstruction, "kl": divergence}

    def _contest(
        self,
        adversary: Adversary,
        seen: Seen,
        output: Tensor,
        losses: Mapping[str, Tensor],
        generators: SampleGenerators,
    ) -> dict[str, Tensor]:
        """The loss with the parts of both sides."""
        loss = losses["loss"]
        if self.trainer.world_size > 1:  # processes wait for the gradients of every parameter
            loss = loss + 0 * sum(parameter.sum() for parameter in adversary.parameters())
        if not adversary.active(self.global_step):
            return {"loss": loss}
        places = adversary.discriminator.places(seen.data, seen.mask, generators)
        last = self.network.get_parameter(self.network.last_layer)
        generator = adversary.generator_loss(output, places, losses["reconstruction"], last)
        discriminator = adversary.discriminator_loss(seen.data, output, places)
        return {"loss": loss + generator + discriminator, "generator": generator, "discriminator": discriminator}

    def _require_judged(self, adversary: Adversary) -> None:
        if not any(adversary.judges(seen.data, seen.mask) for seen in self._spread_samples()):
            raise ValueError(
                "the adversary can judge none of the training samples: all are shorter than its windows; use longer "
                "samples, or set smaller windows of model.init_args.adversary.init_args.discriminator."
            )

    def _measure(self, stage: str, batch: Batch) -> Tensor:
        real, counts = without_fillers(batch)
        seen = self._seen(real)
        posterior = self.network.encode(seen.data)
        output = self.network.decode(posterior.mean).float()
        self._log(stage, {"loss": self._losses(seen, output, posterior)["loss"]}, len(output) * counts)
        pairs = torch.stack([seen.data, output], dim=1)
        finite = finite_samples(pairs)
        self._strange += counts * int((~finite).sum())
        if counts:
            self._measures.add(seen, output, posterior, self.network.scale_factor)
        return pairs if counts else pairs[:0]

    def _log_measures(self, stage: str) -> None:
        values = self._measures.compute(lambda sums: self.trainer.strategy.reduce(sums, reduce_op="sum"))
        named = {f"{stage}/{name}": value for name, value in values.items()}
        self.log_dict(named, prog_bar=True, rank_zero_only=True, sync_dist=True)  # already reduced

    def _spread_samples(self) -> Iterator[Seen]:
        """Training samples as evaluation sees them, from the whole of the data."""
        count, size = len(self.data.samples("train")), self.data.eval_batch_size
        chosen = min(self.measured, count)
        indices = [number * count // chosen for number in range(chosen)]
        for first in range(0, chosen, size):
            yield self._seen(move(take(self.data, "train", indices[first : first + size]), self.device))
