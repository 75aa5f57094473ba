"""A look at a part of the view sets of a data set, for the summary of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from lumina.data.census import counted
from lumina.data.uids import known
from lumina.errors import CorruptSample
from lumina.pictures.reading import has_alpha
from lumina.randomness import Purpose, keyed_generator
from lumina.scenes.sets import ViewSets
from lumina.scenes.views import ViewSet, remarks_of

LOOKED_AT = 200  # view sets
LEVEL = 5.0  # degrees between the elevations of views that count as one


def lines(sets: ViewSets, indices: Sequence[int], captions: dict[str, str]) -> Iterator[str]:
    """Views of an object, shares with a caption and with a reference, and what is odd.

    Args:
        sets: all view sets.
        indices: of those to look at, in random order; `LOOKED_AT` at most.
        captions: by UID, that go before those of the files.
    """
    order = torch.randperm(len(indices), generator=keyed_generator(Purpose.CHOICE))[:LOOKED_AT].tolist()
    found: list[ViewSet] = []
    told = opaque = 0
    for index in (indices[place] for place in order):
        try:
            opened = sets.open(index)
            views = opened.views
            opaque += not has_alpha(views.views[0].file)
        except CorruptSample:
            continue  # named and counted when it is served
        found.append(views)
        told += bool(views.caption or known(captions, sets.objects[index]))
    if found:
        yield _counts(found, told)
        yield from _opaque(opaque / len(found))
        yield from _tilted(found)
        yield from remarks_of(found)


def _counts(found: Sequence[ViewSet], told: int) -> str:
    groups = [len({view.group for view in views.views}) for views in found]
    views = [sum(view.role == "view" for view in one.views) for one in found]
    given = sum(any(view.role == "reference" for view in one.views) for one in found)
    return (
        f"{_range(views)} views of an object in {_range(groups)} groups, {told / len(found):.0%} with a caption, "
        f"{given / len(found):.0%} with a reference of their own (of {counted(len(found), 'object')} looked at)"
    )


def _opaque(share: float) -> Iterator[str]:
    if share:
        yield (
            f"the pictures of {share:.0%} of the objects have no transparency: they stay on the background that they "
            "have, and metrics take the whole picture for the object"
        )


def _tilted(found: Sequence[ViewSet]) -> Iterator[str]:
    spreads = [spread for views in found for spread in _spreads(views)]
    tilted = [spread for spread in spreads if spread > LEVEL]
    if tilted:
        yield (
            f"the views of {len(tilted) / len(spreads):.0%} of the groups differ in elevation, by up to "
            f"{max(tilted):.0f} degrees, of which the model is told nothing: it is told azimuths"
        )


def _spreads(views: ViewSet) -> Iterator[float]:
    elevations: dict[int, list[float]] = {}
    for view in views.views:
        if view.role == "view":
            elevations.setdefault(view.group, []).append(view.camera.elevation)
    yield from (max(group) - min(group) for group in elevations.values())


def _range(counts: Sequence[int]) -> str:
    return str(min(counts)) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
