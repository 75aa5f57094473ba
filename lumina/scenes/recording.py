"""Records an object: the cameras around it, drawn from a seed and its name, and what they see."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from lumina.randomness import Purpose, keyed_random
from lumina.scenes.cameras import Camera, Floats
from lumina.scenes.mesh import Mesh
from lumina.scenes.normalise import transformed
from lumina.scenes.renderer import Renderer, Rendering, fitting_distance
from lumina.scenes.shading import Light
from lumina.scenes.views import Role, View

STEEPEST = 89.0
"""Degrees; a camera right above the object has no azimuth."""

MOST = {"groups": 10_000, "views": 10_000, "size": 4096, "rays": 1024}
"""More than anybody needs; what is far beyond would fill the memory."""

Azimuths = Literal["random", "even", "mixed"]
STRETCHED = 2
"""The first group that may be stretched; as many are not after each as many that are."""

Range = tuple[float, float]
Factors = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How objects are recorded.

    Args:
        groups: of each object; each has an elevation of its own, and one reference at the azimuth of its first view.
        views: of a group.
        azimuths: "random"; "even" = the circle in equal parts, the first view of the first group at 0; "mixed" = each
            second group even and from 0, beginning with the first, the others random: evaluation takes the first group.
        elevation: of a group, in degrees; two numbers = a random one between them. A model is told azimuths alone, so
            one elevation for all leaves nothing to guess.
        reference_elevation: of the reference, in degrees; the same.
        stretch: 1 = objects as they are; 1.5 = each second pair of groups (2 and 3, 6 and 7, ..., counted from 0) shows
            an object whose width, depth and height are each multiplied by a random factor from 1 / 1.5 to 1.5, and
            which is then scaled to its former size: more shapes to train on. ``stretches`` in transforms.json has the
            factors of every group.
        field_of_view: in degrees; the camera stands where no view of the object is cut off.
        size: height and width, in pixels.
        rays: for one pixel.
        light: "object" = fixed to the object; "none" = the materials' own colours.
        depth: whether a picture's depth is kept.
        normals: whether a picture's normals are kept.
        seed: of the cameras.

    Raises:
        ValueError: a number is out of its range.
    """

    groups: int = 4
    views: int = 8
    azimuths: Azimuths = "random"
    elevation: float | Range = 20.0
    reference_elevation: float | Range = (-10.0, 45.0)
    stretch: float = 1.0
    field_of_view: float = 40.0
    size: int = 256
    rays: int = 4
    light: Light = "object"
    depth: bool = False
    normals: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks the numbers."""
        for name, most in MOST.items():
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"Got {name} {getattr(self, name):,}: set 1 to {most:,}.")
        for name in ("elevation", "reference_elevation"):
            least, greatest = _range(getattr(self, name))
            if not -STEEPEST <= least <= greatest <= STEEPEST:
                raise ValueError(
                    f"Got {name} {least:g} to {greatest:g}: set degrees between {-STEEPEST:g} and {STEEPEST:g}, the "
                    "lower one first."
                )
        if not 1 <= self.stretch <= 4:
            raise ValueError(f"Got stretch {self.stretch:g}: set 1 (as it is) to 4, the greatest factor.")
        if self.stretch != 1 and self.groups <= STRETCHED:
            raise ValueError(
                f"Got stretch {self.stretch:g} and groups {self.groups}: set groups to {STRETCHED + 1} or more; those "
                "before show the object as it is."
            )
        if not 1 <= self.field_of_view <= 120:
            raise ValueError(f"Got field_of_view {self.field_of_view:g}: set 1 to 120 degrees.")


def _range(angle: float | Range) -> Range:
    return angle if isinstance(angle, tuple) else (angle, angle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A picture to take.

    Attributes:
        stem: of its files.
        camera: that takes it.
        group: of the views that belong together.
        role: as in `lumina.scenes.views.View`.
    """

    stem: str
    camera: Camera
    group: int
    role: Role


