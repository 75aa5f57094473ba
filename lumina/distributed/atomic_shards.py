"""Atomic sharded checkpoints.

Fixes a fault of Lightning 2.6.6: it overwrites a sharded checkpoint of the same name file by file. A run killed
meanwhile leaves shards of one step with the progress of another, which load without an error.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.strategies import ModelParallelStrategy

from lumina.files.atomic import PARTIAL, make_durable, replace_folder
from lumina.survival.checkpoints import SIZES


def save_shards_atomically(trainer: Trainer) -> None:
    """Makes a sharding strategy write a checkpoint beside its target, record the file sizes, and then rename it."""
    strategy = trainer.strategy
    if not isinstance(strategy, ModelParallelStrategy) or not strategy._save_distributed_checkpoint:
        return
    write = strategy.save_checkpoint

    def save_checkpoint(checkpoint: dict[str, Any], filepath: Any, storage_options: Any = None) -> None:
        target = Path(strategy.broadcast(filepath))
        partial = target.with_name(f".{target.name}{PARTIAL}")
        if trainer.is_global_zero:
            shutil.rmtree(partial, ignore_errors=True)
        strategy.barrier()
        write(checkpoint, partial, storage_options)
        strategy.barrier()
        if trainer.is_global_zero:
            _note_sizes(partial)
            replace_folder(partial, target)
        strategy.barrier()

    strategy.save_checkpoint = save_checkpoint  # type: ignore[method-assign]


def _note_sizes(folder: Path) -> None:
    """Syncs the files to disk and records their sizes, which reveal truncated files."""
    files = [path for path in folder.iterdir() if path.is_file()]
    for path in files:
        make_durable(path)
    (folder / SIZES).write_text(json.dumps({path.name: path.stat().st_size for path in files}))
