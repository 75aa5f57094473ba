"""``lumina render``: pictures of meshes from many sides, to train on and to measure with."""

from __future__ import annotations

import hashlib
import os
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path

from tqdm import tqdm

from lumina.config.locate import locate
from lumina.config.parser import ShortErrorParser
from lumina.data.census import Census, counted, printable
from lumina.errors import require_extra
from lumina.scenes.normalise import Up
from lumina.scenes.recorded_folder import Outcome, RecordedFolder
from lumina.scenes.recording import Recipe
from lumina.scenes.sources import UNREADABLE, Source, find_sources, with_captions
from lumina.survival.processes import Lost, outcomes


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to render.

    Args:
        captions: a list of captions by the objects' names, as Cap3D's CSV, or a table with the columns ``uid`` (or
            ``id``, ``name``, ``file``) and ``caption``; None = the words of the files' names, or a catalogue's.
        up: the upward axis of the files, as z or (--up=-y) -y; None = y of GLB, glTF and OBJ, z of PLY, STL and OFF.
        only: patterns of names of objects, 'chairs/*,*table*' say; None = all.
        count: objects, of those; always the same random ones; None = all.
        workers: processes that render at once; 0 = this one alone; None = one for each CPU.
    """

    captions: Path | None = None
    up: Up | None = None
    only: list[str] | str | None = None
    count: int | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        """Checks the numbers."""
        if self.count is not None and self.count < 1:
            raise ValueError(f"Got count {self.count}: set 1 or more.")
        if self.workers is not None and self.workers < 0:
            raise ValueError(f"Got workers {self.workers}: set 0 or more.")


def main(arguments: list[str]) -> None:
    """Parses the folders and the options, and renders; exits with 1 where `render` counts any objects."""
    parser = ShortErrorParser(prog="lumina render", description=(render.__doc__ or "").partition("Args:")[0])
    parser.add_argument("folder", type=Path, help="a folder of meshes, in sub-folders too, or one file")
    parser.add_argument("output", type=Path, help="the folder to write to; new, empty, or an interrupted run's")
    for options in (Order, Recipe):
        parser.add_class_arguments(options, as_positional=False)
    given = vars(parser.instantiate(parser.parse_args(arguments)))
    recipe = Recipe(**{field.name: given.pop(field.name) for field in fields(Recipe)})
    if render(given.pop("folder"), given.pop("output"), recipe, Order(**given)):
        raise SystemExit(1)


def render(folder: Path, output: Path, recipe: Recipe, order: Order) -> int:
    """Renders every mesh of a folder from many sides, as PNG with alpha and transforms.json.

    The same seed gives the same files, whatever the number of processes. An interrupted run continues where it stopped;
    several runs of one command, on several machines too, share the work. What is missing of a mesh and what stands for
    it is named; a mesh that cannot be rendered is named and counted.

    Args:
        folder: the meshes, in sub-folders too; or one file.
        output: the folder to write to; new, empty, or an interrupted run's. Each object is a folder in it.
        recipe: how objects are recorded.
        order: which objects.

    Returns:
        How many objects could not be rendered, or are there and of none of the meshes.

    Raises:
        ValueError: there are no meshes, or the output holds something else.
        OSError: the output cannot be written.
    """
    require_extra("points", "lumina render")
    root, census = locate(folder), Census()
    if not root.exists():
        raise ValueError(f"There is nothing at {root}: give a folder of meshes, or one file.")
    sources = find_sources(root, census)
    if order.captions is not None:
        sources = with_captions(sources, locate(order.captions), census)
    chosen = choose(sources, order)
    recorded = RecordedFolder(output, recipe, order.up)
    recorded.begin({"folder": root.resolve().name, "captions": _identity(order.captions)})
    print("".join(f"left out: {line}\n" for line in census.lines()) + about(chosen, recipe), flush=True)
    strays = [] if UNREADABLE in census.left_out else list(recorded.strays(sources))  # whose pieces have no names
    if strays:
        print(
            f"{counted(len(strays), 'object')} in {output} {'is' if len(strays) == 1 else 'are'} of none of these "
            f"meshes, for example {printable(strays[0])}: remove such folders, or choose another output folder",
            flush=True,
        )
    return _render(recorded, chosen, _workers(order, len(chosen)), len(strays))


def choose(sources: Sequence[Source], order: Order) -> list[Source]:
    """The objects asked for.

    Raises:
        ValueError: there are none.
    """
    patterns = order.only.split(",") if isinstance(order.only, str) else order.only or ["*"]
    named = [one for one in sources if any(fnmatchcase(one.name, pattern) for pattern in patterns)]
    if not named:
        raise ValueError(
            f"Of {counted(len(sources), 'object')} none is called {' or '.join(patterns)}: expected patterns of names "
            f"such as {sources[0].name!r}."
        )
    marked = sorted(named, key=lambda one: (zlib.crc32(os.fsencode(one.name)), one.name))
    return sorted(marked[: order.count], key=lambda one: one.name)


def about(sources: Sequence[Source], recipe: Recipe) -> str:
    """What is going to be rendered, in a line."""
    captions = [source.caption for source in sources if source.caption]
    said = f"{counted(len(set(captions)), 'caption')}, {captions[0]!r} say" if captions else "no captions"
    without = len(sources) - len(captions)
    if captions and without:
        said += f"; {without:,} {'has' if without == 1 else 'have'} none"
    return f"{counted(len(sources), 'object')}, {recipe.groups * (recipe.views + 1):,} pictures of each; {said}"


def _identity(captions: Path | None) -> str | None:
    """The name of a list, and what changes with its texts."""
    if captions is None:
        return None
    return f"{captions.name} ({hashlib.sha256(locate(captions).read_bytes()).hexdigest()[:12]})"


def _workers(order: Order, count: int) -> int:
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cpus if order.workers is None else order.workers, count)


def _render(recorded: RecordedFolder, sources: Sequence[Source], workers: int, strays: int) -> int:
    """Renders what is not there yet, and says how that went; ``strays`` = objects that are there, of none of these."""
    there = tqdm(sources, "looking for what is there", leave=False, unit=" objects", disable=None)
    missing = [source for source in there if not recorded.settled(source)]
    states, begin = Counter[str](whole=len(sources) - len(missing), stray=strays), time.perf_counter()
    try:
        with tqdm(total=len(sources), initial=states["whole"], unit=" objects", disable=None) as bar:
            for source, outcome in outcomes(recorded.make, missing, workers):
                states[_state(source, outcome)] += 1
                bar.update()
    except KeyboardInterrupt:
        print(f"interrupted: {_said(states, len(sources))} The same command goes on.")
        raise SystemExit(130) from None
    except OSError as error:
        raise OSError(f"{error}. {_said(states, len(sources))} The same command goes on.") from error
    speed = states["made"] / (time.perf_counter() - begin)
    print(f"{recorded.path}: {_said(states, len(sources))}" + (f" {speed:.2g} a second." if states["made"] else ""))
    return states["broken"] + strays


def _state(source: Source, outcome: Outcome | Lost) -> str:
    """The outcome in a word; prints what there is to say."""
    if isinstance(outcome, Lost):
        tqdm.write(
            printable(f"skipped {source.name}: the process that rendered it died, as a rule of too little memory")
        )
        return "broken"
    if outcome.remarks:
        skipped = "skipped " if outcome.state == "broken" else ""
        tqdm.write(printable(f"{skipped}{source.name}: {'; '.join(outcome.remarks)}"))
    return outcome.state


def _said(states: Counter[str], total: int) -> str:
    whole = states["made"] + states["whole"]
    parts = [f"{whole:,} of {counted(total, 'object')}, {states['made']:,} rendered now"]
    parts += [f"{states['taken']:,} in the hands of another process"] if states["taken"] else []
    parts += [f"{states['broken']:,} could not be rendered"] if states["broken"] else []
    parts += [f"{states['stray']:,} there of none of these meshes"] if states["stray"] else []
    return "; ".join(parts) + "."
