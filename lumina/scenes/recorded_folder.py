"""A folder of recorded objects: each is a folder that is whole or not there at all."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from lumina.data.splits import WORDS
from lumina.errors import CorruptSample
from lumina.files.atomic import claim_of, claiming, making, one_at_a_time, replacing
from lumina.files.folders import require_free
from lumina.files.json_file import ODD, load_object
from lumina.scenes.layouts import write_views
from lumina.scenes.normalise import Up
from lumina.scenes.recording import Recipe, record, stretches, write
from lumina.scenes.sources import Source
from lumina.scenes.views import ViewSet

SETTINGS, WHOLE = "settings.json", "transforms.json"

RESERVED = {SETTINGS: "the settings", WHOLE: "the cameras of an object", **dict.fromkeys(WORDS, "a split of the data")}
"""What folders of these names would be taken for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an object.

    Attributes:
        state: "made" now; "whole" before; "taken" = another process is at it; "broken" = it cannot be rendered.
        remarks: what stands for what could not be read, or why it is broken.
    """

    state: Literal["made", "whole", "taken", "broken"]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordedFolder:
    """Where objects are recorded to; what other processes and interrupted runs have written is kept.

    Args:
        path: the folder.
        recipe: how objects are recorded.
        up: the upward axis of the meshes; None = the usual one of each kind of file.
    """

    path: Path
    recipe: Recipe
    up: Up | None

    def begin(self, settings: Mapping[str, Any]) -> None:
        """Notes the settings.

        Args:
            settings: what else decides the data, as plain data.

        Raises:
            ValueError: the folder was recorded with other settings, or holds something else.
        """
        now = json.loads(json.dumps({**asdict(self.recipe), "up": self.up, **settings}))
        file = self.path / SETTINGS
        with one_at_a_time(file):
            known = _known(file)
            if known is None:
                require_free(self.path)
                with replacing(file) as partial:
                    partial.write_text(json.dumps(now, indent=2, ensure_ascii=False) + "\n", "utf-8", ODD)
                return
        other = [key for key in {**now, **known} if known.get(key) != now.get(key)]
        if other:
            changes = "; ".join(f"{key} {known.get(key)}, now {now.get(key)}" for key in other)
            raise ValueError(f"{self.path} was rendered with {changes}: choose another folder, or these settings.")

    def holds(self, source: Source) -> bool:
        """Whether an object is there."""
        return (self.path / source.name / WHOLE).is_file()

    def settled(self, source: Source) -> bool:
        """Whether an object is there, its mesh is untouched, and no process has a claim on it, not even a killed one.

        Asks for the mesh's stamp alone; where that is another one, `make` compares the content.
        """
        if self._refused(source) or not self.holds(source) or claim_of(self.path / source.name).exists():
            return False
        try:
            mesh = self._noted(source)
            return "digest" not in mesh or mesh.get("stamp") == source.stamp()
        except (OSError, ValueError):
            return False

    def strays(self, sources: Iterable[Source]) -> Iterator[str]:
        """The objects that are there and are none of these, by name; links are not followed, folders of these not read.

        Args:
            sources: all that the meshes' folder holds, whichever of them a run renders.
        """
        names = {source.name for source in sources}
        for folder, below, files in os.walk(self.path):
            at = PurePosixPath(folder).relative_to(self.path)
            if WHOLE in files:
                yield str(at)
                below.clear()
            below[:] = sorted(name for name in below if not name.startswith(".") and str(at / name) not in names)

    def _refused(self, source: Source) -> str | None:
        """Why an object can have no folder here; None = it can."""
        name = source.name.lower()
        name = SETTINGS if name.startswith(f"{SETTINGS}/") else name
        if name in RESERVED:
            return f"a folder {name} would be taken for {RESERVED[name]}: rename the mesh"
        around = [self.path / folder for folder in PurePosixPath(source.name).parents[:-1]]
        other = next((folder for folder in around if (folder / WHOLE).is_file()), None)
        if other is not None:
            return (
                f"{other} is another object, in which nothing else is read: remove it, or choose another output folder"
            )
        return None

    def _fault(self, source: Source) -> str | None:
        """Why what is there is not this object; None = it is, or nothing can be compared."""
        folder = self.path / source.name
        try:
            mesh = self._noted(source)
        except (OSError, ValueError) as error:
            return f"{folder} cannot be read ({error}): remove it to render it anew"
        try:
            another = "digest" in mesh and mesh["digest"] != source.digest()
        except CorruptSample:
            return None
        return (
            f"{folder} shows another mesh of that name: remove it, or choose another output folder" if another else None
        )

    def _noted(self, source: Source) -> dict[str, Any]:
        """What an object that is there tells of its mesh.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        mesh = load_object(self.path / source.name / WHOLE).get("mesh")
        return mesh if isinstance(mesh, dict) else {}

    def make(self, source: Source) -> Outcome:
        """Records an object unless it is there; one of another mesh, or that cannot be read, stays and is told.

        Raises:
            ImportError: naming the extra to install.
            OSError: it cannot be written.
        """
        if why := self._refused(source):
            return Outcome(state="broken", remarks=(why,))
        folder = self.path / source.name
        with claiming(folder) as ours:
            if self.holds(source) and (why := self._fault(source)):
                return Outcome(state="broken", remarks=(why,))
            if self.holds(source) or not ours:
                return Outcome(state="whole" if self.holds(source) else "taken")
            try:
                with making(folder) as partial:
                    remarks = self._record(source, partial)
            except OSError as error:
                if error.errno != errno.ENAMETOOLONG:
                    raise
                return Outcome(state="broken", remarks=("its name is too long for a folder: rename the file",))
            except ImportError:
                raise
            except (
                Exception
            ) as error:  # one mesh of many must not end the work, whatever it makes a library stumble over
                return Outcome(state="broken", remarks=(_reason(error),))
            if not self.holds(source):
                why = f"{folder} holds something else: remove it, or choose another output folder"
                return Outcome(state="broken", remarks=(why,))
        return Outcome(state="made", remarks=remarks)

    def _record(self, source: Source, folder: Path) -> tuple[str, ...]:
        mesh, about = source.read(self.up)
        pictures = record(mesh, self.recipe, source.name)
        views, seen, lit = [], False, False
        for shot, rendering in pictures:
            views.append(write(shot, rendering, self.recipe, folder))
            seen = seen or bool(rendering.rgba[..., 3].any())
            lit = lit or bool(rendering.rgba[..., :3].any())
        if not seen:
            raise ValueError("all its pictures are empty: its faces have no area, or nothing of them but clear texels")
        remarks = mesh.substitutes if lit else (*mesh.substitutes, "it is black from all sides")
        about["substitutes"] = list(remarks)
        if self.recipe.stretch != 1:
            about["stretches"] = stretches(mesh, self.recipe, source.name)
        write_views(ViewSet(name=source.name, caption=source.caption, views=tuple(views), about=about), folder)
        return remarks


def _known(file: Path) -> dict[str, Any] | None:
    try:
        return load_object(file)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{file} cannot be read ({error}); choose a new or empty folder.") from error


def _reason(error: Exception) -> str:
    told = isinstance(error, CorruptSample | ValueError)
    return str(error) if told else f"{type(error).__name__}: {error}"
