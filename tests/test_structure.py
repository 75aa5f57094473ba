"""The plan of the house: which room stands above which. An import runs down, never up and never in a circle.

A room is a folder of lumina/ or a loose module beside them; lazy imports and those for types count like any other.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.imports import between, circles, import_graph, room_graph
from benchmarks.structure import files_without_a_test, loose_modules
from benchmarks.ways import HERE

FROM_LOW_TO_HIGH = """
    errors randomness files runs values interfaces survival config workarounds optimizers training data pictures
    clouds scenes text audio music autoencoders frozen backbone distributed sampling conditioning objectives
    metrics checks weights module checkpoints generation reports callbacks analysis curation commands cli
""".split()
MOST_LOOSE_MODULES = 8
MOST_FILES_WITHOUT_A_TEST = 1  # of their own name; only ever lowered
HEAVY = (
    *("diffusers", "transformers", "laion_clap", "open3d", "trimesh", "h5py", "pandas", "pyarrow", "polars", "duckdb"),
    *("matplotlib", "sklearn", "timm", "torchvision", "torchaudio", "torchmetrics", "lightning", "peft", "wandb"),
)

FILES = import_graph(HERE, "lumina", "modalities", "datamodules")
ROOMS = room_graph(FILES, "lumina")


def test_every_room_has_its_place():
    assert set(ROOMS) == set(FROM_LOW_TO_HIGH), (
        "give a new room its place in FROM_LOW_TO_HIGH, and remove one that went"
    )
    assert len(FROM_LOW_TO_HIGH) == len(ROOMS)


def test_no_import_runs_up():
    place = FROM_LOW_TO_HIGH.index
    up = {(room, other) for room, others in ROOMS.items() for other in others if place(room) < place(other)}
    assert not up, f"these imports run from a lower room to a higher one: {[between(FILES, *pair) for pair in up]}"


def test_no_circle():
    assert circles(ROOMS) == []
    assert circles(FILES) == []


def test_few_modules_stand_loose():
    loose = loose_modules(HERE)
    assert len(loose) <= MOST_LOOSE_MODULES, f"a new module belongs in a room: {loose}"


def test_tests_stand_where_their_files_are():
    """A file ``lumina/x/y.py`` is tested by ``tests/lumina/x/test_y.py``."""
    found = files_without_a_test(HERE)
    assert len(found) <= MOST_FILES_WITHOUT_A_TEST, f"{len(found)} files have no test of their name: {found}"


def test_lumina_imports_neither_modalities_nor_datamodules():
    ours = {file: others for file, others in FILES.items() if file.startswith("lumina/")}
    assert ours
    wrong = {file: other for file, others in ours.items() for other in others if not other.startswith("lumina/")}
    assert not wrong


def test_importing_lumina_is_light():
    code = "import sys, torch, lumina.values, lumina.backbone; print(*[m for m in {!r} if m in sys.modules])"
    command = [sys.executable, "-c", code.format(HEAVY)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == []
