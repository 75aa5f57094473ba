"""Mutated experiments: settings that a slip of the keyboard could make."""

from __future__ import annotations

import copy
import os
import random
import resource
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from shrink import entries

CLASSES = ["modalities.point_cloud.PointCloud", "torch.nn.Linear", "lumina.no.Such", "modalities.image.Imag", "NoDots"]
LEAKS = (
    "Traceback", "unhashable", "NoneType", "has no attribute", "unexpected keyword", "not supported between",
    "Namespace(", "typing.", "<class", "positional argument", "object is not", "subscriptable", "Union subtypes",
    "collections.abc", "NotImplemented", "takes no arguments", "not iterable", "__init__",
)  # fmt: skip
"""Words of Python in a message for users."""


@dataclass(frozen=True)
class Mutation:
    """One changed setting."""

    kind: str
    place: tuple[Any, ...]
    value: Any = None

    def applied(self, settings: dict[str, Any]) -> str:
        """The YAML with this change."""
        changed = copy.deepcopy(settings)
        *above, key = self.place
        holder = changed
        for step in above:
            holder = holder[step]
        if self.kind == "missing":
            del holder[key]
        elif self.kind == "misspelt":
            holder[self.value] = holder.pop(key)
        elif self.kind == "unknown key":
            holder[key]["exttra"] = 1
        else:
            holder[key] = self.value
        text = yaml.safe_dump(changed, sort_keys=False)
        return text + f"{key}: {{}}\n" if self.kind == "twice" else text

    def __str__(self) -> str:
        return f"{self.kind}: {'.'.join(map(str, self.place))} = {self.value!r}"


def mutations(settings: dict[str, Any]) -> Iterator[Mutation]:
    """All that this module knows of one experiment."""
    for place, value in places(settings):
        yield Mutation("missing", place)
        yield Mutation("null", place)
        if len(place) == 1:
            yield Mutation("twice", place, value)
        for kind, other in _others(place[-1], value):
            yield Mutation(kind, place, other)


def places(settings: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Paths of all settings, and their values."""
    paths: dict[int, tuple[Any, ...]] = {id(settings): ()}
    for holder, key, value in entries(settings):
        place = (*paths[id(holder)], key)
        paths[id(value)] = place
        yield place, value


def _others(key: Any, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(key, str) and len(key) > 3:
        yield "misspelt", key[:2] + key[3] + key[2] + key[4:]
    if isinstance(value, bool):
        yield from [("word for switch", "perhaps"), ("number for switch", 7)]
    elif isinstance(value, int | float):
        yield from [
            ("negative", -abs(value) - 1),
            ("zero", 0),
            ("word for number", "many"),
            ("not a number", float("nan")),
        ]
        yield from [("huge", 10**9 if isinstance(value, int) else 1e30), ("list for number", [value, value])]
        yield from [("part", value + 0.5)]
    elif isinstance(value, str):
        yield from [("number for word", 5), ("list for word", [value]), ("empty word", ""), ("other word", value + "x")]
        if key == "class_path":
            yield from [("other class", name) for name in CLASSES]
    elif isinstance(value, list):
        yield from [
            ("number for list", 3),
            ("empty list", []),
            ("mapping for list", {"a": 1}),
            ("longer", value + value[:1]),
        ]
    elif isinstance(value, dict):
        yield from [
            ("number for mapping", 3),
            ("list for mapping", [value]),
            ("empty mapping", {}),
            ("unknown key", None),
        ]


@dataclass(frozen=True)
class Outcome:
    """What a run of a mutated experiment did."""

    kind: str
    text: str


def run(text: str, folder: Path, timeout: float = 300.0) -> Outcome:
    """Trains the experiment in a forked process in ``folder``, with bounded memory."""
    (folder / "mutated.yaml").write_text(text)
    log, steps = folder / "log", folder / "steps"
    steps.unlink(missing_ok=True)
    pid = os.fork()
    if not pid:
        _child(folder, log, steps)
    status = _wait(pid, timeout)
    said = log.read_text(errors="replace")
    errors = [line for line in said.splitlines() if "error:" in line]
    if status is None:
        return Outcome("hangs", said[-300:])
    if status == 0:
        return Outcome("runs", "")
    if status != 2 or len(errors) != 1 or "Traceback" in said:
        return Outcome(f"exit code {status}, {len(errors)} messages", said[-600:])
    if steps.exists():
        return Outcome("late", errors[0])
    leaks = [leak for leak in LEAKS if leak in errors[0]]
    return Outcome(f"leaks {leaks}" if leaks else "told", errors[0])


def _child(folder: Path, log: Path, steps: Path) -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    code = 1
    try:
        os.chdir(folder)
        import sys

        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        from lumina.cli import main
        from lumina.module import LuminaModule

        step = LuminaModule.training_step

        def counted(self: Any, *arguments: Any) -> Any:
            loss = step(self, *arguments)
            steps.touch()
            return loss

        LuminaModule.training_step = counted
        main(["fit", "--config", "mutated.yaml"])
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(pid: int, timeout: float) -> int | None:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def sample(settings: dict[str, Any], count: int, seed: str) -> list[Mutation]:
    """So many mutations of an experiment, of all kinds alike."""
    draw = random.Random(seed)
    kinds: dict[str, list[Mutation]] = {}
    for mutation in mutations(settings):
        kinds.setdefault(mutation.kind, []).append(mutation)
    for group in kinds.values():
        draw.shuffle(group)
    chosen: list[Mutation] = []
    while len(chosen) < count and any(kinds.values()):
        chosen += [group.pop() for group in kinds.values() if group]
    return chosen[:count]
