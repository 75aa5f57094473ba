"""Refuses sharded checkpoints that hold more than tensors.

PyTorch unpickles ``.metadata``, the list of what lies in which shard, without looking: whoever wrote the file decides
what runs. It is read here first with the classes that such a list is made of. (What lies in the shards is covered by
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
    """Reads the list of a sharded checkpoint without running anything.

    Args:
        folder: the checkpoint.

    Raises:
        ValueError: it names something else than tensors and where they lie, or is damaged.
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
