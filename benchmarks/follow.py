"""Follows one value through the files of a project while it runs.

A **stop** is a handover of the value from one file to another. Either a function of the second is called with the value
among its arguments (or kept in its closure), and the innermost function that waits for it and holds the value stands in
the first; or a function of the first returns the value to one of the second that did not hold it. Each pair of files
counts once, however often it happens, so loops over layers, steps and samples count once, and so does a generator that
is resumed. Where no function that waits holds the value (Lightning calls a hook with a batch), and where the value
appears first, the first file is "a library".

A **return** is a stop in a file that was handed the value before, from another file: without one, each file receives
the value from exactly one other.

A function holds the value if an argument or a result that it was given (the object whose method it is included)

* is the value, or a text or path in which the text that is followed stands;
* came out of a function that held it, or was constructed from it;
* was computed from it by a function of PyTorch;
* is a filled mapping, an array, a picture, an open file, bytes or a text of several lines that the caller, who holds
  the value, has got from a library;
* holds one of these in a mapping, a sequence or a dataclass, at most two deep.

Numbers, None and networks are never the value: what a network is built from or fed with is followed, the network is
not. Nothing depends on names in the code, nor on time.
"""

from __future__ import annotations

import inspect
import io
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from torch.overrides import TorchFunctionMode

LIBRARY = "a library"
DEPTH = 2
NEVER = (
    *(type(None), bool, int, float, complex, Enum, torch.dtype, torch.device, torch.nn.Module),
    *(type, types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.ModuleType),
)
INSIDE = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}  # frames that are part of a function
MADE = (bytes, bytearray, memoryview, np.ndarray, Image, io.IOBase)


@dataclass(frozen=True)
class Moment:
    """A call or return of a function of the project.

    Attributes:
        file: in which the function stands.
        caller: the file of the function that waits for it; None where there is none.
        function: its name.
        holds: whether it holds the value.
        result: what it returned; None for a call.
    """

    file: str
    caller: str | None
    function: str
    holds: bool
    result: Any = None


@dataclass
class Trip:
    """Where a value went: its stops, in the order in which they first happened."""

    stops: list[tuple[str, str]] = field(default_factory=list)

    @property
    def files(self) -> list[str]:
        """The files that were handed the value, each once."""
        return list(dict.fromkeys(target for _, target in self.stops))

    @property
    def rooms(self) -> list[str]:
        """The folders of these files."""
        return list(dict.fromkeys(str(PurePath(*PurePath(file).parts[:2])) for file in self.files))

    @property
    def returns(self) -> int:
        """Stops in a file that had been handed the value before."""
        return len(self.stops) - len(self.files)


class Follower(TorchFunctionMode):
    """Follows a value while it is entered as a context.

    Args:
        root: folder of the project.
        packages: whose files count.
        text: what is followed; None = what the function in ``start`` is called with, first of its arguments.
        start: whether to begin here, asked at calls.
        end: whether to end after this, asked at returns.
    """

    def __init__(
        self,
        root: Path,
        packages: Sequence[str],
        text: str | None,
        start: Callable[[Moment], bool],
        end: Callable[[Moment], bool],
    ) -> None:
        super().__init__()
        self.trip = Trip()
        self._folders = tuple(f"{root.resolve()}/{package}/" for package in packages)
        self._root, self._text, self._start, self._end = f"{root.resolve()}/", text, start, end
        self._followed: dict[int, Any] = {}  # holds what it names, so that no other object takes an id over
        self._holding: set[types.FrameType] = set()
        self._generators: set[types.FrameType] = set()
        self._paths: set[str] = set() if text is None else {text}
        self._on = self._over = False

    def __enter__(self) -> Any:
        """Begins to listen."""
        sys.setprofile(self._listen)
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        """Ends it."""
        sys.setprofile(None)
        self._holding.clear()
        self._generators.clear()
        super().__exit__(*error)

    def __torch_function__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Follows what PyTorch computes from the value."""
        result = function(*args, **(kwargs or {}))
        if self._on and (self._holds(list(args)) or self._holds(kwargs)):
            self._follow(result)
        return result

    def _listen(self, frame: types.FrameType, event: str, result: Any) -> None:
        file = self._file(frame)
        if file is None or self._over or event not in ("call", "return"):
            return
        if event == "call" and frame.f_code.co_flags & inspect.CO_GENERATOR:
            if frame in self._generators:
                return
            self._generators.add(frame)
        caller = self._waiting(frame)
        moment = Moment(file, caller and self._file(caller), frame.f_code.co_name, False)
        if event == "return":
            self._leave(frame, moment, result)
            return
        if not self._on and self._start(moment):
            self._on = True
            if self._text is None:
                self._follow(_arguments(frame)[1])
        if self._on:
            self._enter(frame, moment, caller)

    def _enter(self, frame: types.FrameType, moment: Moment, caller: types.FrameType | None) -> None:
        arguments = _arguments(frame)
        known = caller is not None and caller in self._holding
        own = {id(argument) for argument in _arguments(caller)} if known and caller else set()
        if any(self._holds(argument) or (known and _made(argument, own)) for argument in arguments):
            while caller is not None and caller not in self._holding:
                caller = self._waiting(caller)
            self._holding.add(frame)
            self._hand(caller and self._file(caller), moment.file)

    def _leave(self, frame: types.FrameType, moment: Moment, result: Any) -> None:
        holds = frame in self._holding
        if frame not in self._generators:  # one that yields goes on later
            self._holding.discard(frame)
        if holds:
            self._follow(result)
            if moment.function == "__init__":
                self._follow(_arguments(frame)[0])
        if self._on and self._holds(result):
            self._bring(frame, moment)
        self._over = self._on and self._end(Moment(moment.file, moment.caller, moment.function, holds, result))

    def _bring(self, frame: types.FrameType, moment: Moment) -> None:
        """A function returns the value; it may have found it (a file's name in a folder) and hands it to its caller."""
        if moment.file not in self.trip.files:
            self._hand(None, moment.file)
        above = frame.f_back
        while above is not None and above.f_code.co_name in INSIDE:
            above = above.f_back
        file = above and self._file(above)
        if above is not None and file and above not in self._holding:
            self._holding.add(above)
            self._hand(moment.file, file)

    def _hand(self, source: str | None, target: str) -> None:
        stop = (source or LIBRARY, target)
        if source != target and stop not in self.trip.stops:
            self.trip.stops.append(stop)

    def _file(self, frame: types.FrameType) -> str | None:
        name = frame.f_code.co_filename
        if frame.f_code.co_name in INSIDE:
            return None
        return name.removeprefix(self._root) if name.startswith(self._folders) else None

    def _waiting(self, frame: types.FrameType) -> types.FrameType | None:
        above = frame.f_back
        while above is not None and self._file(above) is None:
            above = above.f_back
        return above

    def _follow(self, value: Any, depth: int = DEPTH) -> None:
        if isinstance(value, NEVER):
            return
        if isinstance(value, str | PurePath):
            if isinstance(value, PurePath) and len(value.parts) > 1:
                self._paths.add(str(value))
            return
        self._followed[id(value)] = value
        for member in _members(value) if depth else ():
            self._follow(member, depth - 1)

    def _holds(self, value: Any, depth: int = DEPTH) -> bool:
        if isinstance(value, NEVER):
            return False
        if isinstance(value, str | PurePath):
            return any(path in str(value) for path in self._paths)
        return id(value) in self._followed or (
            depth > 0 and any(self._holds(member, depth - 1) for member in _members(value))
        )


def _arguments(frame: types.FrameType) -> list[Any]:
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    names = (*code.co_varnames[:count], *code.co_freevars)  # what a closure keeps is given to it, too
    return [frame.f_locals[name] for name in names if name in frame.f_locals]


def _members(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    elif is_dataclass(value) and not isinstance(value, type):
        yield from (getattr(value, part.name, None) for part in fields(value))


def _made(value: Any, own: set[int]) -> bool:
    """Whether the caller has got it from a library, which is what arguments of its ``own`` are not."""
    if id(value) in own:
        return False
    if isinstance(value, dict):
        return bool(value)
    return isinstance(value, MADE) or (isinstance(value, str) and "\n" in value)
