"""What users may ask of views: how many or from where, and of which object."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lumina.pictures.on_page import exhibit_picture
from lumina.scenes.reference import check_reference
from lumina.values import Wish

MOST = 360  # views of one sample
FORM = "degrees between commas, 0,33,-90 say"

Azimuths = tuple[float, ...]
"""Degrees in [0, 360), counted from the first, which is 0."""


def parse_views(views: int) -> int:
    """A number of views.

    Raises:
        ValueError: it is too small or too large.
    """
    if not 1 <= views <= MOST:
        raise ValueError(f"views={views} must be at least 1 and at most {MOST}.")
    return views


def parse_azimuths(azimuths: Sequence[float] | float | str) -> Azimuths:
    """Azimuths as text, a number or a list, counted from the first of them.

    Where the first is not 0 all are turned until it is, which a warning says: view 1 is where azimuths are counted
    from, and what a reference shows.

    Raises:
        ValueError: there are none, too many, or something that is no finite number.
    """
    if isinstance(azimuths, str):
        parts: Sequence[float | str] = azimuths.strip(" []()").split(",")
    else:
        parts = [azimuths] if isinstance(azimuths, (int, float)) else azimuths
    try:
        degrees = [float(part) for part in parts]
    except (TypeError, ValueError):
        degrees = [math.nan]
    if not degrees or not all(map(math.isfinite, degrees)):
        raise ValueError(f"azimuths={azimuths!r} is not understood; give {FORM}.")
    if len(degrees) > MOST:
        raise ValueError(f"azimuths={azimuths!r} are {len(degrees)} views; give at most {MOST}.")
    turned = tuple((degree - degrees[0]) % 360 % 360 for degree in degrees)  # twice: -1e-20 % 360 is 360
    if degrees[0] % 360:
        warnings.warn(
            f"azimuths={azimuths!r} do not begin at 0: they are counted from the first view, which is what a reference "
            f"shows, so the views are those at {show_azimuths(turned)}.",
            stacklevel=2,
        )
    return turned


def show_azimuths(azimuths: Azimuths) -> str:
    """In the form that `parse_azimuths` reads."""
    return ",".join(f"{azimuth:.10g}" for azimuth in azimuths)


def even_azimuths(views: int) -> Azimuths:
    """Those of views evenly all around."""
    return tuple(360 * view / views for view in range(views))


def wanted_azimuths(request: Mapping[str, Any], trained: int) -> Azimuths:
    """As asked: azimuths, or evenly as many views as asked for, or as in training."""
    asked: Azimuths | None = request.get("azimuths")
    return even_azimuths(request.get("views", trained)) if asked is None else asked


def check_together(request: Mapping[str, Any]) -> None:
    """Refuses a number of views that is not that of the azimuths.

    Raises:
        ValueError: naming both.
    """
    views, azimuths = request.get("views"), request.get("azimuths")
    if views is not None and azimuths is not None and views != len(azimuths):
        raise ValueError(
            f"views={views}, but azimuths={show_azimuths(azimuths)} are {len(azimuths)}: give one of both."
        )


def warn_beyond(views: int, trained: int) -> None:
    """Says what was trained where more views are asked for."""
    if views > trained:
        warnings.warn(
            f"{views} views are asked for at once, but this model was trained with at most {trained}: they may agree "
            f"less than {trained} do.",
            stacklevel=2,
        )


def parse_reference(path: Path) -> Path:
    """A picture of the object.

    Raises:
        ValueError: it cannot be read, or shows nothing.
    """
    check_reference(path)
    return path


VIEWS = Wish(
    name="views",
    type=int,
    help="of each object, evenly all around; as many as in training if left out",
    parse=parse_views,
)

AZIMUTHS = Wish(
    name="azimuths",
    type=list[float] | float | str,
    form="DEGREES",
    help="of the views, around the object and counted from the first, which is what a reference shows: 0,33,-90 say; "
    "in place of --views",
    parse=parse_azimuths,
    show=show_azimuths,
)

REFERENCE = Wish(
    name="reference",
    type=Path,
    form="FILE",
    help="a picture of the object, which view 1 shows from its azimuth; its background is replaced by that of training "
    "where it has alpha; several as [A,B]",
    several=True,
    parse=parse_reference,
    show=str,
    exhibit=lambda file, folder: exhibit_picture(file, folder, "reference", "Reference"),
)