def shots(recipe: Recipe, name: str, group: int, distance: float) -> Iterator[Shot]:
    """The pictures of a group of views, the reference last.

    Args:
        recipe: how the object is recorded.
        name: of the object, which with the seed decides what is random.
        group: from 0.
        distance: of the cameras.
    """
    size, angle = (recipe.size, recipe.size), recipe.field_of_view
    random = keyed_random(Purpose.CAMERAS, recipe.seed, _key(name), group)
    elevation, reference = (
        random.uniform(*_range(recipe.elevation)),
        random.uniform(*_range(recipe.reference_elevation)),
    )
    match recipe.azimuths, group % 2:
        case "even", _:
            around = [360 * (view + group / recipe.groups) / recipe.views for view in range(recipe.views)]
        case "mixed", 0:
            around = [360 * view / recipe.views for view in range(recipe.views)]
        case _:
            around = [random.uniform(0, 360) for _ in range(recipe.views)]
    for view, azimuth in enumerate(around):
        camera = Camera.around(azimuth, elevation, distance, angle, size)
        yield Shot(stem=f"{group:02d}_{view:02d}", camera=camera, group=group, role="view")
    camera = Camera.around(around[0], reference, distance, angle, size)
    yield Shot(stem=f"{group:02d}_reference", camera=camera, group=group, role="reference")


def stretches(mesh: Mesh, recipe: Recipe, name: str) -> list[Factors]:
    """By which factors the width, depth and height of an object are multiplied in each group.

    The longest side of its box stays as long as it is.
    """
    sides = np.ptp(mesh.vertices, axis=0)
    return [_stretch(sides, recipe, name, group) for group in range(recipe.groups)]


def _stretch(sides: Floats, recipe: Recipe, name: str, group: int) -> Factors:
    if recipe.stretch == 1 or group // STRETCHED % 2 == 0:
        return 1.0, 1.0, 1.0
    random, most = keyed_random(Purpose.STRETCHES, recipe.seed, _key(name), group), math.log(recipe.stretch)
    factors = np.exp([random.uniform(-most, most) for _ in range(3)])
    across, along, up = (factors * sides.max() / (factors * sides).max()).tolist()
    return across, along, up


def _key(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(os.fsencode(name), digest_size=8).digest(), "little")


def record(mesh: Mesh, recipe: Recipe, name: str) -> Iterator[tuple[Shot, Rendering]]:
    """Renders the pictures of an object, group by group.

    Args:
        mesh: z up, around the origin.
        recipe: how it is recorded.
        name: of the object.
    """
    whole = Renderer(mesh, recipe.light)
    for group, factors in enumerate(stretches(mesh, recipe, name)):
        stretched = factors != (1, 1, 1)
        shown = transformed(mesh, np.diag(factors)) if stretched else mesh
        renderer = Renderer(shown, recipe.light) if stretched else whole
        for shot in shots(recipe, name, group, fitting_distance(shown, recipe.field_of_view)):
            yield shot, renderer.render(shot.camera, recipe.rays)


def write(shot: Shot, rendering: Rendering, recipe: Recipe, folder: Path) -> View:
    """Writes a picture as PNG (RGBA, 8 bits, not premultiplied) and what the recipe keeps beside it.

    Depth is an npy of float32 ``[H, W]`` along the viewing axis, 0 where nothing is; normals are an npy of float16
    ``[H, W, 3]`` in the world's axes.
    """
    picture = folder / f"{shot.stem}.png"
    Image.fromarray(np.rint(255 * rendering.rgba).astype(np.uint8)).save(picture)
    depth, normals = folder / f"{shot.stem}_depth.npy", folder / f"{shot.stem}_normals.npy"
    kept = dict[str, Any]()
    if recipe.depth:
        np.save(depth, np.where(np.isfinite(rendering.depth), rendering.depth, 0).astype(np.float32))
        kept["depth"] = depth
    if recipe.normals:
        np.save(normals, rendering.normals.astype(np.float16))
        kept["normals"] = normals
    return View(file=picture, camera=shot.camera, group=shot.group, role=shot.role, **kept)
