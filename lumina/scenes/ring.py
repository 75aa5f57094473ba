"""The cameras of drawn views: on a ring around the object, which they look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lumina.scenes.cameras import Camera

SPREAD = 1e-3  # of a number that is the same for all cameras, in its unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """Cameras at one elevation and distance.

    A model is told azimuths alone. What is not the same in all of its training views is not known of drawn ones either.

    Attributes:
        elevation: in degrees; None = not known.
        distance: from the object's middle, in units of the training meshes; None = not known.
        field_of_view: the horizontal one, in degrees; None = not known.
    """

    elevation: float | None = None
    distance: float | None = None
    field_of_view: float | None = None

    @classmethod
    def of(cls, cameras: Iterable[Camera]) -> Ring:
        """What cameras that look at the origin have in common."""
        seen = [(c.elevation, float(np.linalg.norm(c.camera_to_world[:3, 3])), c.field_of_view) for c in cameras]
        if not seen:
            return cls()
        least, most = np.min(seen, 0), np.max(seen, 0)
        known = [
            float((low + high) / 2) if high - low <= SPREAD else None for low, high in zip(least, most, strict=True)
        ]
        return cls(elevation=known[0], distance=known[1], field_of_view=known[2])

    @property
    def assumed(self) -> dict[str, float]:
        """What is not known, with the number that stands for it."""
        return {name: value for name, value in USUAL.items() if getattr(self, name) is None}

    def cameras(self, azimuths: Sequence[float], size: tuple[int, int]) -> list[Camera]:
        """One at each azimuth, in degrees, for pictures of a height and a width."""
        numbers: dict[str, Any] = asdict(self) | self.assumed
        return [Camera.around(azimuth, size=size, **numbers) for azimuth in azimuths]


USUAL = {"elevation": 20.0, "distance": 2.0, "field_of_view": 40.0}
