"""Signals end a run in order, on one process and on two.

Run as a script, this file is one rank of the multi-process tests: ``test_graceful_stop.py STRATEGY FOLDER``.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.utils.data import DataLoader, TensorDataset

from lumina.survival.graceful_stop import GracefulStop

ROOT = Path(__file__).parents[3]


class Signalled(pl.LightningModule):
    """Sends itself ``number`` in the batch of index ``at``."""

    def __init__(self, at=None, number=signal.SIGTERM):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(2, 1)
        self.at, self.number = at, number

    def configure_model(self):
        if self.device_mesh is not None:
            fully_shard(self.layer, mesh=self.device_mesh["data_parallel"])

    def training_step(self, batch, index):
        if index == self.at:
            signal.raise_signal(self.number)  # handled here; another thread would notice a signal of the process late
        return self.layer(batch[0]).square().mean()

    def validation_step(self, batch, index):
        pass

    def test_step(self, batch, index):
        if index == self.at:
            signal.raise_signal(self.number)  # handled here; another thread would notice a signal of the process late

    predict_step = test_step

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=0.01)


def trainer(folder, *callbacks, **options):
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    if not any(isinstance(callback, ModelCheckpoint) for callback in callbacks):
        quiet["enable_checkpointing"] = False
    return pl.Trainer(accelerator="cpu", default_root_dir=folder, callbacks=list(callbacks), **quiet, **options)


def loader(length=8):
    return DataLoader(TensorDataset(torch.ones(length, 2)), batch_size=1)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGUSR1, 138), (signal.SIGINT, 130)])
def test_signal_ends_the_run_with_its_code_and_a_checkpoint(tmp_path, number, code):
    run = trainer(tmp_path, GracefulStop(), devices=1, max_epochs=1)
    with pytest.raises(SystemExit) as stopped:
        run.fit(Signalled(2, number), loader(), loader())
    assert stopped.value.code == code
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 3


def test_checkpoint_lies_with_the_others_and_none_marks_the_epoch_as_done(tmp_path):
    saver = ModelCheckpoint(dirpath=tmp_path / "kept", save_last=True)
    with pytest.raises(SystemExit):
        trainer(tmp_path, GracefulStop(), saver, devices=1, max_epochs=1).fit(Signalled(2), loader())
    assert [path.name for path in tmp_path.rglob("*.ckpt")] == ["last.ckpt"]
    assert (tmp_path / "kept" / "last.ckpt").is_file()


def test_resumed_run_does_the_remaining_steps(tmp_path):
    whole, resumed = Signalled(), Signalled()
    trainer(tmp_path, devices=1, max_epochs=2).fit(whole, loader())
    with pytest.raises(SystemExit):
        trainer(tmp_path, GracefulStop(), devices=1, max_epochs=2).fit(Signalled(4), loader())
    run = trainer(tmp_path, GracefulStop(), devices=1, max_epochs=2)
    run.fit(resumed, loader(), ckpt_path=tmp_path / "last.ckpt")
    assert run.global_step == 16
    assert torch.equal(resumed.layer.weight, whole.layer.weight)  # every batch is the same


def test_handlers_are_given_back(tmp_path):
    signals = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
    before = [signal.getsignal(number) for number in signals]
    trainer(tmp_path, GracefulStop(), devices=1, max_epochs=1).fit(Signalled(), loader())
    with pytest.raises(SystemExit):
        trainer(tmp_path, GracefulStop(), devices=1, max_epochs=1).fit(Signalled(1), loader())
    assert [signal.getsignal(number) for number in signals] == before


@pytest.mark.parametrize("command", ["test", "predict"])
def test_evaluation_is_broken_off_with_its_code(tmp_path, command, caplog):
    run = trainer(tmp_path, GracefulStop(), devices=1)
    with caplog.at_level("INFO"), pytest.raises(SystemExit) as stopped:
        getattr(run, command)(Signalled(2), loader())
    assert stopped.value.code == 143
    assert "Stopped by SIGTERM before the end: there is no report" in caplog.text
    assert not list(tmp_path.rglob("*.ckpt"))


class TwiceInterrupted(Signalled):
    def training_step(self, batch, index):
        if index == self.at:
            signal.raise_signal(signal.SIGINT)
        return super().training_step(batch, index)


@pytest.fixture
def interruptible():
    """A process that a script started in the background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_second_interrupt_stops_at_once(tmp_path):
    with pytest.raises(SystemExit) as stopped:
        trainer(tmp_path, GracefulStop(), devices=1, max_epochs=1).fit(TwiceInterrupted(2, signal.SIGINT), loader())
    assert stopped.value.code == 1  # Lightning's
    assert not list(tmp_path.rglob("*.ckpt"))


def test_upstream_still_ends_with_code_0_on_sigterm(tmp_path):
    with pytest.raises(SystemExit) as stopped:
        trainer(tmp_path, devices=1, max_epochs=1).fit(Signalled(2), loader())
    assert not stopped.value.code
    assert not list(tmp_path.rglob("*.ckpt"))


@pytest.mark.slow  # starts two processes
@pytest.mark.parametrize(("strategy", "victims"), [("ddp", "all"), ("ddp", "main"), ("ddp", "other"), ("fsdp2", "all")])
def test_sigterm_ends_two_processes_together(tmp_path, strategy, victims):
    command = ["timeout", "--foreground", "-k", "5", "150", sys.executable, __file__, strategy, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with (tmp_path / "log").open("w") as log:
        run = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    while not all((tmp_path / f"trains.{rank}").exists() for rank in range(2)):
        assert run.poll() is None, (tmp_path / "log").read_text()[-3000:]
        time.sleep(0.1)
    pids = [int((tmp_path / f"trains.{rank}").read_text()) for rank in range(2)]
    for pid in {"all": pids, "main": pids[:1], "other": pids[1:]}[victims]:
        os.kill(pid, signal.SIGTERM)
    assert run.wait(timeout=60) == 143, (tmp_path / "log").read_text()[-3000:]
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] > 0


class Announced(Signalled):
    def training_step(self, batch, index):
        if index == 1:
            (Path(self.trainer.default_root_dir) / f"trains.{self.global_rank}").write_text(str(os.getpid()))
        time.sleep(0.01)
        return super().training_step(batch, index)


def rank(strategy, folder):
    sharded = ModelParallelStrategy(data_parallel_size=2, tensor_parallel_size=1, save_distributed_checkpoint=False)
    strategy = sharded if strategy == "fsdp2" else strategy
    trainer(folder, GracefulStop(), devices=2, strategy=strategy, max_epochs=1).fit(Announced(), loader(1_000_000))


if __name__ == "__main__":
    rank(*sys.argv[1:])
