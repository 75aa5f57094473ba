"""The views of one object, as every layout of files is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lumina.scenes.cameras import Camera

Role = Literal["view", "reference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One picture.

    Attributes:
        file: the picture's, RGBA as a rule.
        camera: that took it.
        group: views of one group share light and elevation, and are shown to the model together.
        role: "reference" = a view to condition on, at an elevation of its own.
    """

    file: Path
    camera: Camera
    group: int = 0
    role: Role = "view"


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSet:
    """All pictures of one object.

    Attributes:
        name: of the object, unique in a data set.
        caption: of the object; empty where there is none.
        views: of all groups.
        about: what else the files say: the mesh's scale, offset and up axis, say.
    """

    name: str
    caption: str
    views: tuple[View, ...]
    about: Mapping[str, Any] = field(default_factory=dict)
