"""Every YAML: shrunk, all of it runs; in full size, the giants are built on the meta device."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from shrink import EXPERIMENTS, command, name_of, settings_of, shrunk, source_of
from tiny import ROOT

from lumina.commands.train import build
from lumina.data.latents import write_settings, write_shard
from lumina.frozen.text_cache import write_text_shard

GIANTS = [path for path in EXPERIMENTS if path.parent.name in ("paper", "finetune")]
ONE_PROCESS = [path for path in EXPERIMENTS if path.parent.name != "base"]
ENCODERS = {
    "google/gemma-2b": {"model_type": "gemma", "hidden_size": 2048},
    "google/flan-t5-large": {"model_type": "t5", "d_model": 1024},
    "laion/larger_clap_general": {"model_type": "clap", "text_config": {"hidden_size": 768}},
}
RANDOM = {
    "lumina.frozen.autoencoders.KLAutoencoder": "lumina.frozen.autoencoders.RandomAutoencoder",
    "lumina.frozen.mel_autoencoders.MelKLAutoencoder": "lumina.frozen.mel_autoencoders.RandomMelAutoencoder",
}
PARAMETERS = {
    "figure5_next_dit": 559_455_776,
    "figure5_flag_dit": 609_836_576,
    "full_2b_24gb": 1_627_386_400,
    "table1_pretrain": 86_299_240,
    "table1_anyres": 86_299_240,
    "audio_vae": 212_958_212 + 926_723 + 1,  # the VAE, its adversary, and the scale of the likelihood
}


def name(path):
    return f"{path.parent.name}-{path.stem}"


def write(settings, folder, file="experiment.yaml"):
    (folder / file).write_text(yaml.safe_dump(settings, sort_keys=False))
    return file


def run_experiment(path, settings, run_in, folder):
    """Trains, resumes, evaluates and draws, as users do."""
    source = shrunk_source(path, folder)
    if source and settings["data"]["class_path"].endswith(".Cached"):
        run_in("cache", "--config", source, "--output", settings["data"]["init_args"]["root"])
    if str(settings["model"].get("weights")).startswith("runs/"):
        run_in("fit", "--config", source)
    run = f"runs/{name_of(settings)}"
    run_in("fit", "--config", write(settings, folder))
    more = ["--trainer.max_epochs=2"] if settings["trainer"].get("max_steps") == -1 else ["--trainer.max_steps=4"]
    run_in("fit", "--config", "experiment.yaml", "--ckpt_path", run, *more)
    run_in("test", "--ckpt_path", run)
    if "class_path" in settings["model"]:
        run_in("convert", run, "drawn")
        return
    conditions = str(settings["model"].get("conditioners"))
    if "recognition" in settings["model"]["modality"]["class_path"]:
        run_in("predict", "--ckpt_path", run)
    else:
        what = "--label=[0]" if "LabelConditioner" in conditions else "--prompt=a red cat"
        run_in("sample", "--ckpt_path", run, what, "--count=1", "--steps=1", "--output", "drawn")


def shrunk_source(path, folder):
    """The file of what an experiment starts from or stands on, shrunk in the same folder, from random weights."""
    source = source_of(path)
    if source == path:
        return None
    settings = shrunk(source, folder)
    settings["model"].pop("weights", None)
    return write(settings, folder, "source.yaml")


def check_run(settings, folder):
    run = folder / "runs" / name_of(settings)
    first, second = (run / version / "metrics.csv" for version in ("version_0", "version_1"))
    losses = [
        float(row["train/loss"]) for file in (first, second) for row in csv.DictReader(file.open()) if row["train/loss"]
    ]
    assert len(losses) >= 3 and all(map(math.isfinite, losses))
    states = [torch.load(file.with_name("checkpoints") / "last.ckpt", weights_only=True) for file in (first, second)]
    assert 0 < states[0]["global_step"] < states[1]["global_step"]
    assert list(run.glob("version_0/samples/*")) or "SampleGrid" not in str(settings["trainer"]["callbacks"])
    assert list(run.rglob("metrics.json")) or not settings["model"].get("metrics")
    assert list(folder.glob("drawn/*")) or list(run.rglob("predictions/*"))


@pytest.mark.parametrize("path", ONE_PROCESS, ids=name)
def test_runs_shrunk(path, run_in, tmp_path):
    if "lumina.optimizers.adamw_8bit" in path.read_text():
        pytest.importorskip("torchao", reason="of the extra lowmem, which is not part of all")
    settings = shrunk(path, tmp_path)
    run_experiment(path, settings, run_in, tmp_path)
    check_run(settings, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in ONE_PROCESS if settings_of(p)["model"].get("compile_blocks")], ids=name)
def test_runs_shrunk_and_compiled(path, run_in, tmp_path):
    settings = shrunk(path, tmp_path)
    settings["model"]["compile_blocks"] = True
    run_experiment(path, settings, run_in, tmp_path)
    check_run(settings, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in EXPERIMENTS if p.parent.name == "base"], ids=name)
def test_strategy_runs_in_two_processes(path, tmp_path):
    def lumina(*words):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, "-m", "lumina", *words], cwd=tmp_path, env=environment, check=True, timeout=300)

    settings = shrunk(path, tmp_path)
    run_experiment(path, settings, lumina, tmp_path)
    check_run(settings, tmp_path)


def write_cache(folder: Path) -> None:
    for split in ("train", "validation", "test"):
        write_shard(folder / split, 0, [[{"latent": torch.zeros(4, 8, 8)}]], [{"caption": "a cat", "name": "cat"}])
    write_settings(folder, {"modality": {}, "classes": [], "data": {}}, complete=True)
    gemma = {"path": "google/gemma-2b", "tokenizer": None, "dtype": "bfloat16"}
    gemma |= {"layer": -2, "max_tokens": 256, "dim": 2048}
    write_text_shard(folder / "text", 0, gemma, {"a cat": torch.zeros(2, 2048)}, torch.float16)


def without_weights(settings: dict) -> list[str]:
    """Options that replace the networks around the backbone by some that are on no disk."""
    modality, place = settings["model"].get("modality", {}).get("init_args", {}), "--model.modality.init_args"
    named = modality.get("autoencoder", {}).get("class_path")
    vae = [f"{place}.autoencoder={RANDOM[named]}"] if named else []
    return [*vae, f"{place}.vocoder=null"] if "vocoder" in modality else vae


@pytest.mark.parametrize("path", GIANTS, ids=name)
def test_giant_is_built(path, tmp_path, monkeypatch):
    if "lumina.optimizers.adamw_8bit" in path.read_text():
        pytest.importorskip("torchao", reason="of the extra lowmem, which is not part of all")
    monkeypatch.chdir(tmp_path)
    for name, config in ENCODERS.items():  # local folders of these names: all that is read before the weights
        Path(name).mkdir(parents=True)
        Path(name, "config.json").write_text(json.dumps(config))
    write_cache(tmp_path / "data/cached")
    words = command(path)
    with torch.device("meta"):
        cli = build(
            [*words, *without_weights(settings_of(path)), "--trainer.accelerator=cpu", "--trainer.precision=32"]
        )
    count = sum(parameter.numel() for parameter in cli.model.parameters())
    assert count == PARAMETERS.get(path.stem, count) and count > 5e7


def test_toy_baselines_are_of_one_size():
    counts = []
    for path in EXPERIMENTS:
        if path.parent.name == "toy" and path.stem.startswith("figure5"):
            model = build([*command(path), "--trainer.logger=false"]).model
            counts.append(sum(parameter.numel() for parameter in model.parameters()))
    assert len(counts) == 3
    assert max(counts) < 1.03 * min(counts)
