"""Arguments that are plain data go into a checkpoint; networks do not, and it loads safely."""

import pickle

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn

from lumina.workarounds.hyperparameters import save_given_hyperparameters


def saved(kind, folder):
    """The checkpoint of a module that was built with a network for an argument."""
    trainer = Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False)
    trainer.strategy.connect(kind(nn.Linear(1, 1)))
    trainer.save_checkpoint(folder / "x.ckpt", weights_only=False)
    return folder / "x.ckpt"


class Ours(LightningModule):
    def __init__(self, network):
        super().__init__()
        self.network = network
        save_given_hyperparameters(self)


class Theirs(LightningModule):
    def __init__(self, network):
        super().__init__()
        self.network = network
        self.save_hyperparameters(logger=False)


def test_a_module_built_in_python_loads_safely(tmp_path):
    checkpoint = torch.load(saved(Ours, tmp_path), weights_only=True)
    assert checkpoint["state_dict"].keys() == {"network.weight", "network.bias"}
    assert "hyper_parameters" not in checkpoint


@pytest.mark.filterwarnings("ignore:Attribute 'network' is an instance of")
def test_lightning_still_pickles_networks(tmp_path):
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(saved(Theirs, tmp_path), weights_only=True)
