"""Sheets of views that a model draws of objects, beside the true ones.

``python -m benchmarks.view_pictures MODEL FOLDER OUTPUT --names '*chair,bed' [--meshes MESHES] [--steps 1]``

FOLDER is what ``lumina render MESHES FOLDER --azimuths=even`` (or mixed) wrote: the first group of an object is its
true views. OUTPUT gets

* ``counts.png``: 4, 6 and 8 views by the reference;
* ``conditions.png``: 8 true views, and those drawn by the reference, by the caption and by both;
* ``wrong_azimuths.png``: the true views, what is drawn at their azimuths, and what is drawn 45 degrees further on;
* ``turntable.png`` and ``.gif``: 24 azimuths of the first object, in three runs that share azimuth 0;
* ``hulls.png``, where MESHES are given: three sides of each mesh, of the visual hull of its true views and of that of
  the drawn ones; ``hull_NAME.ply`` is the latter.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from datamodules.multiview import MultiViewFolder, Objects
from lumina.commands.sample import draw
from lumina.data.census import Census
from lumina.generation.how import How
from lumina.generation.what import What
from lumina.metrics.views.foreground import foreground
from lumina.metrics.views.hull import Hull, carve
from lumina.metrics.views.pinholes import Pinholes
from lumina.pictures.sheet import to_uint8
from lumina.scenes.cameras import Camera
from lumina.scenes.reading import read_mesh
from lumina.scenes.renderer import Renderer
from lumina.scenes.sources import find_sources
from lumina.scenes.turntable import write_gif

VIEWS = 8
TURNTABLE = ((0, *range(15, 121, 15)), (0, *range(135, 241, 15)), (0, *range(255, 346, 15)))
SIDES = (30, 120, 250)
"""Azimuths from which hulls are shown, which are none of the views'."""
WHITE = (1.0, 1.0, 1.0)

Row = list[Tensor]


@dataclass(frozen=True)
class Object:
    """An object and its true views.

    Attributes:
        name: its folder.
        caption: of it.
        reference: the file of its reference.
        shown: the reference, ``[3, H, W]`` in [-1, 1].
        views: ``[N, 3, H, W]``, at even azimuths.
        cameras: of the views.
        camera: of the first view.
    """

    name: str
    caption: str
    reference: Path
    shown: Tensor
    views: Tensor
    cameras: Pinholes
    camera: Camera


def read_objects(folder: Path, names: Sequence[str], size: int) -> list[Object]:
    """Objects by patterns of their folders' names, in the order of the patterns.

    Raises:
        ValueError: a pattern fits none.
    """
    data = MultiViewFolder(batch_size=1, root=folder, size=size, views=VIEWS, cache=None)
    return [_object(data, _place(data.sets.names, name)) for name in names]


def _place(names: Sequence[str], pattern: str) -> int:
    for place, name in enumerate(names):
        if fnmatch(name, pattern) or fnmatch(name.rpartition("/")[2], pattern):
            return place
    raise ValueError(f"--names {pattern} is none of the {len(names)} objects, {names[0]} say.")


def _object(data: MultiViewFolder, place: int) -> Object:
    item = Objects(data.sets, [place], {}, None)[0]
    shown = data.transform(item)
    views = item["views"].views.views
    references = [view.file for view in views if view.role == "reference"]
    return Object(
        name=item["name"],
        caption=item["caption"],
        reference=references[0],
        shown=shown["reference"],
        views=shown["views"],
        cameras=Pinholes.of_view(shown["camera_to_world"], shown["field_of_view"]),
        camera=views[0].camera,
    )


@dataclass(frozen=True)
class Pen:
    """Draws views by a model.

    Attributes:
        model: as `lumina sample` takes it.
        how: to draw.
        seed: of the noise.
    """

    model: Path
    how: How
    seed: int = 1

    def __call__(self, **what: Any) -> list[Tensor]:
        """``[N, 3, H, W]`` of each object."""
        return draw(self.model, What(**what, seed=self.seed), self.how)


def counts(pen: Pen, objects: Sequence[Object]) -> list[Row]:
    """Rows of 4, 6 and 8 views of each object."""
    drawn = {count: pen(reference=[one.reference for one in objects], views=count) for count in (4, 6, VIEWS)}
    return [[one.shown, *drawn[count][place]] for place, one in enumerate(objects) for count in drawn]


def conditions(pen: Pen, objects: Sequence[Object]) -> list[Row]:
    """Rows of true views, and of those by the reference, the caption and both, of each object."""
    rows = []
    for one in objects:
        rows.append([one.shown, *one.views])
        reference, caption = {"reference": one.reference}, {"prompt": one.caption}
        for given in (reference, caption, reference | caption):
            rows.append([torch.ones_like(one.shown), *pen(**given, views=VIEWS)[0]])
    return rows


def wrong_azimuths(pen: Pen, objects: Sequence[Object]) -> list[Row]:
    """Rows of true views, of those drawn at their azimuths, and of those at azimuths that are 45 degrees more."""
    rows = []
    for one, drawn in zip(objects, pen(reference=[one.reference for one in objects], views=VIEWS), strict=True):
        white = torch.ones_like(one.shown)
        rows += [[one.shown, *one.views], [white, *drawn], [white, *drawn.roll(-1, 0)]]  # the next is 45 degrees on
    return rows


def turntable(pen: Pen, one: Object) -> Tensor:
    """``[24, 3, H, W]`` of an object, of runs that share azimuth 0."""
    found: dict[int, Tensor] = {}
    for azimuths in TURNTABLE:
        (drawn,) = pen(reference=[one.reference], azimuths=list(azimuths))
        found = dict(zip(azimuths, drawn, strict=True)) | found
    return torch.stack([found[azimuth] for azimuth in sorted(found)])


def hulls(pen: Pen, objects: Sequence[Object], meshes: Path, output: Path) -> list[Row]:
    """Rows of three sides of each mesh, of the hull of its true views and of the hull of drawn views.

    Raises:
        ValueError: there is no mesh of a name.
    """
    sources = {source.name: source for source in find_sources(meshes, Census())}
    rows = []
    for one, drawn in zip(objects, pen(reference=[one.reference for one in objects], views=VIEWS), strict=True):
        if one.name not in sources:
            raise ValueError(f"--meshes {meshes} has no {one.name}.")
        mesh, _ = sources[one.name].read(None)
        row = _sides(Renderer(mesh), one)
        for views, file in ((one.views, "true"), (drawn, one.name.replace("/", "_"))):
            hull = carve(foreground((views.clamp(-1, 1) + 1) / 2, WHITE), one.cameras)
            path = write_hull(hull, output / f"hull_{file}.ply")
            row += _sides(Renderer(read_mesh(path)), one)
        rows.append(row)
    (output / "hull_true.ply").unlink()
    return rows


def write_hull(hull: Hull, file: Path) -> Path:
    """The voxels of a hull as boxes in a PLY file.

    Raises:
        ValueError: it is empty.
    """
    from trimesh.voxel import VoxelGrid

    if not hull.filled.any():
        raise ValueError(f"The hull for {file.name} is empty: the silhouettes have no body in common.")
    edges = ((hull.high - hull.low) / len(hull.filled)).double().numpy()
    matrix = np.diag([*edges, 1.0])
    matrix[:3, 3] = hull.low.double().numpy() + edges / 2
    VoxelGrid(hull.filled.numpy(), transform=matrix).as_boxes().export(file)
    return file


def _sides(renderer: Renderer, one: Object) -> Row:
    size = one.shown.shape[-1]
    distance = float(np.linalg.norm(one.camera.camera_to_world[:3, 3]))
    row = []
    for azimuth in SIDES:
        camera = Camera.around(azimuth, 25, distance, one.camera.field_of_view, (size, size))
        rgba = renderer.render(camera, 4).rgba
        colours, alpha = torch.from_numpy(rgba).float().permute(2, 0, 1).split((3, 1))
        row.append((colours * alpha + 1 - alpha) * 2 - 1)
    return row


def save(rows: list[Row], file: Path, scale: int = 2) -> None:
    """Writes rows of pictures ``[3, H, W]``, white where a row is shorter."""
    longest, white = max(map(len, rows)), torch.ones_like(rows[0][0])
    sheet = torch.cat([torch.cat([*row, *[white] * (longest - len(row))], -1) for row in rows], -2)
    image = Image.fromarray(to_uint8(sheet).permute(1, 2, 0).numpy())
    image.resize((image.width * scale, image.height * scale), Image.Resampling.LANCZOS).save(file)
    print(file)


def main() -> None:
    """Parses the command line and writes the pictures."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.view_pictures", description="Sheets of drawn and true views."
    )
    parser.add_argument("model", type=Path, help="as of lumina sample --weights")
    parser.add_argument("folder", type=Path, help="of rendered objects")
    parser.add_argument("output", type=Path, help="a folder for the sheets")
    parser.add_argument("--names", required=True, help="patterns of names of objects, with commas between")
    parser.add_argument("--meshes", type=Path, help="the folder that was rendered (default: no hulls)")
    parser.add_argument("--steps", type=int, default=1, help="of the solver (default: 1)")
    parser.add_argument("--size", type=int, default=64, help="side of the pictures in pixels (default: 64)")
    given = parser.parse_args()
    objects = read_objects(given.folder, given.names.split(","), given.size)
    pen = Pen(given.model, How(steps=given.steps))
    given.output.mkdir(parents=True, exist_ok=True)
    save(counts(pen, objects[:2]), given.output / "counts.png")
    save(conditions(pen, objects), given.output / "conditions.png")
    save(wrong_azimuths(pen, objects), given.output / "wrong_azimuths.png")
    turned = turntable(pen, objects[0])
    save([[*turned[:12]], [*turned[12:]]], given.output / "turntable.png")
    write_gif(turned, given.output / "turntable.gif")
    if given.meshes is not None:
        save(hulls(pen, objects, given.meshes, given.output), given.output / "hulls.png")


if __name__ == "__main__":
    main()
