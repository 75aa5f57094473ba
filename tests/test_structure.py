"""The plan of the house: which room stands above which. An import runs down, never up and never in a circle.

A room is a folder of lumina/ or a loose module beside them; lazy imports and those for types count like any other.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.imports import between, circles, import_graph, room_graph, room_of
from benchmarks.structure import loose_modules
from benchmarks.ways import HERE

FROM_LOW_TO_HIGH = """
    errors randomness files survival frozen pictures run_folder training weight_decay optimizers
    config parser text_cache text_encoders autoencoders
    interfaces backbone sampling images clouds data batches outputs checks sharding conditioning objectives metrics
    workarounds augmentation dashboards callbacks lora module resuming checkpoints starting_weights memory analysis
    commands cli
""".split()
UPWARD = {
    ("callbacks", "commands"),
    ("clouds", "data"),
    ("images", "data"),
    ("interfaces", "backbone"),
    ("interfaces", "sampling"),
    ("lora", "checkpoints"),
    ("module", "starting_weights"),
    ("resuming", "checkpoints"),
    ("sampling", "objectives"),
    ("workarounds", "resuming"),
}
"""Imports that still run up: each must go, and none may join them."""
MOST_LOOSE_MODULES = 22
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
    new = {pair: between(FILES, *pair) for pair in up - UPWARD}
    assert not new, f"these imports run from a lower room to a higher one: {new}"
    assert up == UPWARD, f"these imports run up no more, so UPWARD must not allow them: {UPWARD - up}"


def test_no_circle_of_rooms():
    allowed = {room: {other for other in others if (room, other) not in UPWARD} for room, others in ROOMS.items()}
    assert circles(allowed) == []


def test_no_circle_of_files():
    allowed = {
        file: {other for other in others if (room_of(file), room_of(other)) not in UPWARD}
        for file, others in FILES.items()
    }
    assert circles(allowed) == []


def test_few_modules_stand_loose():
    loose = loose_modules(HERE)
    assert len(loose) <= MOST_LOOSE_MODULES, f"a new module belongs in a room: {loose}"


def test_lumina_imports_neither_modalities_nor_datamodules():
    ours = {file: others for file, others in FILES.items() if file.startswith("lumina/")}
    assert ours
    wrong = {file: other for file, others in ours.items() for other in others if not other.startswith("lumina/")}
    assert not wrong


def test_importing_lumina_is_light():
    code = "import sys, torch, lumina.interfaces, lumina.backbone; print(*[m for m in {!r} if m in sys.modules])"
    command = [sys.executable, "-c", code.format(HEAVY)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == []
