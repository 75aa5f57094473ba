"""What lies behind one another on a ray, mixed front to back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lumina.scenes.rays import Hits, Rays, Singles

MOST_LAYERS = 64  # surfaces on one ray, clear texels among them; what lies behind is not seen
CLEAR = 1 / 512  # share of light below which nothing more is seen: half a step of 8 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """What rays see.

    Attributes:
        hits: the surface that gives most to each ray that meets the mesh, with its depth from the rays' origin.
        colours: ``[K, 4]`` RGBA, premultiplied.
    """

    hits: Hits
    colours: Singles


def mix(rays: Rays, cast: Callable[[Rays], Hits], colours: Callable[[Hits], Singles], step: float) -> Mixed:
    """Goes from surface to surface while light comes through.

    Args:
        rays: from the camera.
        cast: finds the next surface.
        colours: ``[K, 4]`` of hits, not premultiplied.
        step: depth between two surfaces below which they are one.
    """
    first = cast(rays)
    total = colours(first)
    total[:, :3] *= total[:, 3:]
    strongest = total[:, 3].copy()
    hits, place, done = first, np.arange(len(first.ray)), np.zeros(len(first.ray), np.float32)
    face, weights, depth = first.face.copy(), first.weights.copy(), first.depth.copy()
    here = rays[first.ray]
    for _ in range(MOST_LAYERS - 1):
        through = np.flatnonzero(total[place, 3] < 1 - CLEAR)
        if not len(through):
            break
        place, way = place[through], hits.depth[through] + np.float32(step)
        done, previous = done[through] + way, hits.face[through]
        here = here[through].moved(way)
        hits = cast(here)
        place, done, here = place[hits.ray], done[hits.ray], here[hits.ray]
        layer = colours(hits)
        layer[hits.face == previous[hits.ray]] = 0  # a ray that grazes a triangle meets it again
        share = layer[:, 3] * (1 - total[place, 3])
        total[place, :3] += share[:, None] * layer[:, :3]
        total[place, 3] += share
        better = share > strongest[place]
        at = place[better]
        strongest[at], face[at], weights[at] = share[better], hits.face[better], hits.weights[better]
        depth[at] = (done + hits.depth)[better]
    most = Hits(ray=first.ray, depth=depth, face=face, weights=weights, direction=first.direction)
    return Mixed(hits=most, colours=total)
