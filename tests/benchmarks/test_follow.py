"""A value followed through made-up files."""

import importlib
import sys
from textwrap import dedent

import pytest
import torch

from benchmarks.follow import LIBRARY, Follower

FILES = {
    "start": """
        from travelled import keeper, maker, reader, shop
        def go(name, times=3):
            for _ in range(times):
                thing = maker.make(name)
            reader.read(thing)
            shop.unrelated(7, None, "another word")
            return helper(thing)
        def helper(thing):
            return keeper.Keeper(thing).open()
        def scan(folder):
            return reader.size(shop.listing(folder)[0])
        def train(module, batch):
            return maker.loss(batch["x"] * 2 + 1)
        """,
    "maker": """
        from travelled import reader
        def make(name):
            return reader.load([{"deep": name}])
        def loss(x):
            return reader.read(x.exp().sum())
        """,
    "reader": """
        class Thing: pass
        def load(names):
            return Thing()
        def read(thing):
            return 3
        def size(path):
            return parsed([char for char in path])
        def parsed(characters):
            return len(characters)
        """,
    "keeper": """
        from travelled import shop
        class Keeper:
            def __init__(self, thing):
                self.kept = [thing]
            def open(self):
                return shop.sell(lambda: self.kept)
        """,
    "shop": """
        import os
        def unrelated(*arguments):
            return arguments
        def listing(folder):
            return sorted(name for name in os.listdir(folder))
        def sell(get):
            return get()
        """,
}


@pytest.fixture
def start(tmp_path, monkeypatch):
    folder = tmp_path / "travelled"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name, text in FILES.items():
        (folder / f"{name}.py").write_text(dedent(text))
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("travelled.start")
    for name in [name for name in sys.modules if name.partition(".")[0] == "travelled"]:
        del sys.modules[name]


def follow(path, text, run, end=lambda moment: False):
    follower = Follower(path, ["travelled"], text, lambda moment: moment.file == "travelled/start.py", end)
    with follower:
        run()
    assert sys.getprofile() is None
    names = {f"travelled/{name}.py": name for name in FILES} | {LIBRARY: "library"}
    return follower.trip, [(names[source], names[target]) for source, target in follower.trip.stops]


def test_a_name_and_what_is_made_of_it(start, tmp_path):
    trip, stops = follow(tmp_path, "emerald", lambda: start.go("emerald"))
    assert stops == [
        ("library", "start"),
        ("start", "maker"),
        ("maker", "reader"),  # deep in a list
        ("start", "reader"),  # the thing that came out
        ("start", "keeper"),
        ("keeper", "shop"),  # what a closure returned
    ]
    assert trip.returns == 1 and len(trip.files) == 5  # reader was handed it twice


def test_a_loop_counts_once(start, tmp_path):
    assert follow(tmp_path, "emerald", lambda: start.go("emerald", 9)) == follow(
        tmp_path, "emerald", lambda: start.go("emerald", 1)
    )


def test_another_word_goes_nowhere(start, tmp_path):
    assert follow(tmp_path, "ruby", lambda: start.go("emerald"))[1] == []


def test_a_name_that_is_found_on_the_way(start, tmp_path):
    (tmp_path / "gems").mkdir()
    (tmp_path / "gems" / "emerald.txt").touch()
    _, stops = follow(tmp_path, "emerald", lambda: start.scan(tmp_path / "gems"))
    assert stops == [("library", "shop"), ("shop", "start"), ("start", "reader")]


def test_the_end_ends_it(start, tmp_path):
    _, stops = follow(tmp_path, "emerald", lambda: start.go("emerald"), lambda moment: moment.function == "load")
    assert stops == [("library", "start"), ("start", "maker"), ("maker", "reader")]


def test_what_pytorch_computes_of_a_batch(start, tmp_path):
    _, stops = follow(tmp_path, None, lambda: start.train(None, {"x": torch.ones(2)}))
    assert stops == [("library", "start"), ("start", "maker"), ("maker", "reader")]
