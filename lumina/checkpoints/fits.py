"""Checks that a checkpoint matches the model and strategy of the run."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import Trainer
from lightning.pytorch.strategies import ModelParallelStrategy

from lumina.files.weights import check_tensors
from lumina.survival.checkpoints import is_sharded, read_head
from lumina.training.module import TrainedModule


def require_fitting(path: Path, module: TrainedModule, trainer: Trainer) -> None:
    """Refuses a checkpoint of a different architecture, and a sharded one if the run is not sharded.

    Raises:
        ValueError: names the first differing tensors.
    """
    if is_sharded(path):
        if not isinstance(trainer.strategy, ModelParallelStrategy):
            raise ValueError(
                f"{path} is a sharded checkpoint, which only a sharded run reads: add --config base/fsdp2, or train "
                "with save_distributed_checkpoint=false to get one file."
            )
    elif module.strict_loading:  # adapters are compared when they are made
        expected = {name: tensor.shape for name, tensor in module.state_dict().items()}
        check_tensors(path, expected, read_head(path)["state_dict"], "this run's model")
