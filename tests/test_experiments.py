"""Every YAML: the small ones train a step, the giants are built on the meta device."""

from __future__ import annotations

import gzip
import shlex
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Picture
from pyarrow import parquet
from tiny_shapes import write_catalogue, write_vrml

from datamodules.openclipart import CLASSES
from lumina.commands.train import build
from lumina.data.latents import write_settings, write_shard
from lumina.text_cache import write_text_shard

ROOT = Path(__file__).parents[1]
EXPERIMENTS = sorted((ROOT / "experiments").rglob("*.yaml"))
GIANTS = [path for path in EXPERIMENTS if path.parent.name in ("paper", "finetune")]
SMALL = [path for path in EXPERIMENTS if path.parent.name in ("quickstart", "toy")]
PARAMETERS = {
    "figure5_next_dit": 559_455_776,
    "figure5_flag_dit": 609_836_576,
    "full_2b_24gb": 1_627_386_400,
    "table1_pretrain": 86_299_240,
    "table1_anyres": 86_299_240,
}


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


def write_openclipart(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for place in CLASSES.values():
        (folder / place).mkdir(parents=True)
        for name in "abcdefgh":
            pixels = rng.integers(0, 256, (*rng.integers(30, 90, 2), 3), np.uint8)
            Picture.fromarray(pixels).save(folder / place / f"{name}.png")


def few_emoji(folder: Path) -> None:
    for path in (ROOT / "datamodules/data/fluent_emoji").glob("*.parquet"):
        parquet.write_table(parquet.read_table(path).slice(0, 40), folder / path.name)


def small_emoji(folder: Path) -> list[object]:
    return [
        f"--data.init_args.sources=[{folder}/train.parquet]",
        f"--data.init_args.eval_sources=[{folder}/test.parquet]",
    ]


def write_cache(folder: Path) -> None:
    for split in ("train", "validation", "test"):
        write_shard(folder / split, 0, [[torch.zeros(4, 8, 8)]], [{"caption": "a cat", "name": "cat"}])
    write_settings(folder, {"modality": {}}, complete=True)
    gemma = {
        "path": "google/gemma-2b",
        "tokenizer": None,
        "dtype": "bfloat16",
        "layer": -2,
        "max_tokens": 256,
        "dim": 2048,
    }
    write_text_shard(folder / "text", 0, gemma, {"a cat": torch.zeros(2, 2048)}, torch.float16)


def write_shapes(folder: Path) -> list[object]:
    """Nine pieces of furniture of three classes, 20 parts of five."""
    if folder.stem == "furniture":
        write_catalogue(folder, [f"{name} {n}" for n in range(9) for name in ("Chair", "Table", "Cabinet")])
    else:
        for name in ("Resistor_THT", "Button_Switch_SMD", "Varistor", "Connector_JST", "Package_DFN_QFN"):
            for number in range(5):
                write_vrml(folder / f"{name}.3dshapes/{number}.wrl")
    small = ["--data.init_args.sampled=300", "--data.init_args.cache=null", "--model.backbone.num_layers=1"]
    return ["--data.init_args.root", folder, *small, "--model.objective.init_args.sampler.init_args.steps=1"]


def replaced(path: Path, folder: Path) -> list[object]:
    """Options that put data at hand in the place of what a file asks for."""
    if path.stem.startswith("figure5") or path.stem.endswith("fashion"):
        return ["--data.init_args.root", write_fashion(folder)]
    if path.stem.startswith("emoji"):
        few_emoji(folder)
        data = [] if "lora" in path.stem or "cached" in path.stem else small_emoji(folder)
        return [*data, "--model.compile_blocks=false", "--model.objective.init_args.sampler.init_args.steps=1"]
    if path.stem.startswith("table1"):
        write_openclipart(folder / "openclipart")
        options = ["--data.init_args.root=openclipart", "--data.init_args.batch_size=8", "--model.weights=null"]
        return [*options, "--data.init_args.num_workers=0"]
    if path.stem in ("furniture", "kicad"):
        return write_shapes(folder / path.stem)
    return []


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_trains_a_step(path, run_in, tmp_path):
    options = replaced(path, tmp_path)
    if path.stem == "emoji_cached":
        run_in("cache", "--config", path.with_stem("emoji"), *small_emoji(tmp_path), "--output", "data/emoji")
    run_in("fit", *command(path), "--trainer.fast_dev_run=1", *options, "--model.metrics=[]")


@pytest.mark.parametrize("path", GIANTS, ids=lambda path: path.stem)
def test_giant_is_built(path, tmp_path, monkeypatch):
    if "lumina.optimizers" in path.read_text():
        pytest.importorskip("torchao", reason="of the extra lowmem, which is not part of all")
    monkeypatch.chdir(tmp_path)
    gemma = Path("google/gemma-2b/config.json")  # a local folder of this name: all that is read before the weights
    gemma.parent.mkdir(parents=True)
    gemma.write_text('{"model_type": "gemma", "hidden_size": 2048}')
    write_cache(tmp_path / "data/cached")
    words = command(path)
    latent = any("autoencoder" in Path(word).read_text() for word in words if word.endswith(".yaml"))
    vae = ["--model.modality.init_args.autoencoder=lumina.autoencoders.RandomAutoencoder"] if latent else []
    with torch.device("meta"):
        cli = build([*words, *vae, "--trainer.accelerator=cpu", "--trainer.precision=32"])
    count = sum(parameter.numel() for parameter in cli.model.parameters())
    assert count == PARAMETERS.get(path.stem, count) and count > 5e7


def test_toy_baselines_are_of_one_size():
    counts = []
    for path in SMALL:
        if path.stem.startswith("figure5"):
            model = build([*command(path), "--trainer.logger=false"]).model
            counts.append(sum(parameter.numel() for parameter in model.parameters()))
    assert len(counts) == 3
    assert max(counts) < 1.03 * min(counts)
