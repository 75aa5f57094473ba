"""Checkpoints name classes; a function that one names is not called."""

import copy
import sys

import pytest
import torch
from jsonargparse import ArgumentError
from lightning.pytorch import LightningModule, cli
from lightning.pytorch.cli import OptimizerCallable

from lumina.workarounds import instantiate_module as workaround

SIZES = {"dim": 16, "num_layers": 1, "num_heads": 2, "multiple_of": 8}
MODEL = {
    "modality": {"class_path": "modalities.image.Image", "init_args": {"size": [8, 8], "channels": 1}},
    "backbone": SIZES,
    "objective": {"class_path": "lumina.objectives.flow_matching.FlowMatching"},
}


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """An optimizer that is a function, and the file that it would leave."""
    (tmp_path / "bystander_function.py").write_text("def leave(path: str):\n    open(path, 'w').close()\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield {"class_path": "bystander_function.leave", "init_args": {"path": str(tmp_path / "left")}}, tmp_path / "left"
    sys.modules.pop("bystander_function", None)


def test_a_checkpoint_builds_its_module():
    from lumina.module import LuminaModule

    given = copy.deepcopy(MODEL)
    module = cli.instantiate_module(LuminaModule, given)
    assert module.backbone.config.dim == 16
    assert given == MODEL


def test_a_function_is_refused_and_not_called(hostile):
    from lumina.module import LuminaModule

    optimizer, left = hostile
    with pytest.raises((ArgumentError, ValueError)):
        cli.instantiate_module(LuminaModule, MODEL | {"optimizer": optimizer})
    assert not left.exists()


class Stranger(LightningModule):
    """Of another package."""

    def __init__(self, optimizer: OptimizerCallable = torch.optim.Adam, width: int = 3):
        super().__init__()
        self.width = width
        self.made = optimizer([torch.nn.Parameter(torch.zeros(1))])


def test_modules_of_others_are_lightnings():
    assert cli.instantiate_module is workaround._from_checkpoint
    assert cli.instantiate_module(Stranger, {"width": 5}).width == 5


def test_lightning_still_calls_what_it_is_told(hostile):
    optimizer, left = hostile
    with pytest.raises(TypeError):  # what the function returned is no optimizer
        workaround._original(Stranger, {"optimizer": optimizer})
    assert left.exists()
