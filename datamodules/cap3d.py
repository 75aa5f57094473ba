"""Cap3D: clouds of Objaverse's objects with captions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lumina.clouds.files import Up, read_shape, upright
from lumina.clouds.point_clouds import PointClouds, Shapes
from lumina.clouds.tensor_file import read_tensor
from lumina.config.locate import locate
from lumina.data.captions import read_captions
from lumina.data.census import Census
from lumina.data.holdout import held_out, require_share
from lumina.data.sources.listing import files_below
from lumina.values import Split

ENDINGS = (".pt", ".ply")


class Cap3D(PointClouds):
    """Clouds of 16,384 points, ``UID.pt`` or ``UID.ply`` in sub-folders too, with a caption each; colours are left out.

    Objects without a caption and captions without an object are left out; an object with two files counts once.
    ``"validation"`` and ``"test"`` are the same objects. Fields: those of `lumina.clouds.point_clouds.PointClouds`, and
    ``caption``.

    Args:
        root: folder of the unpacked ``PointCloud_pt_zips`` or ``PointCloud_zips``.
        captions: the CSV file of captions, a line an object: its UID, a comma and the text, in quotes or not.
        up: the files' upward axis.
        holdout: share of the objects held out, chosen by UID, whatever the seed.
        loading: of `lumina.clouds.point_clouds.PointClouds`. Mirroring and turning contradict captions
            that speak of sides.
    """

    batch_keys: tuple[str, ...] = (*PointClouds.batch_keys, "caption")

    def __init__(self, root: Path, captions: Path, up: Up = "z", holdout: float = 0.01, **loading: Any) -> None:
        super().__init__(**loading)
        self.root, self.captions = locate(root), locate(captions)
        self.up, self.holdout = up, holdout
        require_share(holdout)

    def shapes(self, split: Split) -> Shapes:
        """The objects of a split.

        Raises:
            ValueError: there are none with a caption, or the captions cannot be read.
        """
        paths, texts = self._found
        out = held_out([path.stem for path in paths], self.holdout)
        chosen = [path for path, held in zip(paths, out, strict=True) if held == (split != "train")]
        return Shapes(
            read=partial(_read, chosen, self.up),
            names=[str(path) for path in chosen],
            captions=[texts[path.stem] for path in chosen],
        )

    @cached_property
    def _found(self) -> tuple[list[Path], dict[str, str]]:
        """One file of each object that has a caption; the captions by UID."""
        census = self.left_out[str(self.root)] = Census()
        clouds = _clouds(self.root, census)
        texts = read_captions(self.captions, clouds.keys(), census, ENDINGS)
        census.leave_out("objects without a caption", [str(path) for uid, path in clouds.items() if uid not in texts])
        paths = [path for uid, path in clouds.items() if uid in texts]
        if not paths:
            raise ValueError(
                f"Found no cloud ({', '.join(ENDINGS)}) in {self.root} whose name is a UID of {self.captions}: unpack "
                f"Cap3D's PointCloud_pt_zips there, or change data.root. Left out: {census}."
            )
        return paths, texts


def _clouds(root: Path, census: Census) -> dict[str, Path]:
    """A file of each object, by its UID."""
    files = files_below(root, census, ENDINGS)
    census.leave_out_by_ending(file for file in files if not file.lower().endswith(ENDINGS))
    paths = [root / file for file in files if file.lower().endswith(ENDINGS)]
    clouds: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: ENDINGS.index(path.suffix.lower())):
        clouds.setdefault(path.stem, path)
    census.leave_out("further files of an object", [str(path) for path in paths if clouds[path.stem] != path])
    return {uid: clouds[uid] for uid in sorted(clouds)}


def _read(paths: Sequence[Path], up: Up, index: int) -> npt.NDArray[np.float64]:
    return read_object(paths[index], up)


def read_object(path: Path, up: Up) -> npt.NDArray[np.float64]:
    """``[P, 3]`` coordinates of a cloud, y upwards.

    Args:
        path: a .ply file; or a .pt file with a tensor ``[P, C]`` or ``[C, P]``, coordinates first among C.
        up: the file's upward axis.

    Raises:
        CorruptSample: the file cannot be read.
    """
    points = read_tensor(path) if path.suffix.lower() == ".pt" else np.asarray(read_shape(path).vertices)
    return upright(points, up).astype(np.float64)
