"""The averaged weights: re-derived by hand, in every stage, and on one process, DDP and FSDP2 alike.

Run as a script, this file is one rank of the multi-process tests: ``test_ema.py STRATEGY EPOCHS OUTPUT [RESUME]``.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.utils.data import DataLoader, TensorDataset

from lumina.callbacks.ema import EMA, averaged_weights

ROOT = Path(__file__).parents[3]
STEPS_PER_EPOCH = 4


class Toy(pl.LightningModule):
    def __init__(self, broken_validation=False):
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(3, 5), nn.Tanh())
        self.head, self.tied = nn.Linear(5, 1), nn.Linear(5, 1)
        self.tied.weight = self.head.weight
        self.scale = nn.Parameter(torch.ones(3))  # a parameter of the root module
        self.frozen = nn.Linear(3, 3).requires_grad_(False)
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.broken_validation = broken_validation

    def configure_model(self):
        if self.device_mesh is not None and not isinstance(self.scale, DTensor):
            mesh = self.device_mesh["data_parallel"]
            fully_shard(self.net, mesh=mesh)
            fully_shard(self, mesh=mesh)

    def forward(self, x):
        hidden = self.net(self.frozen(x) * self.scale)
        return self.head(hidden) + self.tied(hidden.square())

    def training_step(self, batch, index):
        self.count += 1
        return self.loss(batch)

    def loss(self, batch):
        return (self(batch[0]) - batch[1]).square().mean()

    def validation_step(self, batch, index):
        if self.broken_validation and not self.trainer.sanity_checking:
            raise RuntimeError("broken validation")
        self.log("loss", self.loss(batch), sync_dist=True)

    test_step = validation_step

    def predict_step(self, batch, index):
        return self(batch[0])

    def configure_optimizers(self):
        return torch.optim.AdamW([p for p in self.parameters() if p.requires_grad], lr=0.05)


class Raw(Callback):
    """Writes down the raw weights after every batch, and those that validation sees."""

    def __init__(self):
        self.batches, self.validated = [], []

    def on_train_batch_end(self, trainer, pl_module, *_):
        self.batches.append(copy_of(pl_module))

    def on_validation_batch_end(self, trainer, pl_module, *_):
        if not trainer.sanity_checking:
            self.validated.append(copy_of(pl_module))


def copy_of(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def loader(processes=1, rank=0):
    generator = torch.Generator().manual_seed(1)
    rows = torch.randn(4 * STEPS_PER_EPOCH, 3, generator=generator)[rank::processes]
    return DataLoader(TensorDataset(rows, rows.sum(1, keepdim=True)), batch_size=4 // processes)


def trainer(folder, *callbacks, **options):
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    if not any(isinstance(callback, ModelCheckpoint) for callback in callbacks):
        quiet["enable_checkpointing"] = False
    return pl.Trainer(accelerator="cpu", default_root_dir=folder, callbacks=list(callbacks), **quiet, **options)


def fit(folder, *callbacks, epochs=1, ckpt_path=None, model=None, **options):
    """Fits, saves a checkpoint and returns its path."""
    run = trainer(folder, *callbacks, max_epochs=epochs, devices=1, **options)
    run.fit(model or Toy(), loader(), loader(), ckpt_path=ckpt_path)
    run.save_checkpoint(folder / "saved.ckpt")
    return folder / "saved.ckpt"


def load(path):
    return torch.load(path, weights_only=True)


def by_hand(history, decays):
    start = dict(Toy().named_parameters(remove_duplicate=False))
    average = {name: value.detach().double() for name, value in start.items() if value.requires_grad}
    for weights, decay in zip(history, decays, strict=True):
        average = {name: decay * old + (1 - decay) * weights[name].double() for name, old in average.items()}
    return average


def assert_same(actual, expected, tolerance=1e-6):
    assert actual.keys() == expected.keys()
    for name, value in actual.items():
        torch.testing.assert_close(value.double(), expected[name].double(), atol=tolerance, rtol=tolerance)


def test_values_with_warmup_are_those_derived_by_hand(tmp_path):
    raw = Raw()
    checkpoint = load(fit(tmp_path, EMA(decay=0.3), raw, epochs=2))
    decays = [1 / 10, 2 / 11, 3 / 12, 0.3, 0.3, 0.3, 0.3, 0.3]  # 4/13 > 0.3
    assert_same(averaged_weights(checkpoint), by_hand(raw.batches, decays))
    assert all(torch.equal(checkpoint["state_dict"][name], value) for name, value in raw.batches[-1].items())


def test_values_without_warmup_and_with_accumulated_gradients_are_those_derived_by_hand(tmp_path):
    raw = Raw()
    path = fit(tmp_path, EMA(decay=0.9, warmup=False), raw, accumulate_grad_batches=2)
    assert_same(averaged_weights(load(path)), by_hand(raw.batches[1::2], [0.9, 0.9]))


def test_holds_every_trained_name_of_the_state_dict_and_nothing_else(tmp_path):
    checkpoint = load(fit(tmp_path, EMA()))
    left_out = {"frozen.weight", "frozen.bias", "count"}
    assert averaged_weights(checkpoint).keys() == checkpoint["state_dict"].keys() - left_out
    assert all(value.dtype == torch.float32 for value in averaged_weights(checkpoint).values())


def test_average_of_bfloat16_weights_keeps_small_changes(tmp_path):
    path = fit(tmp_path, EMA(decay=0.999, warmup=False), precision="bf16-true")
    start = Toy().scale.detach().bfloat16().float()
    moved = (averaged_weights(load(path))["scale"] - start).abs()
    assert 0 < moved.max() < 2**-9  # less than half of what bfloat16 can tell from 1


def test_validation_while_fitting_sees_the_average_and_training_does_not(tmp_path):
    raw = Raw()
    checkpoint = load(fit(tmp_path, EMA(decay=0.5, warmup=False), raw))
    seen = {name: raw.validated[-1][name] for name in averaged_weights(checkpoint)}
    assert_same(seen, averaged_weights(checkpoint), tolerance=0)
    assert all(torch.equal(checkpoint["state_dict"][name], value) for name, value in raw.batches[-1].items())


def test_resumed_run_ends_where_an_uninterrupted_one_does(tmp_path):
    for name in ("whole", "half"):
        (tmp_path / name).mkdir()
    whole = load(fit(tmp_path / "whole", EMA(), epochs=4))
    half = fit(tmp_path / "half", EMA(), epochs=2)
    resumed = load(fit(tmp_path / "half", EMA(), epochs=4, ckpt_path=half))
    assert_same(averaged_weights(resumed), averaged_weights(whole), tolerance=0)


def test_callback_that_saves_before_the_average_was_updated_loses_nothing(tmp_path):
    class Saver(Callback):
        def on_train_batch_end(self, trainer, *_):
            trainer.save_checkpoint(tmp_path / "early.ckpt")

    raw = Raw()
    fit(tmp_path, Saver(), EMA(decay=0.9, warmup=False), raw, limit_train_batches=3)
    assert_same(averaged_weights(load(tmp_path / "early.ckpt")), by_hand(raw.batches, [0.9] * 3))


@pytest.mark.parametrize("stage", ["validate", "test", "predict"])
def test_evaluating_a_checkpoint_uses_its_average_and_leaves_the_raw_weights(tmp_path, stage):
    path = fit(tmp_path, EMA(decay=0.9, warmup=False))
    overlaid, model = Toy(), Toy()
    overlaid.load_state_dict(load(path)["state_dict"] | averaged_weights(load(path)))
    expected = getattr(trainer(tmp_path, devices=1), stage)(overlaid, loader())
    actual = getattr(trainer(tmp_path, EMA(), devices=1), stage)(model, loader(), ckpt_path=path)
    assert str(actual) == str(expected)
    assert torch.equal(model.scale, load(path)["state_dict"]["scale"])


@pytest.mark.parametrize("weights_only", [True, False])
def test_checkpoint_without_average_is_named_and_evaluated_raw(tmp_path, weights_only):
    path, model = fit(tmp_path), Toy()
    if weights_only:
        torch.save({k: v for k, v in load(path).items() if k != "callbacks"}, path)
    run = trainer(tmp_path, EMA(), Raw(), devices=1)
    with pytest.warns(match=r"saved\.ckpt holds no averaged weights"):
        run.validate(model, loader(), ckpt_path=path)
    assert torch.equal(run.callbacks[-1].validated[0]["scale"], load(path)["state_dict"]["scale"])


def test_resuming_without_average_starts_one_at_the_loaded_weights(tmp_path):
    first = fit(tmp_path)
    start = load(first)["state_dict"]["scale"]
    raw = Raw()
    with pytest.warns(match="the average starts at its raw weights"):
        second = load(
            fit(tmp_path, EMA(decay=0.5, warmup=False), raw, epochs=2, ckpt_path=first, limit_train_batches=4)
        )
    for weights in raw.batches:
        start = 0.5 * start + 0.5 * weights["scale"]
    torch.testing.assert_close(averaged_weights(second)["scale"], start)


def test_average_of_another_model_is_refused(tmp_path):
    path = fit(tmp_path, EMA())
    checkpoint = load(path)
    checkpoint["ema"]["weights"]["other.weight"] = torch.zeros(1)
    torch.save(checkpoint, path)
    with pytest.raises(ValueError, match=r"other\.weight"):
        fit(tmp_path, EMA(), epochs=2, ckpt_path=path)


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan")])
def test_bad_decay_is_refused(decay):
    with pytest.raises(ValueError, match="decay must be"):
        EMA(decay=decay)


@pytest.mark.parametrize("stage", ["validate", "test"])
def test_an_evaluation_right_after_the_fit_uses_its_average(tmp_path, stage):
    run, model = trainer(tmp_path, EMA(decay=0.5, warmup=False), max_epochs=2, devices=1), Toy()
    run.fit(model, loader())
    run.save_checkpoint(tmp_path / "saved.ckpt")
    own = getattr(run, stage)(model, loader(), verbose=False)[0]
    read = getattr(trainer(tmp_path, EMA(), devices=1), stage)(
        Toy(), loader(), ckpt_path=tmp_path / "saved.ckpt", verbose=False
    )[0]
    raw = getattr(trainer(tmp_path, devices=1), stage)(model, loader(), verbose=False)[0]
    assert own == pytest.approx(read) and own != pytest.approx(raw, rel=1e-3)
    other = getattr(run, stage)(Toy(), loader(), verbose=False)[0]  # the average is not that of another module
    assert other == getattr(trainer(tmp_path, devices=1), stage)(Toy(), loader(), verbose=False)[0]


def fit_until_validation_raises(folder, average):
    raw = Raw()
    saver = ModelCheckpoint(dirpath=folder, filename="broken", save_on_exception=True)
    with pytest.raises(RuntimeError, match="broken validation"):
        fit(folder, average, raw, saver, model=Toy(broken_validation=True))
    return load(folder / "broken.ckpt"), raw.batches[-1]


def test_validation_that_raises_leaves_raw_weights_in_the_checkpoint(tmp_path):
    checkpoint, raw = fit_until_validation_raises(tmp_path, EMA(decay=0.9, warmup=False))
    assert all(torch.equal(checkpoint["state_dict"][name], value) for name, value in raw.items())
    assert not torch.allclose(averaged_weights(checkpoint)["scale"], raw["scale"])


def test_upstream_average_still_saves_swapped_weights_when_validation_raises(tmp_path):
    average = EMAWeightAveraging(decay=0.9, use_buffers=False)
    checkpoint, raw = fit_until_validation_raises(tmp_path, average)
    assert not torch.allclose(checkpoint["current_model_state"]["scale"], raw["scale"])


def launch(*arguments):
    command = ["timeout", "-k", "5", "150", sys.executable, __file__, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=170)
    assert run.returncode == 0, run.stderr[-3000:]


@pytest.mark.slow  # starts two processes twice
def test_one_process_ddp_and_fsdp2_agree_and_resume_each_other(tmp_path):
    (tmp_path / "one").mkdir()
    one = [load(fit(tmp_path / "one", EMA(), epochs=epochs)) for epochs in (1, 2, 3)]
    launch("ddp", 1, tmp_path / "ddp.ckpt")
    launch("fsdp2", 2, tmp_path / "fsdp2.ckpt", tmp_path / "ddp.ckpt")
    last = fit(tmp_path, EMA(), epochs=3, ckpt_path=tmp_path / "fsdp2.ckpt")
    for path, expected in zip((tmp_path / "ddp.ckpt", tmp_path / "fsdp2.ckpt", last), one, strict=True):
        assert_same(averaged_weights(load(path)), averaged_weights(expected), tolerance=1e-5)
    report = json.loads((tmp_path / "fsdp2.json").read_text())
    assert report["sharded"] == ["scale", "net.0.weight", "net.0.bias", "head.weight", "head.bias", "tied.bias"]
    assert report["evaluated"] == pytest.approx(report["validated"], rel=1e-6)
    ones = trainer(tmp_path, EMA(), devices=1).validate(Toy(), loader(), ckpt_path=tmp_path / "fsdp2.ckpt")
    assert report["validated"] == pytest.approx(ones[0]["loss"], rel=1e-5)


def rank(strategy, epochs, output, resume=None):
    sharded = ModelParallelStrategy(data_parallel_size=2, tensor_parallel_size=1, save_distributed_checkpoint=False)
    strategy = sharded if strategy == "fsdp2" else strategy
    model = Toy()
    options = {"max_epochs": int(epochs), "devices": 2, "strategy": strategy, "use_distributed_sampler": False}
    run = trainer(Path(output).parent, EMA(), **options)
    data = loader(2, run.global_rank)
    run.fit(model, data, data, ckpt_path=resume)
    validated = run.callback_metrics["loss"].item()
    run.save_checkpoint(output)
    evaluated = run.validate(model, data, ckpt_path=output)[0]["loss"]
    if run.is_global_zero:
        names = [name for name, value in model.named_parameters() if isinstance(value, DTensor) and value.requires_grad]
        report = {"sharded": names, "validated": validated, "evaluated": evaluated}
        Path(output).with_suffix(".json").write_text(json.dumps(report))


if __name__ == "__main__":
    rank(*sys.argv[1:])
