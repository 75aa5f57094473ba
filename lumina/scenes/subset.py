"""Chooses which views of an object a sample shows, and which one it is conditioned on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator

from lumina.data.batches import pick
from lumina.scenes.cameras import apart, wrapped
from lumina.scenes.views import View, ViewSet

ReferenceKind = Literal["own", "random", "none"]

SAME_AZIMUTH = 1.0  # degrees


@dataclass(frozen=True, slots=True, kw_only=True)
class Subset:
    """Some views of one group.

    Attributes:
        views: view 1 first.
        reference: a further view to condition on; None = none was asked for.
        azimuths: of the views in degrees, in [0, 360), relative to view 1, or to the reference where that has another
            azimuth.
    """

    views: tuple[View, ...]
    reference: View | None
    azimuths: tuple[float, ...]


def choose(
    view_set: ViewSet, count: tuple[int, int], reference: ReferenceKind, generator: Generator | None = None
) -> Subset:
    """Views of one group in random order; without a generator the first ones of the first group that has enough.

    Args:
        view_set: all pictures of an object.
        count: least and most views, of which a random number is taken; without a generator, as many as possible.
        reference: ``"own"`` = the reference of the group, and view 1 is the view at its azimuth if there is one; a
            random other view where the group has no reference. ``"random"`` = always any other view or reference.
        generator: source of all randomness.

    Raises:
        ValueError: no group has enough views, or no other view is left for the reference.
    """
    members = pick(_groups(view_set, count[0]), generator)
    own = [view for view in view_set.views if view.role == "reference" and view.group == members[0].group]
    given = pick(own, generator) if reference == "own" and own else None
    ahead = None if given is None else _nearest(members, given)
    most = min(count[1], len(members))
    number = most if generator is None else pick(range(count[0], most + 1), generator)
    order = range(len(members)) if generator is None else torch.randperm(len(members), generator=generator).tolist()
    if ahead is not None:
        order = [ahead, *(index for index in order if index != ahead)]
    views = tuple(members[index] for index in order[:number])
    if reference != "none" and given is None:
        given = pick(_others(view_set, views), generator)
    start = views[0] if given is None or ahead is not None else given
    azimuths = tuple(wrapped(view.camera.azimuth - start.camera.azimuth) for view in views)
    return Subset(views=views, reference=given, azimuths=azimuths)


def _groups(view_set: ViewSet, least: int) -> list[list[View]]:
    """The views of each group that has enough."""
    groups: dict[int, list[View]] = {}
    for view in view_set.views:
        if view.role == "view":
            groups.setdefault(view.group, []).append(view)
    enough = [members for members in groups.values() if len(members) >= least]
    if not enough:
        most = max(map(len, groups.values()), default=0)
        raise ValueError(f"its largest group has {most} views, but data.views asks for {least}")
    return enough


def _others(view_set: ViewSet, views: Sequence[View]) -> list[View]:
    shown, shape = {view.file for view in views}, view_set.stretch(views[0])
    others = [view for view in view_set.views if view.file not in shown and view_set.stretch(view) == shape]
    if not others:
        raise ValueError(
            f"all its {len(views)} views are shown and none is left as the reference: lower data.views, or set "
            "data.reference to none"
        )
    return others


def _nearest(members: Sequence[View], reference: View) -> int | None:
    """The index of the view at the azimuth of the reference."""
    away = [apart(view.camera.azimuth, reference.camera.azimuth) for view in members]
    nearest = min(range(len(members)), key=away.__getitem__)
    return nearest if away[nearest] <= SAME_AZIMUTH else None
