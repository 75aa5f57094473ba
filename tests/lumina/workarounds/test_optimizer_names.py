"""An optimizer's state belongs to the parameters it was saved for, under every strategy."""

from __future__ import annotations

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.utils.data import DataLoader

from lumina.optimizers.adamw import AdamW
from lumina.workarounds.optimizer_names import OptimizerNames


class Shapes(LightningModule):
    """Vectors and matrices in turn: two groups of the optimizer mix the module's order, and shapes are equal."""

    def __init__(self, width=4, bias=True):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList([nn.Linear(width, width, bias) for _ in range(3)])
        self.frozen = nn.Parameter(torch.ones(width), requires_grad=False)
        self.states = {}

    def configure_model(self):
        if self.device_mesh is not None:
            for layer in self.layers:
                fully_shard(layer, mesh=self.device_mesh["data_parallel"])

    def training_step(self, batch, index):
        x = batch
        for number, layer in enumerate(self.layers):
            x = layer(x) * (number + 1)
        return x.square().mean()

    def on_train_start(self):
        names = {parameter: name for name, parameter in self.named_parameters()}
        optimizer = self.trainer.optimizers[0]
        self.states = {
            names[parameter]: {name: full(value).clone() for name, value in state.items()}
            for parameter, state in optimizer.state.items()
        }

    def configure_optimizers(self):
        return AdamW((p for p in self.parameters() if p.requires_grad), weight_decay=0.1)


def full(value):
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def fit(folder, strategy, steps, module=None, remedy=True, checkpoint=None):
    if strategy == "fsdp2":
        options = {"data_parallel_size": 1, "tensor_parallel_size": 1, "save_distributed_checkpoint": False}
        strategy = ModelParallelStrategy(**options)
    keeper = ModelCheckpoint(folder, save_last=True, every_n_train_steps=2, enable_version_counter=False)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    callbacks = [keeper, *([OptimizerNames()] if remedy else [])]
    trainer = Trainer(max_steps=steps, devices=1, strategy=strategy, callbacks=callbacks, **quiet)
    module = module or Shapes()
    trainer.fit(module, DataLoader(torch.randn(9, 4)), ckpt_path=checkpoint)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    return module, folder / "last.ckpt"


@pytest.mark.parametrize("there", ["auto", "fsdp2"])
@pytest.mark.parametrize("here", ["auto", "fsdp2"])
def test_state_goes_to_its_parameter(tmp_path, there, here):
    _, path = fit(tmp_path / "there", there, 2)
    stored = torch.load(path, weights_only=True)["optimizer_states"][0]
    assert stored["state"].keys() == {f"layers.{n}.{kind}" for n in range(3) for kind in ("weight", "bias")}
    assert [group["weight_decay"] for group in stored["param_groups"]] == [0.1, 0.0]
    resumed, _ = fit(tmp_path / "here", here, 3, checkpoint=path)
    assert resumed.states.keys() == stored["state"].keys()
    for name, state in stored["state"].items():
        assert torch.equal(resumed.states[name]["exp_avg"], state["exp_avg"]), name
        assert torch.equal(resumed.states[name]["exp_avg_sq"], state["exp_avg_sq"]), name


def test_a_group_may_be_empty(tmp_path):
    _, path = fit(tmp_path / "there", "auto", 2, Shapes(bias=False))
    resumed, _ = fit(tmp_path / "here", "auto", 3, Shapes(bias=False), checkpoint=path)
    assert resumed.states.keys() == {f"layers.{n}.weight" for n in range(3)}


def test_parameters_of_another_module_are_refused(tmp_path):
    class More(Shapes):
        def __init__(self):
            super().__init__()
            self.strict_loading = False
            self.more = nn.Parameter(torch.zeros(1))

    _, path = fit(tmp_path / "there", "auto", 2)
    with pytest.raises(ValueError, match="trained other parameters than this run's; they differ in 1, as more"):
        fit(tmp_path / "here", "auto", 3, More(), checkpoint=path)


def test_upstream_still_mixes_them_up(tmp_path):
    _, path = fit(tmp_path / "there", "auto", 2, remedy=False)
    with pytest.raises(RuntimeError, match="Missing optimizer state"):
        fit(tmp_path / "here", "fsdp2", 3, remedy=False, checkpoint=path)
