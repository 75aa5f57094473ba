"""The cameras of drawn views: on a ring around the object, which they look at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from lumina.scenes.cameras import Camera, Floats, azimuth_elevation

SPREAD = 0.01  # of a number that is the same for all cameras, in its unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """Cameras at one elevation and distance.

    A model is told azimuths alone. What is not the same in all of its training views is not known of drawn ones either.

    Attributes:
        elevation: in degrees; None = not known.
        distance: from the object's middle, in units of the training meshes; None = not known.
        field_of_view: the horizontal one, in degrees; None = not known.

    Raises:
        ValueError: a number is out of its range.
    """

    elevation: float | None = None
    distance: float | None = None
    field_of_view: float | None = None

    def __post_init__(self) -> None:
        elevation, distance, field_of_view = self.elevation, self.distance, self.field_of_view
        if elevation is not None and not -90 <= elevation <= 90:
            raise ValueError(f"Got elevation {elevation}: set degrees from -90 to 90.")
        if distance is not None and not 0 < distance < math.inf:
            raise ValueError(f"Got distance {distance}: set a number above 0.")
        if field_of_view is not None and not 0 < field_of_view < 180:
            raise ValueError(f"Got field_of_view {field_of_view}: set degrees between 0 and 180.")

    @classmethod
    def of(cls, matrices: Floats, fields_of_view: Sequence[float]) -> Ring:
        """What cameras have in common.

        Args:
            matrices: camera-to-world ``[N, 4, 4]``.
            fields_of_view: N of them, in degrees.
        """
        if not len(matrices):
            return cls()
        elevations = [azimuth_elevation(matrix)[1] for matrix in matrices]
        distances = np.linalg.norm(matrices[:, :3, 3], axis=1)
        seen = np.stack((elevations, distances, np.asarray(fields_of_view)))
        known = [round(float(row.mean()), 3) if np.ptp(row) <= SPREAD else None for row in seen]
        # what is too small to tell from 0 is not known
        return cls(elevation=known[0], distance=known[1] or None, field_of_view=known[2] or None)

    def completed(self, other: Ring) -> Ring:
        """With what another one knows beyond it."""
        own = {name: value for name, value in asdict(self).items() if value is not None}
        return replace(other, **own)

    @property
    def assumed(self) -> dict[str, float]:
        """What is not known, with the number that stands for it."""
        return {name: value for name, value in USUAL.items() if getattr(self, name) is None}

    def cameras(self, azimuths: Sequence[float], size: tuple[int, int]) -> list[Camera]:
        """One at each azimuth, in degrees, for pictures of a height and a width."""
        numbers: dict[str, Any] = asdict(self) | self.assumed
        return [Camera.around(azimuth, size=size, **numbers) for azimuth in azimuths]


USUAL = {"elevation": 20.0, "distance": 1.7, "field_of_view": 40.0}
"""As `lumina render` has them; its distances are from 1.5 to 2.6, for meshes whose longest side is 1."""
