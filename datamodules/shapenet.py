"""ShapeNet as point clouds, in the two forms in which papers on generation have it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from lumina.clouds.point_clouds import PointClouds, Shapes
from lumina.config.locate import locate
from lumina.errors import CorruptSample
from lumina.files.hdf5_file import dataset_of, open_hdf5
from lumina.files.numpy_file import load_array
from lumina.values import Split

SYNSETS = {
    "airplane": "02691156", "bag": "02773838", "basket": "02801938", "bathtub": "02808440", "bed": "02818832",
    "bench": "02828884", "birdhouse": "02843684", "bookshelf": "02871439", "bottle": "02876657", "bowl": "02880940",
    "bus": "02924116", "cabinet": "02933112", "camera": "02942699", "can": "02747177", "cap": "02954340",
    "car": "02958343", "cellphone": "02992529", "chair": "03001627", "clock": "03046257", "dishwasher": "03207941",
    "earphone": "03261776", "faucet": "03325088", "file": "03337140", "guitar": "03467517", "helmet": "03513137",
    "jar": "03593526", "keyboard": "03085013", "knife": "03624134", "lamp": "03636649", "laptop": "03642806",
    "mailbox": "03710193", "microphone": "03759954", "microwave": "03761084", "monitor": "03211117",
    "motorcycle": "03790512", "mug": "03797390", "piano": "03928116", "pillow": "03938244", "pistol": "03948459",
    "pot": "03991062", "printer": "04004475", "remote_control": "04074963", "rifle": "04090263", "rocket": "04099429",
    "skateboard": "04225987", "sofa": "04256520", "speaker": "03691459", "stove": "04330267", "table": "04379243",
    "telephone": "04401088", "tin_can": "02946921", "tower": "04460130", "train": "04468005", "vessel": "04530566",
    "washer": "04554684",
}  # fmt: skip
"""ShapeNetCore's categories and their WordNet numbers."""

NUMBERS = sorted(SYNSETS.values())

TRAINED = 10_000  # PointFlow trains on the first so many of a shape's 15,000 points and evaluates on the others
Part = Literal["train", "val", "test"]


class ShapeNet(PointClouds):
    """ShapeNetCore.v2 as diffusion-point-cloud or PointFlow has it; which one is told by what is at ``root``.

    * a file: ``shapenet.hdf5`` of diffusion-point-cloud, ``SYNSET/{train,val,test}`` arrays of 2,048 points a shape;
    * a folder: ``ShapeNetCore.v2.PC15k`` of PointFlow, ``SYNSET/{train,val,test}/*.npy`` of 15,000 points a shape, of
      which the first 10,000 are for training and the others for evaluation, in their order.

    The official splits are used. Fields: those of `lumina.clouds.point_clouds.PointClouds`, and ``label``, the index of
    the category's WordNet number among all 55, whichever are chosen: a model of all can go on with one.

    Args:
        root: the file or the folder.
        categories: names or WordNet numbers; None = all that are there.
        test_split: which split `lumina test` measures; PointFlow and most after it report on ``"val"``.
        loading: of `lumina.clouds.point_clouds.PointClouds`. The normalisation of diffusion-point-cloud
            is ``shape_unit``, that of PointFlow ``global_unit``; of PointFlow's clouds it is taken of the points in
            use: the 10,000 of training, the first ``eval_points`` of the others in evaluation.

    Raises:
        ValueError: for a category that ShapeNet does not have.
    """

    batch_keys: tuple[str, ...] = (*PointClouds.batch_keys, "label")
    label_names: tuple[str, ...] = tuple(sorted(SYNSETS, key=lambda name: SYNSETS[name]))

    def __init__(
        self,
        root: Path,
        categories: list[str] | None = None,
        test_split: Literal["val", "test"] = "test",
        **loading: Any,
    ) -> None:
        super().__init__(**loading)
        self.root, self.test_split = locate(root), test_split
        unknown = sorted(set(categories or ()) - set(SYNSETS) - set(SYNSETS.values()))
        if unknown:
            raise ValueError(f"ShapeNet has no categories {', '.join(unknown)}: choose from {', '.join(SYNSETS)}.")
        self.categories = categories

    @cached_property
    def synsets(self) -> list[str]:
        """WordNet numbers of the categories."""
        if self.categories is not None:
            return [SYNSETS.get(name, name) for name in self.categories]
        if self.root.is_dir():
            return sorted(path.name for path in self.root.iterdir() if path.name in SYNSETS.values())
        with _open(self.root) as file:
            return sorted(name for name in file if name in SYNSETS.values())

    def shapes(self, split: Split) -> Shapes:
        """The shapes of a split.

        Raises:
            ValueError: there is no data at ``root``, or none of a category.
        """
        part: Part = {"train": "train", "validation": "val", "test": self.test_split}[split]  # type: ignore[assignment]
        if self.root.is_dir():
            return self._of_folder(part, split == "train")
        return self._of_file(part)

    def _of_folder(self, part: Part, train: bool) -> Shapes:
        paths = [sorted((self.root / synset / part).glob("*.npy")) for synset in self.synsets]
        self._check([len(found) for found in paths], part)
        files = [path for found in paths for path in found]
        chosen = slice(TRAINED) if train else slice(TRAINED, TRAINED + self.eval_points)
        labels = [NUMBERS.index(path.parts[-3]) for path in files]
        return Shapes(read=partial(_read_npy, files, chosen), names=[str(path) for path in files], labels=labels)

    def _of_file(self, part: Part) -> Shapes:
        with _open(self.root) as file:
            paths = [f"{synset}/{part}" for synset in self.synsets]
            counts = [0 if data is None else len(data) for data in (dataset_of(file, path) for path in paths)]
        self._check(counts, part)
        clouds = [(synset, i) for synset, count in zip(self.synsets, counts, strict=True) for i in range(count)]
        names = [f"{self.root}:{synset}/{part}/{i}" for synset, i in clouds]
        labels = [NUMBERS.index(synset) for synset, _ in clouds]
        return Shapes(read=partial(_read_hdf5, self.root, part, clouds), names=names, labels=labels)

    def _check(self, counts: list[int], part: Part) -> None:
        empty = [synset for synset, count in zip(self.synsets, counts, strict=True) if not count]
        if empty or not counts:
            raise ValueError(
                f"{self.root} has no shapes in the split {part!r} of {', '.join(empty) or 'any category'}: set "
                "data.root to shapenet.hdf5 of diffusion-point-cloud, or to PointFlow's folder ShapeNetCore.v2.PC15k."
            )


def _read_npy(files: Sequence[Path], chosen: slice, index: int) -> npt.NDArray[np.floating]:
    try:
        cloud: npt.NDArray[np.floating] = load_array(files[index])[chosen]
    except (ValueError, EOFError, OSError, BadZipFile, TypeError, LookupError) as error:
        raise CorruptSample(files[index], error) from error
    return cloud


def _read_hdf5(root: Path, part: Part, clouds: Sequence[tuple[str, int]], index: int) -> npt.NDArray[np.floating]:
    synset, row = clouds[index]
    with _open(root) as file:
        try:
            cloud: npt.NDArray[np.floating] = dataset_of(file, f"{synset}/{part}")[row]
        except (OSError, ValueError) as error:  # of a damaged chunk
            raise CorruptSample(f"{root}:{synset}/{part}/{row}", error) from error
    return cloud


def _open(path: Path) -> Any:
    """The HDF5 file.

    Raises:
        ImportError: naming the extra to install.
        ValueError: it is not there, or no HDF5.
    """
    try:
        return open_hdf5(path)
    except OSError as error:
        raise ValueError(
            f"{path} is no HDF5 file ({error}): set data.root to shapenet.hdf5 of diffusion-point-cloud, or to "
            "PointFlow's folder ShapeNetCore.v2.PC15k."
        ) from error
