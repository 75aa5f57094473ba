"""NumPy's files, whose headers promise no more than the file holds and which do not swell beyond measure."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as header

from lumina.files.regular import open_regular
from lumina.files.zip_file import check_swelling

READERS = {(1, 0): header.read_array_header_1_0, (2, 0): header.read_array_header_2_0}


@contextmanager
def open_arrays(path: str | Path) -> Iterator[Any]:
    """The named arrays of an ``.npz`` file, each read when it is asked for.

    Raises:
        OSError: it is not there.
        ValueError: it is damaged, or asks for more memory than it has content.
    """
    with open_regular(path) as file:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            check_swelling(members)
            for member in members:
                with archive.open(member) as content:
                    _check_header(content, member.file_size, member.filename)
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            yield arrays


def load_array(path: str | Path) -> npt.NDArray[Any]:
    """The array of an ``.npy`` file.

    Raises:
        OSError: it is not there.
        ValueError: it is damaged, or its header promises more than it holds.
    """
    with open_regular(path) as file:
        _check_header(file, Path(path).stat().st_size, str(path))
        file.seek(0)
        array: npt.NDArray[Any] = np.load(file, allow_pickle=False)
        return array


def _check_header(file: IO[bytes], size: int, name: str) -> None:
    version = header.read_magic(file)
    if version not in READERS:
        raise ValueError(f"{name} has the version {version} of NumPy's format, expected (1, 0) or (2, 0)")
    try:
        shape, _, dtype = READERS[version](file)
    except ValueError:
        raise
    except Exception as error:  # what NumPy's parser of Python literals stumbles over
        raise ValueError(f"{name} has a damaged header ({type(error).__name__})") from error
    promised = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or promised > size - file.tell():
        raise ValueError(f"{name} promises {promised} bytes of {dtype} and holds {size - file.tell()}")
