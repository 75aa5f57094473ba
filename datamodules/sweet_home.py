"""Sweet Home 3D's furniture: 820 named models of things in and around a house, read from its own catalogues."""

from __future__ import annotations

import zipfile
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lumina.clouds.point_clouds import PointClouds, Shapes
from lumina.clouds.surface import sample_surface
from lumina.clouds.text_meshes import read_obj
from lumina.config.locate import locate
from lumina.data.arrays import file_stamp
from lumina.data.holdout import held_out_of_each, require_share
from lumina.data.shape_cache import ShapeCache
from lumina.errors import CorruptSample
from lumina.files.zip_file import check_swelling
from lumina.scenes.catalogues import Piece, read_catalogue
from lumina.values import Split

WORDS = {
    "seat": ("chair", "stool", "sofa", "couch", "bench"),
    "table": ("table", "desk"),
    "storage": ("cabinet", "bookcase", "wardrobe", "cupboard", "shelves", "chest", "dresser"),
    "lamp": ("lamp", "light", "chandelier", "lantern", "lamppost"),
    "bed": ("bed",),
    "opening": ("door", "window"),
    "person": ("male", "boy", "girl"),
    "plant": ("plant", "tree", "bamboo", "ficus", "hedge", "flowers"),
    "vehicle": ("bicycle", "bike", "scooter", "car", "truck", "bus", "van", "sedan"),
}
"""Classes of shapes, and how the word ends by which a name belongs to one."""

CODE = "latin-1"  # of models: numbers, and names that are passed over


class SweetHome(PointClouds):
    """Furniture, lamps, plants, people and vehicles as point clouds, at real size in cm.

    Each model is sampled once, evenly by area, and kept in the cache. ``label`` is the index of the class in
    ``classes``, ``caption`` the name in the catalogue. ``"validation"`` and ``"test"`` are the same shapes, a share of
    each class. The other fields are those of `lumina.clouds.point_clouds.PointClouds`.

    Args:
        root: folder of the catalogues ``*.sh3f``; by default where Debian's package puts them.
        classes: which classes of shapes, of `WORDS`; None = all pieces, and the catalogue's categories are the classes.
        sampled: points kept of each model.
        holdout: share of each class held out, chosen by name, whatever the seed.
        cache: folder for the clouds; None = sample the models each time.
        loading: of `lumina.clouds.point_clouds.PointClouds`.

    Raises:
        ValueError: for classes that there are not.
    """

    batch_keys: tuple[str, ...] = (*PointClouds.batch_keys, "label", "caption")

    def __init__(
        self,
        root: Path = Path("/usr/share/sweethome3d/furniture"),
        classes: list[str] | None = None,
        sampled: int = 8_192,
        holdout: float = 0.2,
        cache: Path | None = Path("~/.cache/lumina"),
        **loading: Any,
    ) -> None:
        super().__init__(**loading)
        self.root, self.classes, self.sampled = locate(root), classes, sampled
        self.holdout, self.cache = holdout, cache
        require_share(holdout)
        unknown = sorted(set(classes or ()) - set(WORDS))
        if unknown:
            raise ValueError(f"There are no classes {', '.join(unknown)}: choose from {', '.join(WORDS)}.")

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        """Names of the classes; a label is an index into them."""
        return tuple(self.classes or sorted({piece.category for piece in self._pieces}))

    def shapes(self, split: Split) -> Shapes:
        """The shapes of a split.

        Raises:
            ValueError: there are no catalogues.
        """
        labels = np.array([self._label(piece) for piece in self._pieces])
        out = held_out_of_each(self._cache.names, labels, self.holdout)
        chosen = np.flatnonzero((labels >= 0) & (out == (split != "train"))).tolist()
        cache = self._cache.select(chosen)
        return Shapes(
            read=cache.read,
            names=cache.names,
            labels=[int(labels[index]) for index in chosen],
            captions=[self._pieces[index].name for index in chosen],
        )

    @cached_property
    def _pieces(self) -> list[Piece]:
        files = sorted(self.root.glob("*.sh3f"))
        if not files:
            raise ValueError(
                f"There are no furniture catalogues *.sh3f in {self.root}: run `apt-get install sweethome3d-furniture` "
                "(Debian, Ubuntu), or unpack that package and set data.root to its folder furniture."
            )
        return [piece for file in files for piece in read_catalogue(file)]

    @cached_property
    def _cache(self) -> ShapeCache:
        names = [f"{piece.file.name}:{piece.model}" for piece in self._pieces]
        source = file_stamp(sorted({piece.file for piece in self._pieces}))
        return ShapeCache(names, self.sampled, self._sample, self.cache, source)

    def _sample(self, index: int) -> npt.NDArray[np.float64]:
        return sample_piece(self._pieces[index], self.sampled)

    def _label(self, piece: Piece) -> int:
        """Its class; -1 = none of those asked for."""
        if self.classes is None:
            return self.label_names.index(piece.category)
        shape = shape_class(piece.name)
        return self.classes.index(shape) if shape in self.classes else -1


def shape_class(name: str) -> str | None:
    """The class of a name, by the last of its words that tells one; None where no word does."""
    told = [kind for word in name.lower().split() for kind, ends in WORDS.items() if word.endswith(ends)]
    return told[-1] if told else None


def sample_piece(piece: Piece, count: int) -> npt.NDArray[np.float64]:
    """``[count, 3]`` points of a piece's surface in cm: right, up, towards the viewer.

    Raises:
        CorruptSample: the model cannot be read.
    """
    name = str(piece)
    try:
        with zipfile.ZipFile(piece.file) as archive:
            check_swelling([archive.getinfo(piece.model)])
            vertices, faces = read_obj(archive.read(piece.model).decode(CODE))
    except (KeyError, ValueError, IndexError, zipfile.BadZipFile) as error:
        raise CorruptSample(name, error) from error
    if faces is None:
        raise CorruptSample(name, "a mesh without faces")
    return sample_surface(vertices @ piece.standing(vertices).T, faces, count, name)
