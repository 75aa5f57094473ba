"""Shortens jsonargparse's nested error messages to one sentence in the terms of the user's file."""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from collections.abc import Iterable

from lightning.fabric.utilities.exceptions import MisconfigurationException

from lumina.config.parameters import parameters_of
from lumina.config.trust import refusal
from lumina.errors import without_number

NAMES = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false", "list": "a list"}
NAMES |= {"tuple": "a list", "dict": "a mapping", "collections.abc.Iterable": "a list", "set": "a list"}
NOISE = re.compile(
    r"Subtypes: |Errors:$|Subclass types expect|- a (class path|dict) |(- )?Does not validate|Given value type|"
    r"(- )?Expected (a )?(<class 'NoneType'>|<class 'torch.Tensor'>|path but|dot import path)|$"
)
LONGEST = 80  # characters of a value


def reason(error: Exception) -> str:
    """An error as one sentence; errors not meant for users are prefixed with their type."""
    text = one_sentence(without_number(error)) or "no reason is given"
    if isinstance(error, (ValueError, OSError, ImportError, FloatingPointError, MisconfigurationException)):
        return text
    return f"{type(error).__name__}: {text}"


def one_sentence(message: str) -> str:
    """The key, the problem and the given value; omits alternatives that the user did not mean."""
    if refused := refusal(message):
        return refused
    keys = re.findall(r'Parser key "([^"]+)"', message)
    classes = re.findall(r"given class_path '([^']+)'", message)
    innermost, _, rest = _without_frames(message).partition("Given value: ")
    given = re.search(r"Got value: (.*)", innermost)
    value = given[1] if given else rest.partition("\n")[0]
    lines = [line.strip().partition(". Got value: ")[0] for line in innermost.splitlines()]
    expected, parts = [], []
    for line in (line.removeprefix("- ") for line in lines if not NOISE.match(line)):
        kind = re.fullmatch(r"Expected (?:a )?<class '([\w.]+)'>|Not a valid subclass of (\w+)", line)
        if kind is None:
            parts.append(_in_words(line, classes[-1] if classes else ""))
        else:
            expected.append(NAMES.get(kind[1], kind[1]) if kind[1] else f"{kind[2]}, as class_path and init_args")
    if not parts and expected:
        parts = [f"expected {' or '.join(dict.fromkeys(expected))}, got {_short(value)}"]
    elif not parts:
        short = re.search(r"Expected a dot import path string: (\w+)", message)
        parts = [_no_such(short[1] if short else value, re.search(r"Subtypes: \[<class '([\w.]+)'>", message))]
    elif given and parts[-1].startswith("expected one of"):
        parts[-1] += f", got {_short(value)}"
    return "".join(f"{key}: " for key in dict.fromkeys(keys)) + " ".join(parts)


def _without_frames(message: str) -> str:
    """Removes the headings of nested messages."""
    message = re.sub(r'(- )?Parser key "[^"]+":', "", message)
    message = re.sub(r"(- )?Problem with given class_path '[^']+':", "", message)
    return re.sub(r"Type typing\.Callable\[.*?\] expects a function or a callable class: ?", "", message)


def _in_words(line: str, owner: str) -> str:
    unknown = re.fullmatch(r"(?:Option|Key) '([\w.]+)' is not accepted.*", line)
    if unknown and owner:
        return f"{owner.rpartition('.')[2]} takes no {unknown[1]!r}.{_did_you_mean(unknown[1], _arguments(owner))}"
    absent = re.fullmatch(r"module '([\w.]+)' has no attribute '(\w+)'", line)
    if absent:
        there = [name for name in dir(sys.modules.get(absent[1])) if not name.startswith("_")]
        return f"there is no {absent[2]!r} in {absent[1]}.{_did_you_mean(absent[2], there)}"
    nowhere = re.fullmatch(r"No module named '([\w.]+)'", line)
    if nowhere:
        return (
            f"no module {nowhere[1]!r} is installed, lies beside the YAML or in the working directory; "
            "PYTHONPATH=FOLDER names another place."
        )
    abstract = re.fullmatch(r"Expected an instantiatable class, but [\w.]*?(\w+) is abstract", line)
    if abstract:
        return f"expected {abstract[1]}, as class_path and init_args and nothing else"
    if "object has no attribute 'keys'" in line:
        return "init_args must hold settings, KEY: VALUE"
    choice = re.fullmatch(r"Expected a typing\.Literal\[(.*)\]", line)
    if choice:
        return f"expected one of {choice[1]}"
    if re.search(r"argument of type '\w+' is not iterable|unhashable type", line):
        return "a class_path must be the dotted name of a class"
    foreign = re.fullmatch(r"Import path ([\w.]+) does not correspond to a subclass of (\w+)", line)
    if foreign:
        return f"{foreign[1]} is no {foreign[2]}"
    return re.sub(r"<class '([\w.]+)'>", lambda found: NAMES.get(found[1], found[1].rpartition(".")[2]), line)


def _no_such(value: str, wanted: re.Match[str] | None) -> str:
    """Message for a value that does not name a class of the expected type."""
    module, _, name = wanted[1].rpartition(".") if wanted else ("", "", "")
    kind = getattr(sys.modules.get(module), name, None)
    if not inspect.isclass(kind) and value.isidentifier():
        return f"name the module of {value}, too: package.module.{value}"
    if not inspect.isclass(kind):
        return f"got {_short(value)}, which cannot be used here"
    known = sorted(_subclasses(kind))
    listed = f" It may be {', '.join(known)}, or the full name of another: package.module.Class." if known else ""
    return f"there is no {name} called {_short(value)}.{_did_you_mean(value.strip(), known) or listed}"


def _subclasses(kind: type) -> set[str]:
    children: list[type] = kind.__subclasses__()
    return {child.__name__ for child in children if not inspect.isabstract(child)}.union(*map(_subclasses, children))


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _arguments(owner: str) -> Iterable[str]:
    module, _, name = owner.rpartition(".")
    found = getattr(sys.modules.get(module), name, None)
    return parameters_of(found) if callable(found) else ()


def _short(value: str) -> str:
    value = " ".join(value.split())
    if "Namespace(" in value:
        return "a list of objects" if value.startswith("[") else "an object"
    return value if len(value) <= LONGEST else value[:LONGEST] + "..."
