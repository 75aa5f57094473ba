"""The views of one object, as every layout of files is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lumina.data.census import counted
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
        depth: the file of its depth along the direction of view; None = there is none.
        normals: the file of its normals; None = there is none.
    """

    file: Path
    camera: Camera
    group: int = 0
    role: Role = "view"
    depth: Path | None = None
    normals: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSet:
    """All pictures of one object.

    Attributes:
        name: of the object, unique in a data set.
        caption: of the object; empty where there is none.
        views: of all groups.
        about: what else the files say: how the mesh was placed, say.
        remarks: what is odd about the views but was kept, and of how many views it is true.
    """

    name: str
    caption: str
    views: tuple[View, ...]
    about: Mapping[str, Any] = field(default_factory=dict)
    remarks: Mapping[str, int] = field(default_factory=dict)

    def stretch(self, view: View) -> tuple[float, ...] | None:
        """By which factors width, depth and height are multiplied in a view; None = the files say nothing of it."""
        known = self.about.get("stretches")
        return tuple(known[view.group]) if known else None


def remarks_of(sets: Iterable[ViewSet]) -> list[str]:
    """One sentence for each kind of remark on objects of a data set: of how many views and objects it is true."""
    views, objects = Counter[str](), Counter[str]()
    for views_of_one in sets:
        views.update(views_of_one.remarks)
        objects.update(views_of_one.remarks.keys())
    told = {kind: f"{counted(count, 'view')} of {counted(objects[kind], 'object')}" for kind, count in views.items()}
    return [f"{kind}: {told[kind]}." for kind, count in views.most_common()]
