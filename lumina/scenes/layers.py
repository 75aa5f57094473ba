"""What lies behind one another on a ray, mixed front to back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lumina.scenes.rays import Hits, Numbers, Rays, Singles

MOST_LAYERS = 64  # surfaces on one ray, clear texels among them; what lies behind is not seen
CLEAR = 1 / 512  # share of light below which nothing more is seen: half a step of 8 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """What rays see.

    Attributes:
        hits: the surface that gives most to each ray that meets the mesh, with its depth from the rays' origin.
        colours: ``[K, C]``, premultiplied, alpha last.
    """

    hits: Hits
    colours: Singles


def mix(rays: Rays, cast: Callable[[Rays], Hits], colours: Callable[[Hits], Singles], step: float) -> Mixed:
    """Goes from surface to surface while light comes through.

    Args:
        rays: from the camera.
        cast: finds the next surface.
        colours: ``[K, C]`` of hits, not premultiplied, alpha last.
        step: depth between two surfaces below which they are one.
    """
    hits = most = cast(rays)
    total = colours(hits)
    total[:, :-1] *= total[:, -1:]
    strongest = total[:, -1].copy()
    place, done, here = np.arange(len(hits.ray)), np.float32(0) * hits.depth, rays[hits.ray]
    for _ in range(MOST_LAYERS - 1):
        through = np.flatnonzero(total[place, -1] < 1 - CLEAR)
        if not len(through):
            break
        way, previous = hits.depth[through] + np.float32(step), hits.face[through]
        here = here[through].moved(way)
        hits = cast(here)
        place, done, here = place[through][hits.ray], (done[through] + way)[hits.ray], here[hits.ray]
        layer = colours(hits)
        layer[hits.face == previous[hits.ray]] = 0  # a ray that grazes a triangle meets it again
        share = layer[:, -1] * (1 - total[place, -1])
        layer[:, -1] = 1
        total[place] += share[:, None] * layer
        better = share > strongest[place]
        strongest[place[better]] = share[better]
        _replace(most, place[better], hits, np.flatnonzero(better), done)
    return Mixed(hits=most, colours=total)


def _replace(most: Hits, at: Numbers, hits: Hits, which: Numbers, done: Singles) -> None:
    """Puts some hits in place of others; ``done [K]`` is the way to the rays' origin."""
    most.depth[at] = done[which] + hits.depth[which]
    for ours, theirs in ((most.face, hits.face), (most.weights, hits.weights), (most.flat, hits.flat)):
        ours[at] = theirs[which]
