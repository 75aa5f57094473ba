"""Fixtures that many tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import lightning.pytorch  # noqa: F401  # here, because its log handler keeps the stderr that it is born with
import pytest
import torch
from tiny import QUICKSTART, ROOT, TINY
from tiny_shapes import write_catalogue

from lumina.cli import main


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


@pytest.fixture(scope="session")
def tiny_points(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder in which a tiny model of point clouds was trained, as ``runs/furniture``, on 27 made-up pieces."""
    folder = tmp_path_factory.mktemp("points")
    write_catalogue(folder / "furniture", [f"{name} {n}" for n in range(9) for name in ("Chair", "Table", "Cabinet")])
    config = ROOT / "experiments/toy/furniture.yaml"
    data = ["--data.init_args.root=furniture", "--data.init_args.sampled=400", "--data.init_args.cache=cache"]
    steps = ["--trainer.max_steps=2", "--trainer.val_check_interval=2", "--trainer.callbacks.every_n_train_steps=2"]
    quick = ["--model.objective.init_args.sampler.init_args.steps=2", "--model.backbone.multiple_of=16"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        main(["fit", "--config", str(config), *TINY, *data, *steps, *quick])
    return folder
