"""The exponential moving average of the weights, on one process, under DDP and sharded with FSDP2.

Replaces Lightning's `EMAWeightAveraging`, which deep-copies the module (a crash under FSDP2, and a second copy of every
frozen network), averages integer buffers, has no warm-up, and saves averaged weights as raw ones when validation
raises. Fixed in Lightning 2.6.6.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from lumina.weights.run import EMA as EMA_KEY
from lumina.weights.run import averaged_weights


class EMA(Callback):
    """Maintains an exponential moving average of the trained weights and evaluates with it.

    After each optimizer step, ``average = decay * average + (1 - decay) * weights``. Validation during a fit uses the
    averaged weights (between ``on_validation_start`` and ``on_validation_end``); training and ``state_dict`` use the
    raw weights. ``validate``, ``test`` and ``predict`` use the average in the given checkpoint, or that of the
    preceding fit. Buffers are not averaged.

    The average is stored in float32 and sharded like the parameters. Checkpoints contain full tensors, so a checkpoint
    written under DDP resumes under FSDP2 and vice versa.

    Args:
        decay: weight of the old average in each update.
        warmup: use ``min(decay, (1 + n) / (10 + n))`` in update n, from 0, so the random initialisation fades quickly.

    Raises:
        ValueError: ``decay`` is not in [0, 1).
    """

    def __init__(self, decay: float = 0.9999, warmup: bool = True) -> None:
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"decay must be at least 0 and below 1, got {decay}: give a number such as 0.9999")
        self.decay = decay
        self.warmup = warmup
        self._updates = 0
        self._step = 0  # global step of the last update
        self._average: dict[str, Tensor] = {}
        self._raw: dict[str, Tensor] = {}  # the raw weights, while the average is in the module
        self._restored = False
        self._fitted: weakref.ref[LightningModule] | None = None  # the module that was averaged

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Discards the average of an earlier fit; each fit starts a new one or resumes that of its checkpoint."""
        self._restored = False
        if stage == TrainerFn.FITTING:
            self._updates, self._average = 0, {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Resumes the average of the checkpoint, or starts it at the current weights."""
        if trainer.ckpt_path and not self._restored:
            _warn_missing(trainer, "the average starts at its raw weights")
        self._prepare(pl_module)
        self._step = trainer.global_step
        self._fitted = weakref.ref(pl_module)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Updates the average if this batch ended with an optimizer step."""
        self._update(trainer, pl_module)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Swaps in the averaged weights."""
        self._swap_in(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restores the raw weights."""
        self._swap_out(pl_module)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Swaps in the averaged weights."""
        self._swap_in(trainer, pl_module)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restores the raw weights."""
        self._swap_out(pl_module)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Swaps in the averaged weights."""
        self._swap_in(trainer, pl_module)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restores the raw weights."""
        self._swap_out(pl_module)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Restores the raw weights; Lightning calls checkpoint callbacks, which may now save, after all others."""
        self._swap_out(pl_module)

    def state_dict(self) -> dict[str, Any]:
        """A marker: Lightning warns if a checkpoint with callback state is resumed without the callback."""
        return {"decay": self.decay}

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Adds the average; all ranks take part in the gathering, but only rank 0, which writes, keeps the result.

        It is not part of `state_dict`, because Lightning deep-copies that on every rank when it restores it.
        """
        if trainer.training:
            self._update(trainer, pl_module)  # a callback that saves may run before this one
        full = ((name, _full(average)) for name, average in self._average.items())
        weights = {name: average.cpu() for name, average in full if trainer.is_global_zero}
        if self._average:
            checkpoint[EMA_KEY] = {"weights": weights, "updates": self._updates}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Reads the average of a checkpoint; it is sharded later, with the module."""
        weights = averaged_weights(checkpoint)
        self._restored = weights is not None
        self._average = dict(weights or {})
        self._updates = checkpoint[EMA_KEY]["updates"] if self._restored else 0

    @torch.inference_mode(False)  # tensors made in inference mode could not be updated in training
    @torch.no_grad()
    def _prepare(self, pl_module: LightningModule) -> None:
        weights = _weights(pl_module, also=self._average)
        if unknown := self._average.keys() - weights.keys():
            raise ValueError(
                f"the averaged weights of the checkpoint hold {sorted(unknown)[:3]}, which the model lacks: use the "
                "checkpoint's own model configuration, or remove the EMA callback"
            )
        self._average = {name: _placed_as(weight, self._average.get(name, weight)) for name, weight in weights.items()}

    @torch.no_grad()
    def _update(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step == self._step:  # gradients are still being accumulated
            return
        weights = _weights(pl_module, also=self._average)
        new = [_local(weights[name]).float() for name in self._average]
        torch._foreach_lerp_(_locals(self._average.values()), new, 1 - self._decay_now())
        self._step = trainer.global_step
        self._updates += 1

    def _decay_now(self) -> float:
        return min(self.decay, (1 + self._updates) / (10 + self._updates)) if self.warmup else self.decay

    @torch.no_grad()
    def _swap_in(self, trainer: Trainer, pl_module: LightningModule) -> None:
        fitting = trainer.state.fn == TrainerFn.FITTING
        just_fitted = not trainer.ckpt_path and self._fitted is not None and self._fitted() is pl_module
        if not fitting and not self._restored and not just_fitted:
            if trainer.ckpt_path:
                _warn_missing(trainer, "its raw weights are used")
            return
        if not fitting or trainer.sanity_checking:
            self._prepare(pl_module)
        weights = _weights(pl_module, also=self._average)
        self._raw = {name: _local(weight).clone() for name, weight in weights.items()}
        for name, weight in weights.items():
            _local(weight).copy_(_local(self._average[name]))

    @torch.no_grad()
    def _swap_out(self, pl_module: LightningModule) -> None:
        if self._raw:
            weights = _weights(pl_module, also=self._raw)
            for name, raw in self._raw.items():
                _local(weights[name]).copy_(raw)
        self._raw = {}


def _warn_missing(trainer: Trainer, consequence: str) -> None:
    rank_zero_warn(f"{trainer.ckpt_path} holds no averaged weights (its run had no EMA callback): {consequence}")


def _weights(module: nn.Module, also: Mapping[str, Any]) -> dict[str, nn.Parameter]:
    """Trainable parameters and those named in ``also``, under every name they have in the module's state dict.

    Reading a state dict makes FSDP2 reshard its modules. Otherwise the root module, which stays gathered after a
    forward pass, would return plain tensors that the next forward pass discards.
    """
    state = module.state_dict(keep_vars=True)
    return {n: p for n, p in state.items() if isinstance(p, nn.Parameter) and (p.requires_grad or n in also)}


def _local(tensor: Tensor) -> Tensor:
    """This rank's shard of ``tensor``, as a view."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _locals(tensors: Iterable[Tensor]) -> list[Tensor]:
    return [_local(tensor) for tensor in tensors]


def _full(tensor: Tensor) -> Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _placed_as(parameter: Tensor, average: Tensor) -> Tensor:
    """A float32 copy of ``average``, full or sharded, with the device and sharding of ``parameter``."""
    if isinstance(parameter, DTensor) and not isinstance(average, DTensor):
        mesh, full = parameter.device_mesh, average.to(parameter.device)
        average = distribute_tensor(
            full, mesh, parameter.placements, src_data_rank=None
        )  # every rank has read the file
    return average.to(parameter.device, torch.float32, copy=True)
