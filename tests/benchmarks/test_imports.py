"""The import graph of a made-up package."""

import pytest

from benchmarks.imports import between, circles, floors, import_graph, room_graph, room_of

FILES = {
    "house/__init__.py": "from house import cellar",
    "house/__main__.py": "import house.attic.roof",
    "house/cellar.py": "",
    "house/hall.py": "from house import cellar, kitchen\nimport os",
    "house/kitchen/__init__.py": "from house.kitchen.oven import bake",
    "house/kitchen/oven.py": "def bake():\n    from ..hall import door\n    from . import sink",
    "house/kitchen/sink.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import house.cellar",
    "house/attic/__init__.py": "",
    "house/attic/roof.py": "from importlib import import_module\n"
    "def look(name):\n    import_module('house.hall')\n    return import_module(f'house.kitchen.{name}')",
    "garden/__init__.py": "",
    "garden/tree.py": "import house.attic.roof as top\nfrom house.cellar import door",
}


@pytest.fixture
def house(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_every_kind_of_import_counts(house):
    graph = import_graph(house, "house", "garden")
    assert set(graph) == set(FILES)
    assert graph["house/hall.py"] == {"house/cellar.py", "house/kitchen/__init__.py"}
    assert graph["house/kitchen/oven.py"] == {"house/hall.py", "house/kitchen/sink.py"}  # lazy, relative
    assert graph["house/kitchen/sink.py"] == {"house/cellar.py"}  # for types alone
    assert graph["house/attic/roof.py"] == {"house/hall.py", "house/kitchen/__init__.py"}  # by name
    assert graph["garden/tree.py"] == {"house/attic/roof.py", "house/cellar.py"}


def test_rooms_circles_and_floors(house):
    files = import_graph(house, "house", "garden")
    rooms = room_graph(files, "house")
    assert rooms == {
        "cellar": frozenset(),
        "hall": {"cellar", "kitchen"},
        "kitchen": {"cellar", "hall"},
        "attic": {"hall", "kitchen"},
    }
    assert circles(rooms) == [["hall", "kitchen"]]
    assert floors(rooms) == {"cellar": 1, "hall": 2, "kitchen": 2, "attic": 3}
    assert between(files, "kitchen", "hall") == [("house/kitchen/oven.py", "house/hall.py")]


def test_longer_circles_are_one():
    ring = {name: frozenset(target) for name, target in {"a": "b", "b": "c", "c": "a", "d": "a"}.items()}
    assert circles(ring) == [["a", "b", "c"]]
    assert floors(ring) == {"a": 1, "b": 1, "c": 1, "d": 2}


@pytest.mark.parametrize(
    ("file", "room"),
    [
        ("p/__init__.py", None),
        ("p/__main__.py", None),
        ("p/a.py", "a"),
        ("p/a/b.py", "a"),
        ("p/a/b/c.py", "a"),
        ("p/a/__init__.py", "a"),
    ],
)
def test_the_room_of_a_file(file, room):
    assert room_of(file) == room
