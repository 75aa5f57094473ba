"""The structure of the project as figures: rooms, circles, floors, lines, tests, and the stops of five ways.

``python -m benchmarks.structure [--root DIR ...]`` prints a column for each checkout (``git worktree add DIR COMMIT``
makes one), so that two versions stand side by side. `benchmarks.imports` says what a room is, `benchmarks.follow` what
a stop is.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator
from pathlib import Path

from benchmarks.imports import Graph, circles, floors, import_graph, room_graph
from benchmarks.ways import HERE, PACKAGES, WAYS, follow_apart

Rows = dict[str, str]


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.structure", description=__doc__)
    parser.add_argument("--root", type=Path, nargs="+", default=[HERE], help="checkouts, a column each")
    parser.add_argument("--no-ways", action="store_true", help="leave out the five ways, which take a minute")
    options = parser.parse_args()
    roots = [root.resolve() for root in options.root]
    print(table("structure", roots, [house(root) for root in roots]))
    print(table("lines", roots, [lines(root) for root in roots]))
    if not options.no_ways:
        print(table("stops / files / returns", roots, [ways(root) for root in roots]))
    for root in roots:
        print(details(root))


def house(root: Path) -> Rows:
    """Figures on rooms, their imports, and files without a test."""
    rooms = room_graph(import_graph(root, "lumina"), "lumina")
    ties = [(a, b) for circle in circles(rooms) for a in circle for b in circle if b in rooms[a]]
    untested = files_without_a_test(root)
    return {
        "loose modules in lumina": str(len(loose_modules(root))),
        "rooms in lumina": str(len(rooms)),
        "circles of rooms": str(len(circles(rooms))),
        "rooms in circles": str(sum(map(len, circles(rooms)))),
        "pairs of rooms that import each other": str(sum(b < a and a in rooms[b] for a, b in ties)),
        "circles of files": str(len(circles(import_graph(root, "lumina")))),
        "floors": str(max(floors(rooms).values())),
        "files without a test of their name": f"{len(untested)} of {len(list(own_files(root)))}",
    }


def lines(root: Path) -> Rows:
    """Lines of the packages, of each datamodule, of the longest file and function."""
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(root)}
    below = {name: sum(size for path, size in sizes.items() if path.is_relative_to(root / name)) for name in PACKAGES}
    tests = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (root / "tests").rglob("*.py"))
    longest = max(sizes, key=lambda path: sizes[path])
    size, function = max((size, name) for path in sizes for name, size in functions(path))
    datamodules = {
        f"datamodules/{path.name}": str(sizes[path])
        for path in sorted(sizes)
        if path.parent == root / "datamodules" and path.name != "__init__.py"
    }
    return {
        **{name: f"{count:,}" for name, count in below.items()},
        "tests": f"{tests:,}",
        "longest file": f"{sizes[longest]} ({longest.relative_to(root)})",
        "longest function": f"{size} ({function})",
        **datamodules,
    }


def ways(root: Path) -> Rows:
    """The stops of five ways."""
    trips = {way.title: follow_apart(name, root) for name, way in WAYS.items()}
    return {title: f"{len(trip.stops)} / {len(trip.files)} / {trip.returns}" for title, trip in trips.items()}


def details(root: Path) -> str:
    """Details behind the figures: rooms by floor, circles with their imports, files without a test."""
    rooms = room_graph(import_graph(root, "lumina"), "lumina")
    parts = [f"\n{root.name}\n", "rooms, from the highest floor to the lowest:"]
    level = floors(rooms)
    for floor in range(max(level.values()), 0, -1):
        parts.append(f"  {floor:>2}  {', '.join(sorted(room for room in rooms if level[room] == floor))}")
    parts += circle_lines(rooms) or ["no circle of rooms"]
    parts.append("files without a test of their name:")
    return "\n".join([*parts, *(f"  {name}" for name in files_without_a_test(root))])


def circle_lines(rooms: Graph) -> list[str]:
    """Each circle, and for each of its rooms those of the circle that it imports."""
    found = []
    for circle in circles(rooms):
        found.append(f"circle of {len(circle)} rooms:")
        found += [f"  {room} -> {', '.join(sorted(rooms[room] & set(circle)))}" for room in circle]
    return found


def loose_modules(root: Path) -> list[str]:
    """Modules directly in lumina/."""
    return sorted(path.stem for path in (root / "lumina").glob("[!_]*.py"))


def files_without_a_test(root: Path) -> list[str]:
    """Files ``lumina/x/y.py`` for which there is no ``tests/lumina/x/test_y.py``."""
    own = (path.relative_to(root) for path in own_files(root))
    tests = root / "tests"
    return [str(path) for path in own if not (tests / path.with_name(f"test_{path.name}")).is_file()]


def own_files(root: Path) -> Iterator[Path]:
    """Files of the packages that a test can mirror: all but ``__init__`` and ``__main__``."""
    return (path for path in python_files(root) if not path.name.startswith("__"))


def python_files(root: Path) -> Iterator[Path]:
    """All files of the packages."""
    return (path for name in PACKAGES for path in sorted((root / name).rglob("*.py")))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and lines of each function of a file, decorators left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path.name}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def table(title: str, roots: list[Path], columns: list[Rows]) -> str:
    """A Markdown table with a row for each name that a column has."""
    names = list(dict.fromkeys(name for column in columns for name in column))
    rows = [[title, *(root.name for root in roots)], ["---"] * (len(roots) + 1)]
    rows += [[name, *(column.get(name, "-") for column in columns)] for name in names]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


if __name__ == "__main__":
    main()
