"""Fixtures that many tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lumina.cli import main

ROOT = Path(__file__).parents[1]
QUICKSTART = ROOT / "experiments/quickstart/digits.yaml"
TINY = [
    "--model.backbone.dim=32",
    "--model.backbone.num_layers=2",
    "--model.backbone.num_heads=2",
    "--model.backbone.num_kv_heads=1",
    "--trainer.enable_progress_bar=false",
    "--trainer.enable_model_summary=false",
]


@pytest.fixture(autouse=True)
def _one_seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def run_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs a lumina command with an empty folder as working directory."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: main([str(argument) for argument in arguments])


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished run: the quickstart with a tiny backbone and a few steps."""
    folder = tmp_path_factory.mktemp("tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        steps = ["--trainer.max_steps=6", "--trainer.val_check_interval=3", "--trainer.log_every_n_steps=1"]
        main(["fit", "--config", str(QUICKSTART), *TINY, *steps])
    return folder / "runs/digits/version_0"
