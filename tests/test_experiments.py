"""Every YAML: the small ones train a step, the giants are built on the meta device."""

from __future__ import annotations

import gzip
import shlex
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from lumina.commands.train import build

ROOT = Path(__file__).parents[1]
EXPERIMENTS = sorted((ROOT / "experiments").rglob("*.yaml"))
GIANTS = [path for path in EXPERIMENTS if path.parent.name == "paper"]
SMALL = [path for path in EXPERIMENTS if path.parent.name in ("quickstart", "toy")]
PARAMETERS = {"figure5_next_dit": 559_455_776, "figure5_flag_dit": 609_836_576}


def command(path: Path) -> list[str]:
    """The ``lumina fit`` line in the head of the file, which tells with what the file is to be combined."""
    line = next(line for line in path.read_text().splitlines() if line.startswith("#   lumina fit"))
    words = shlex.split(line.removeprefix("#   lumina fit"))
    return [str(ROOT / word) if word.endswith(".yaml") else word for word in words]


def write_fashion(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for split, count in (("train", 600), ("t10k", 100)):
        images, labels = rng.integers(0, 256, (count, 28, 28), np.uint8), (np.arange(count) % 10).astype(np.uint8)
        with gzip.open(folder / f"{split}-images-idx3-ubyte.gz", "wb") as file:
            file.write(struct.pack(">4i", 2051, count, 28, 28) + images.tobytes())
        with gzip.open(folder / f"{split}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(struct.pack(">2i", 2049, count) + labels.tobytes())
    return folder


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_trains_a_step(path, run_in, tmp_path):
    data = ["--data.init_args.root", write_fashion(tmp_path)] if "toy" in path.parts else []
    run_in("fit", *command(path), "--trainer.fast_dev_run=1", *data, "--model.metrics=[]")


@pytest.mark.parametrize("path", GIANTS, ids=lambda path: path.stem)
def test_giant_is_built(path):
    vae = "--model.modality.init_args.autoencoder=lumina.autoencoders.RandomAutoencoder"
    with torch.device("meta"):
        cli = build([*command(path), vae, "--trainer.accelerator=cpu", "--trainer.precision=32"])
    count = sum(parameter.numel() for parameter in cli.model.parameters())
    assert count > 5e8
    if path.stem in PARAMETERS:
        assert count == PARAMETERS[path.stem]


def test_toy_baselines_are_of_one_size():
    counts = []
    for path in SMALL:
        if path.stem.startswith("figure5"):
            model = build([*command(path), "--trainer.logger=false"]).model
            counts.append(sum(parameter.numel() for parameter in model.parameters()))
    assert len(counts) == 3
    assert max(counts) < 1.03 * min(counts)
