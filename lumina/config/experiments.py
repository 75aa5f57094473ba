"""Finds the YAML files that ``--config`` names, and the user's own classes beside them."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
FOLDERS = (PACKAGE / "experiments", PACKAGE.parent / "experiments")  # in an installed package, in a clone
OPTIONS = ("--config", "-c")


def find_experiments(arguments: Sequence[str]) -> list[str]:
    """Replaces the name in each ``--config`` by the path of its file.

    A name is the path of a YAML file or the name of a bundled experiment: ``quickstart/digits``,
    ``experiments/quickstart/digits.yaml``. The folders of the user's YAML files and the working directory are added to
    the module search path after all installed packages, so a ``class_path`` may name a file beside the YAML.

    Raises:
        FileNotFoundError: the name is neither; lists the nearest names.
    """
    found = list(arguments)
    for place, word in enumerate(arguments):
        option, joined, value = word.partition("=")
        if option in OPTIONS and joined:
            found[place] = f"{option}={_find(value)}"
        elif word in OPTIONS and place + 1 < len(arguments):
            found[place + 1] = _find(arguments[place + 1])
    return found


def experiments() -> dict[str, Path]:
    """The bundled experiments: their names without ``.yaml``, and their files."""
    folder = FOLDERS[0] if FOLDERS[0].is_dir() else FOLDERS[1]
    return {file.relative_to(folder).with_suffix("").as_posix(): file for file in sorted(folder.rglob("*.yaml"))}


def _find(name: str) -> str:
    path = Path(name).expanduser()
    if path.is_file():
        search_modules_in(path.resolve().parent, Path.cwd())
        return str(path)
    if not name.strip() or "\n" in name or "{" in name:  # not a name; the parser says what it is
        return name
    known = experiments()
    short = path.as_posix().removeprefix("./").removeprefix("experiments/")
    short = short.removesuffix(".yaml").removesuffix(".yml")
    if short in known:
        search_modules_in(Path.cwd())
        return str(known[short])
    close = difflib.get_close_matches(short, known, n=3) or list(_of_last_part(short, known))
    there = f"the nearest: {', '.join(close)}" if close else f"there are {', '.join(sorted(known))}"
    raise FileNotFoundError(
        f"--config {name}: there is no such file in {Path.cwd()}, and no experiment of that name comes with lumina; "
        f"{there}."
    )


def _of_last_part(name: str, known: dict[str, Path]) -> Iterator[str]:
    last = name.rpartition("/")[2]
    return (other for other in known if other.rpartition("/")[2] == last)


def search_modules_in(*folders: Path) -> None:
    """Makes files in these folders available to ``class_path``; installed modules take precedence."""
    for folder in map(str, folders):
        if folder not in sys.path:
            sys.path.append(folder)
