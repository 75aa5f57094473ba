"""The import graph of the project, read from the source without running it.

Lazy imports, imports under ``TYPE_CHECKING`` and ``import_module`` with a literal name count like all others.

A room is a folder directly below a package, with all its contents, or a module beside such folders.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

Graph = Mapping[str, AbstractSet[str]]
"""Each name, and the names that it imports."""


def import_graph(root: Path, *packages: str) -> Graph:
    """The imports between the files of some packages.

    Args:
        root: the folder in which the packages stand.
        packages: their names.

    Returns:
        Files by their path below ``root``, as ``package/room/module.py``.
    """
    files = {_module(path.relative_to(root)): path for name in packages for path in sorted((root / name).rglob("*.py"))}
    paths = {module: path.relative_to(root).as_posix() for module, path in files.items()}
    graph = {}
    for module, path in files.items():
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        names = _names(ast.parse(path.read_text(encoding="utf-8")), package)
        targets = {_longest_known(name, paths) for name in names} - {None, module}
        graph[paths[module]] = frozenset(paths[target] for target in targets if target)
    return graph


def room_of(file: str) -> str | None:
    """The room of a file ``package/room/module.py`` or ``package/room.py``; None for the package's own two files."""
    parts = file.split("/")
    if parts[1:] in (["__init__.py"], ["__main__.py"]):
        return None
    return parts[1].removesuffix(".py")


def room_graph(files: Graph, package: str) -> Graph:
    """The imports between the rooms of one package."""
    rooms: dict[str, set[str]] = {}
    for source, targets in files.items():
        room = room_of(source)
        if source.startswith(f"{package}/") and room:
            own = {room_of(target) for target in targets if target.startswith(f"{package}/")}
            rooms.setdefault(room, set()).update(name for name in own if name and name != room)
    return {room: frozenset(targets) for room, targets in rooms.items()}


def circles(graph: Graph) -> list[list[str]]:
    """The sets of names that import each other in a loop (strongly connected components of two or more)."""
    reached = {name: _reached(name, graph) for name in graph}
    groups = {frozenset(other for other in reached[name] if name in reached[other]) for name in graph}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def floors(graph: Graph) -> dict[str, int]:
    """The floor of each name: 1 for what imports nothing, else one above the highest it imports; a circle has one."""
    home = {name: frozenset([name]) for name in graph}
    home |= {name: frozenset(circle) for circle in circles(graph) for name in circle}
    known: dict[frozenset[str], int] = {}

    def floor(group: frozenset[str]) -> int:
        if group not in known:
            below = {home[target] for name in group for target in graph[name]} - {group}
            known[group] = 1 + max((floor(other) for other in below), default=0)
        return known[group]

    return {name: floor(home[name]) for name in graph}


def between(files: Graph, source: str, target: str) -> list[tuple[str, str]]:
    """The imports, file to file, that tie room ``source`` to room ``target``."""
    return sorted(
        (file, other)
        for file, others in files.items()
        for other in others
        if (room_of(file), room_of(other)) == (source, target)
    )


def _module(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _names(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
            yield from _written(node.args[0])


def _written(node: ast.expr) -> Iterator[str]:
    """A name given as text; of an f-string, what stands before its first value."""
    first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        yield first.value.rstrip(".")


def _longest_known(name: str, modules: Mapping[str, str]) -> str | None:
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None


def _reached(start: str, graph: Graph) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found
