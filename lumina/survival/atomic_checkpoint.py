"""Atomic checkpoints.

Fixes faults of Lightning 2.6.6: it builds a checkpoint twice in memory, writes it to ``$TMPDIR`` and moves it, which is
atomic only on the same filesystem (otherwise a killed run leaves a truncated file under the final name). A full disk
appears as torch's "unexpected pos", and a read-only folder is ignored silently.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.fabric.utilities.types import _PATH

from lumina.files.atomic import clear_partial, replacing


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its target, syncs it to disk, and renames it into place.

    A kill or a power failure at any moment leaves either the old or the new file. Nothing is buffered in memory.
    Lightning's writer handles paths on remote filesystems.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None) -> None:
        """Saves ``checkpoint`` at ``path`` and creates missing folders.

        Raises:
            OSError: the disk is full or read-only; the message has the path and advice.
        """
        if storage_options is not None or "://" in str(path):
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        try:
            _write(checkpoint, Path(path))
        except (OSError, RuntimeError) as error:
            cause = error if isinstance(error, OSError) else error.__context__  # torch hides a failed write
            if not isinstance(cause, OSError):
                raise
            advice = "free space there or choose a folder that can be written, then resume from the last checkpoint"
            message = f"the checkpoint was not saved ({cause.strerror}): {advice}"
            raise OSError(cause.errno, message, str(path)) from error


def _write(checkpoint: dict[str, Any], target: Path) -> None:
    clear_partial(target)  # a killed run leaves a file as large as a checkpoint
    with replacing(target) as partial, partial.open("wb") as file:
        torch.save(checkpoint, file)
