"""NaN in the gradients: skipped, counted, and in the end refused, on one process and on shards.

Run as a script, this file is one rank of the multi-process test: ``test_non_finite.py STRATEGY OUTPUT``.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.utils.data import DataLoader, TensorDataset

from lumina.optimizers.gradients import Gradients
from lumina.survival.non_finite import NonFiniteGuard

ROOT = Path(__file__).parents[3]


class Poisoned(pl.LightningModule):
    """The loss is ``value`` times itself in the batches of ``poisoned``, on the last rank only."""

    def __init__(self, poisoned, value=float("nan")):
        super().__init__()
        torch.manual_seed(0)
        self.blocks = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 1)])
        self.poisoned, self.value = poisoned, value
        self.history = []
        self.gradients = Gradients()

    def configure_model(self):
        if self.device_mesh is not None:
            fully_shard(self.blocks[0], mesh=self.device_mesh["data_parallel"])  # the rest stays whole on every rank

    def training_step(self, batch, index):
        loss = self.blocks[1](self.blocks[0](batch[0])).square().mean()
        bad = index in self.poisoned and self.global_rank == self.trainer.world_size - 1
        return loss * self.value if bad else loss

    def on_before_zero_grad(self, optimizer):
        self.gradients.forget()

    def configure_gradient_clipping(self, optimizer, gradient_clip_val=None, gradient_clip_algorithm=None):
        self.gradients.clip(optimizer, gradient_clip_val or 0.0, gradient_clip_algorithm)

    def on_train_batch_end(self, *_):
        self.history.append([parameter.detach().clone() for parameter in self.parameters()])

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=0.1, fused=self.device_mesh is None)


def fit(folder, module, *callbacks, **options):
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    data = DataLoader(TensorDataset(torch.ones(8, 4)), batch_size=1)
    trainer = pl.Trainer(
        accelerator="cpu",
        default_root_dir=folder,
        callbacks=list(callbacks),
        max_epochs=1,
        enable_model_summary=False,
        **quiet,
        **({"devices": 1} | options),
    )
    trainer.fit(module, data)
    return trainer


def is_finite(module):
    return all(torch.isfinite(parameter).all() for parameter in module.parameters())


def same(first, second):
    return all(torch.equal(*pair) for pair in zip(first, second, strict=True))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_bad_step_is_skipped_and_counted(tmp_path, value):
    guard, module = NonFiniteGuard(), Poisoned({2, 5}, value)
    with pytest.warns(match=r"step 2 is skipped.*\(1 of the last 3 steps; the run ends at 3 of 20\)") as warned:
        fit(tmp_path, module, guard, gradient_clip_val=1.0)
    assert any("step 5 is skipped" in str(w.message) and "(2 of the last 6 steps" in str(w.message) for w in warned)
    assert guard.skipped == 2
    assert is_finite(module)
    unchanged = [same(*pair) for pair in zip(module.history, module.history[1:], strict=False)]
    assert unchanged == [False, True, False, False, True, False, False]


@pytest.mark.filterwarnings("ignore:step . is skipped")
def test_one_poisoned_part_of_accumulated_gradients_drops_the_step(tmp_path):
    guard, module = NonFiniteGuard(), Poisoned({3})
    fit(tmp_path, module, guard, accumulate_grad_batches=2)
    assert guard.skipped == 1
    assert is_finite(module)


@pytest.mark.filterwarnings("ignore:step . is skipped")
@pytest.mark.parametrize(("poisoned", "ends"), [({0, 1, 2}, "3 of the last 3"), ({1, 3, 5, 7}, "3 of the last 6")])
def test_run_ends_after_patience_with_whole_weights(tmp_path, poisoned, ends):
    module = Poisoned(poisoned)
    with pytest.raises(FloatingPointError, match=f"in {ends} steps, up to step .; the weights are unchanged"):
        fit(tmp_path, module, NonFiniteGuard())
    assert is_finite(module)


@pytest.mark.filterwarnings("ignore:step . is skipped")
def test_steps_outside_the_window_are_forgotten(tmp_path):
    module, guard = Poisoned({0, 1, 4, 7}), NonFiniteGuard(patience=3, window=4)
    fit(tmp_path, module, guard)
    assert guard.skipped == 4


def test_finite_gradients_are_left_alone(tmp_path):
    plain, guarded = Poisoned(set()), Poisoned(set())
    fit(tmp_path, plain)
    fit(tmp_path, guarded, NonFiniteGuard())
    assert same(plain.parameters(), guarded.parameters())


def test_bad_patience_is_refused():
    for patience in (0, 5):
        with pytest.raises(ValueError, match=f"patience={patience} must be at least 1 and at most window=4"):
            NonFiniteGuard(patience, window=4)


def test_upstream_still_trains_on_into_nan(tmp_path):
    module = Poisoned({2})
    assert fit(tmp_path, module).state.finished
    assert not is_finite(module)


@pytest.mark.slow  # starts two processes
@pytest.mark.parametrize("strategy", ["ddp", "fsdp2"])
def test_nan_on_one_rank_is_skipped_on_all(tmp_path, strategy):
    output = tmp_path / "report.json"
    command = ["timeout", "-k", "5", "150", sys.executable, __file__, strategy, str(output)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=170)
    assert run.returncode == 0, run.stderr[-3000:]
    expected = {"skipped": 1, "finite": True, "sharded": 2 if strategy == "fsdp2" else 0, "steps": 4}
    for rank in range(2):
        assert json.loads(output.with_suffix(f".{rank}").read_text()) == expected


def rank(strategy, output):
    sharded = ModelParallelStrategy(data_parallel_size=2, tensor_parallel_size=1)
    guard, module = NonFiniteGuard(), Poisoned({1})
    strategy = sharded if strategy == "fsdp2" else strategy
    trainer = fit(Path(output).parent, module, guard, devices=2, strategy=strategy)
    report = {
        "skipped": guard.skipped,
        "finite": all(
            torch.isfinite(value.to_local() if isinstance(value, DTensor) else value).all().item()
            for value in module.parameters()
        ),
        "sharded": sum(isinstance(value, DTensor) for value in module.parameters()),
        "steps": trainer.global_step,
    }
    Path(output).with_suffix(f".{trainer.global_rank}").write_text(json.dumps(report))


if __name__ == "__main__":
    rank(*sys.argv[1:])
