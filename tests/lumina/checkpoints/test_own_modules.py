"""Runs of modules that an experiment names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lumina.checkpoints.own_modules import HOME, load_own_module, own_class
from lumina.config.trust import UntrustedError
from lumina.module import LuminaModule
from lumina.training.module import TrainedModule
from lumina.weights.source import Weights


class Scale(TrainedModule):
    """One weight, which is its export."""

    def __init__(self, size: int = 2) -> None:
        super().__init__(torch.optim.AdamW, None, 0)
        self.weight = torch.nn.Parameter(torch.zeros(size))

    def draw(self, batch, generator):
        return batch

    def picture(self, samples, captions=(), batch=None):
        return torch.zeros(3, 1, 1, dtype=torch.uint8)

    def export(self, folder: Path) -> None:
        folder.mkdir()
        torch.save(self.weight, folder / "weight.pt")


NAME = f"{Scale.__module__}.Scale"


def weights(arguments, name=NAME):
    tensors = {"weight": torch.arange(3.0)}
    stored = {"_class_path": name, "_instantiator": "any", **arguments}
    return Weights(origin=Path("run.ckpt"), form="run", tensors=tensors, architecture=None, arguments=stored)


def test_the_class_of_a_run():
    assert own_class(weights({})) == NAME
    assert own_class(weights({}, HOME)) is None and own_class(weights({}, None)) is None
    assert f"{LuminaModule.__module__}.{LuminaModule.__name__}" == HOME


def test_a_module_is_built_with_its_weights(monkeypatch):
    monkeypatch.setattr("lumina.config.trust.OURS", ("lumina", __name__.split(".")[0]))
    monkeypatch.setattr("lumina.config.trust.PACKAGES", ("lumina", "torch", "lightning", __name__.split(".")[0]))
    module = load_own_module(weights({"size": 3}))
    assert module.weight.tolist() == [0, 1, 2] and not module.training
    with pytest.raises(ValueError, match=r"weight \[3\] instead of \[4\]"):
        load_own_module(weights({"size": 4}))
    with pytest.raises(ValueError, match=r"run\.ckpt describes a module that cannot be built: .*sise"):
        load_own_module(weights({"sise": 4}))


def test_a_foreign_module_is_not_imported_for_a_shared_file():
    with pytest.raises(UntrustedError, match="--trust"):
        load_own_module(weights({"size": 3}))
