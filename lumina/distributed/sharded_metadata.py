"""Refuses sharded checkpoints that contain more than tensors.

PyTorch unpickles ``.metadata``, the index of the shards, without restrictions, so a malicious file could run any code.
`check_metadata` reads it first and allows only the classes of a genuine index. (The shards themselves are covered by
``TORCH_FORCE_WEIGHTS_ONLY_LOAD``, which the command line sets.)
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

METADATA = ".metadata"
CLASSES = {
    "torch.distributed.checkpoint.metadata": {
        *("Metadata", "StorageMeta", "MetadataIndex", "TensorStorageMetadata", "BytesStorageMetadata"),
        *("ChunkStorageMetadata", "TensorProperties", "_MEM_FORMAT_ENCODING"),
    },
    "torch.distributed.checkpoint.filesystem": {"_StorageInfo"},
    "torch.serialization": {"_get_layout"},
    "torch": {"Size", "device"},
    "pathlib": {"Path", "PosixPath", "WindowsPath"},
    "collections": {"OrderedDict"},
}


def check_metadata(folder: Path) -> None:
    """Reads the index of a sharded checkpoint without running any code from it.

    Args:
        folder: the checkpoint.

    Raises:
        ValueError: the index contains anything but tensors and their locations, or is damaged.
    """
    path = folder / METADATA
    try:
        with path.open("rb") as file:
            _Unpickler(file).load()
    except OSError:
        raise
    except Exception as error:  # a damaged pickle fails in many ways
        raise ValueError(
            f"{path} is damaged or no list of tensors alone that is safe to load ({error}); take another checkpoint."
        ) from error


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        is_dtype = module == "torch" and isinstance(getattr(torch, name, None), torch.dtype)
        if is_dtype or name in CLASSES.get(module, ()):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it names {module}.{name}")
