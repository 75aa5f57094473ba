"""HDF5 files that hold their data themselves and ask for no more memory than is meant."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from lumina.errors import importing

LARGEST = 1 << 30
"""Bytes that one row of a dataset may have."""


def open_hdf5(path: Path) -> Any:
    """The file, open for reading.

    Raises:
        ImportError: naming the extra to install.
        OSError: it is not there, or no HDF5.
    """
    with importing("h5py", "an HDF5 file"):
        import h5py
    return h5py.File(path, "r")


def dataset_of(file: Any, path: str) -> Any:
    """The dataset at a path of an open file, None where there is none.

    Raises:
        ValueError: it, or a group on the way, lies in another file; or one of its rows is too large.
    """
    import h5py

    node = file
    for name in path.split("/"):
        link = node.get(name, getlink=True) if isinstance(node, h5py.Group) and name in node.keys() else None
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{file.filename}:{path} is a link to another file: copy the data into one file.")
        node = node[name]
    if not isinstance(node, h5py.Dataset) or node.external or node.is_virtual:
        raise ValueError(f"{file.filename}:{path} holds no data of its own: copy the data into one file.")
    if node.dtype.itemsize * math.prod(node.shape[1:]) > LARGEST:
        raise ValueError(f"{file.filename}:{path} has rows of shape {list(node.shape[1:])}, which is too large.")
    return node
