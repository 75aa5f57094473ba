"""What a layout of files is, and what every reader of one checks."""

from __future__ import annotations

import math
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lumina.errors import CorruptSample
from lumina.pictures.reading import load_rgba
from lumina.scenes.cameras import Floats, Lens, faults, inverse
from lumina.scenes.views import ViewSet

LARGEST = 2**16  # pixels of a side
FARTHEST = 1e7  # pixels of a focal length, or to the centre
LOOKS_PAST = "the object's centre lies outside of the picture"
UNEQUAL = "pictures of one object differ in size"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How files of views are named and what is in them.

    Attributes:
        name: as users type it.
        is_at: whether a folder holds the views of one object in this layout; a few questions to the file system.
        read: the views in such a folder; raises what `reading` takes, with the reason alone.
        write: writes views into a folder; None = there is no writer.
    """

    name: str
    is_at: Callable[[Path], bool]
    read: Callable[[Path], ViewSet]
    write: Callable[[ViewSet, Path], None] | None = None


def checked(views: ViewSet) -> ViewSet:
    """Views whose cameras are cameras and whose pictures are there, with remarks on what is odd.

    Raises:
        ValueError: there are no views, a matrix is no pose, a focal length or a size is not positive, or pictures are
            missing.
    """
    if not views.views:
        raise ValueError("it has no views")
    matrices = np.stack([view.camera.camera_to_world for view in views.views])
    lenses = np.array([(*focal, *centre, *size) for focal, centre, size in (v.camera.lens for v in views.views)], float)
    fine = (lenses[:, :2] > 0).all(axis=1) & (lenses[:, 4:] >= 1).all(axis=1) & (lenses[:, 4:] <= LARGEST).all(axis=1)
    fine &= (np.abs(lenses) <= FARTHEST).all(axis=1)
    for view, fault, lens_is_fine in zip(views.views, faults(matrices), fine, strict=True):
        if fault is not None:
            raise ValueError(f"the matrix of {view.file.name} {fault}")
        if not lens_is_fine:
            raise ValueError(
                f"{view.file.name} has a focal length that is not positive, a side not 1 to {LARGEST} pixels, or a "
                f"lens of more than {FARTHEST:g} pixels"
            )
    missing = [view.file.name for view in views.views if not os.path.isfile(view.file)]
    if missing:
        raise ValueError(f"{len(missing)} of {len(views.views)} pictures are missing, {missing[0]} first")
    odd = Counter(views.remarks)
    odd[LOOKS_PAST] = _look_past(matrices, lenses)
    odd[UNEQUAL] = len(views.views) - Counter(view.camera.size for view in views.views).most_common(1)[0][1]
    return replace(views, remarks=dict(+odd))


def _look_past(matrices: Floats, lenses: Floats) -> int:
    """How many of the poses ``[N, 4, 4]`` do not have the origin in their pictures.

    Args:
        matrices: camera-to-world.
        lenses: ``[N, 6]``: fx, fy, cx, cy, height and width.
    """
    right, up, back = -np.einsum("nji,nj->in", matrices[:, :3, :3], matrices[:, :3, 3])
    fx, fy, cx, cy, height, width = lenses.T
    with np.errstate(all="ignore"):
        x, y = cx - fx * right / back, cy + fy * up / back
    inside = (back < 0) & (x >= 0) & (x <= width) & (y >= 0) & (y <= height)
    return int((~inside).sum())


def below(folder: Path, name: Any) -> Path:
    """The file that a text of strangers names, in a folder.

    Raises:
        ValueError: it is no name, or leads out of the folder.
    """
    if not isinstance(name, str) or not name or min(name) < " ":
        raise ValueError(f"{name!r:.80} is no name of a picture")
    path = name.replace("\\", "/")
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"{name!r:.80} leads out of the folder: expected a path inside it")
    return folder / path


def numbers(values: Any, shape: tuple[int, ...], name: str) -> Floats:
    """Numbers in a file as an array.

    Raises:
        ValueError: they are no numbers, not finite, or have another shape.
    """
    try:
        array = np.array(values)
    except ValueError:  # rows of unequal length
        array = np.array(None)
    if array.dtype.kind not in "fiu" or array.shape != shape:
        expected = f"{' by '.join(map(str, shape))} numbers" if shape else "a number"
        given = f"an array {list(array.shape)} of {array.dtype}" if array.size > 1 else repr(values)
        raise ValueError(f"{name} is {given:.80}, expected {expected}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds numbers that are not finite")
    return array.astype(np.float64)


def number(values: Mapping[str, Any], name: str) -> float | None:
    """A named number, None if it is not there.

    Raises:
        ValueError: it is no finite number.
    """
    value = values.get(name)
    if value is None or (type(value) is float and math.isfinite(value)):
        return value
    return float(numbers(value, (), name))


def read_safely(layout: Layout, folder: Path) -> ViewSet:
    """The checked views in a folder.

    Raises:
        CorruptSample: they cannot be used; says why.
    """
    try:
        return checked(layout.read(folder))
    except (ValueError, OSError, KeyError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise CorruptSample(folder, reason) from error


def inverted(matrix: Floats, name: str) -> Floats:
    """The inverse of a matrix ``[4, 4]``.

    Raises:
        ValueError: it has none; says whose it is.
    """
    try:
        return inverse(matrix)
    except ValueError as error:
        raise ValueError(f"the matrix of {name} has no inverse") from error


def file_names(views: ViewSet) -> list[str]:
    """Names under which the pictures can lie in one folder: their own where these are distinct, else numbers."""
    own = [view.file.name for view in views.views]
    if len({name.lower() for name in own}) == len(own) and all(name.isprintable() for name in own):
        return own
    return [f"{number:03d}{view.file.suffix}" for number, view in enumerate(views.views)]


def copied(file: Path, folder: Path, name: str) -> str:
    """The file's path in the folder, into which it is copied under a name if it lies elsewhere.

    Raises:
        FileExistsError: another file has the name there.
    """
    if file.absolute().is_relative_to(folder.absolute()):
        return file.absolute().relative_to(folder.absolute()).as_posix()
    if (folder / name).exists():
        raise FileExistsError(f"{folder / name} exists already; {file} is not copied there")
    shutil.copyfile(file, folder / name)
    return name


def save_png(file: Path, target: Path) -> None:
    """Copies a PNG, or writes a picture of another format as one.

    Raises:
        CorruptSample: the picture cannot be read.
    """
    if file.suffix.lower() == ".png":
        shutil.copyfile(file, target)
    else:
        load_rgba(file).save(target)


def one_lens(views: ViewSet, where: str) -> Lens:
    """Focal length, centre and size of all views.

    Raises:
        ValueError: they differ.
    """
    lenses = {view.camera.lens for view in views.views}
    if len(lenses) != 1:
        raise ValueError(f"the views of {views.name} have {len(lenses)} lenses or sizes; {where} holds one")
    return lenses.pop()
