"""Checkpoints that are whole or not there at all.

Remedies, in Lightning 2.6.6: a checkpoint is built twice in memory, written to ``$TMPDIR`` and moved, which is atomic
only when that lies on the same filesystem (otherwise a killed run leaves a torn file under the final name); a full disk
shows as torch's "unexpected pos"; and a directory that forbids writing is passed over in silence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.fabric.utilities.types import _PATH

from lumina.files.atomic import clear_partial, replacing


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its target, makes it durable, and renames it into place.

    A kill or a power cut at any moment leaves the old file or the new one. Nothing is buffered in memory. Paths on
    remote filesystems go to Lightning's own writer.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None) -> None:
        """Saves ``checkpoint`` at ``path``, making the folders above it.

        Raises:
            OSError: with the path and what to do, when the disk is full or cannot be written.
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
    clear_partial(target)  # what a kill leaves is as large as a checkpoint
    with replacing(target) as partial, partial.open("wb") as file:
        torch.save(checkpoint, file)
