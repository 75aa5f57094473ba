"""What lies behind one another on a ray, mixed front to back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lumina.scenes.rays import Hits, Numbers, Rays, Singles

MOST_LAYERS = 64  # surfaces on one ray, clear texels among them; what lies behind is not seen
CLEAR = 1 / 512  # share of light below which nothing more is seen: half a step of 8 bits
FARTHER = np.float32(1 + 1e-6)  # a few steps of single precision: past a surface, however far it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """What rays see.

    Attributes:
        hits: the surface that gives most to each ray that meets the mesh.
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
    place = np.arange(len(hits.ray))
    for _ in range(MOST_LAYERS - 1):
        through = np.flatnonzero(total[place, -1] < 1 - CLEAR)
        if not len(through):
            break
        rays = rays.beyond(hits.ray[through], hits.depth[through] * FARTHER + np.float32(step))
        place, previous = place[through], hits.face[through]
        hits = cast(rays)
        place = place[hits.ray]
        layer = colours(hits)
        layer[hits.face == previous[hits.ray]] = 0  # a ray that grazes a triangle meets it again
        share = layer[:, -1] * (1 - total[place, -1])
        layer[:, -1] = 1
        total[place] += share[:, None] * layer
        better = np.flatnonzero(share > strongest[place])
        strongest[place[better]] = share[better]
        _replace(most, place[better], hits, better)
    return Mixed(hits=most, colours=total)


def _replace(most: Hits, at: Numbers, hits: Hits, which: Numbers) -> None:
    """Puts some hits in place of others on the same rays."""
    most.depth[at], most.face[at] = hits.depth[which], hits.face[which]
    most.weights[at], most.flat[at] = hits.weights[which], hits.flat[which]
