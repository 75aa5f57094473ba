"""A run that is stopped and resumed any number of times is the run that was never stopped, bit for bit."""

from __future__ import annotations

import os
import signal

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from same_state import assert_same
from torch.utils.data import DataLoader

from lumina.callbacks.ema import EMA
from lumina.data.corrupt import CorruptCount
from lumina.data.loader import Loader
from lumina.data.sampler import RankSampler
from lumina.survival.exact_resume import ExactResume
from lumina.survival.graceful_stop import GracefulStop
from lumina.survival.last_state import LastState

BATCHES, END = 5, 16  # batches of an epoch, micro-batches of a whole run


class Numbers(LightningModule):
    """Learns numbers; notes what it was given."""

    def __init__(self, stop_at=None, stop_in_validation=False):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(3))
        self.stop_at, self.stop_in_validation = stop_at, stop_in_validation
        self.validations = []

    def training_step(self, batch, index):
        number = self.trainer.fit_loop.epoch_loop.total_batch_idx
        if number == self.stop_at and not self.stop_in_validation:
            os.kill(os.getpid(), signal.SIGTERM)
        batch = batch["x"]
        target = torch.stack([batch.sum(), batch.square().sum(), batch.new_tensor(number)]) / 100
        return (self.weight - target).square().sum()

    def validation_step(self, batch, index):
        step = self.trainer.fit_loop.epoch_loop.total_batch_idx
        if step == self.stop_at and self.stop_in_validation:
            os.kill(os.getpid(), signal.SIGUSR1)
        if index == 0:
            self.validations.append(step)
        self.log("loss", self.weight.sum())

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), 0.1)
        scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=20)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


class Numbered(torch.utils.data.Dataset):
    def __len__(self):
        return 2 * BATCHES

    def __getitem__(self, key):
        return torch.tensor(float(key.sample + 100 * key.epoch))


def fit(folder, steps, *, stop_at=None, in_validation=False, resume=False, every=None, accumulate=1, **options):
    saving = {"every_n_train_steps": every} if every else {"every_n_epochs": 1}
    keeper = ModelCheckpoint(folder, save_last=True, enable_version_counter=False, **saving)
    callbacks = [EMA(0.9), ExactResume(), LastState(), GracefulStop(), keeper]
    if options.get("limit_val_batches") != 0:
        callbacks.append(EarlyStopping("loss", patience=100, check_on_train_epoch_end=False))
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    options = {"val_check_interval": 3, "check_val_every_n_epoch": None, **options}
    trainer = Trainer(
        max_steps=steps, callbacks=callbacks, accumulate_grad_batches=accumulate, num_sanity_val_steps=0,
        use_distributed_sampler=False, **quiet, **options,
    )  # fmt: skip
    data = Numbered()
    train = Loader(
        CorruptCount(0.0), "numbers", dataset=data, sampler=RankSampler(len(data), 2, train=True), batch_size=2,
        collate_fn=lambda items: {"x": torch.stack(items), "tried": ((), {})},
    )  # fmt: skip
    module = Numbers(stop_at, in_validation)
    torch.manual_seed(0)
    arguments = {"ckpt_path": folder / "last.ckpt"} if resume else {}
    if stop_at is None:
        trainer.fit(module, train, DataLoader(torch.arange(3)), **arguments)
    else:
        with pytest.raises(SystemExit):
            trainer.fit(module, train, DataLoader(torch.arange(3)), **arguments)
    return torch.load(folder / "last.ckpt", weights_only=True), module.validations


def state(checkpoint):
    """All of a checkpoint but the names of files."""
    keepers = {key: value for key, value in checkpoint["callbacks"].items() if "ModelCheckpoint" not in key}
    return {**checkpoint, "callbacks": keepers}


VALIDATION = {
    "in steps": {},
    "in epochs": {"val_check_interval": 1.0, "check_val_every_n_epoch": 1},
    "none": {"limit_val_batches": 0},
}


@pytest.mark.parametrize("validation", VALIDATION)
@pytest.mark.parametrize("every", [None, 5], ids=["epochs", "steps"])
@pytest.mark.parametrize("chain", [(5, 10), (5, 12), (5, 10, 15), (2, 10), (3, 4, 5, 6)])
def test_chain_of_resumes_is_one_run(tmp_path, chain, every, validation):
    options = {"every": every, **VALIDATION[validation]}
    whole, _ = fit(tmp_path / "whole", END, **options)
    for number, steps in enumerate((*chain, END)):
        resumed, _ = fit(tmp_path / "chain", steps, resume=number > 0, **options)
    assert_same(state(whole), state(resumed))


@pytest.mark.parametrize("validation", VALIDATION)
@pytest.mark.parametrize(
    ("accumulate", "stops"), [(2, (0,)), (2, (2, 3, 4)), (2, (7, 7, 8)), (3, (1, 9)), (4, (5, 5, 6))]
)
def test_stop_inside_an_accumulation_window_loses_nothing(tmp_path, accumulate, stops, validation):
    steps = END // accumulate
    options = {"every": 2, "accumulate": accumulate, **VALIDATION[validation]}
    whole, _ = fit(tmp_path / "whole", steps, **options)
    for number, stop in enumerate(stops):
        fit(tmp_path / "stopped", steps, stop_at=stop, resume=number > 0, **options)
    resumed, _ = fit(tmp_path / "stopped", steps, resume=True, **options)
    for part in ("state_dict", "ema", "optimizer_states", "lr_schedulers", "global_step", "epoch"):
        assert_same(whole[part], resumed[part])


@pytest.mark.parametrize("stop", [2, 5, 14])
def test_stopped_validation_is_made_up_for(tmp_path, stop):
    whole, validations = fit(tmp_path / "whole", END)
    stopped, before = fit(tmp_path / "stopped", END, stop_at=stop, in_validation=True)
    assert stopped["global_step"] == stop + 1
    assert_same(stopped["state_dict"], fit(tmp_path / "raw", stop + 1)[0]["state_dict"])
    resumed, after = fit(tmp_path / "stopped", END, resume=True)
    assert_same(state(whole), state(resumed))
    assert before[:-1] + after == validations


def test_finished_validation_is_not_repeated(tmp_path):
    _, validations = fit(tmp_path, 8)
    assert validations == [2, 5]
    assert fit(tmp_path, END, resume=True)[1] == [8, 11, 14]


def test_upstream_still_resumes_in_the_wrong_epoch(tmp_path):
    def order(steps, checkpoint=None):
        seen = []

        class Notes(Numbers):
            def training_step(self, batch, index):
                seen.append((self.current_epoch, int(batch)))
                return self.weight.sum()

        keeper = ModelCheckpoint(tmp_path, filename="end", save_on_train_epoch_end=True, every_n_epochs=1)
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
        trainer = Trainer(max_steps=steps, callbacks=[keeper], **quiet)
        trainer.fit(Notes(), DataLoader(torch.arange(4)), ckpt_path=checkpoint)
        return seen

    order(4)
    assert order(8, tmp_path / "end.ckpt") != [(1, i) for i in range(4)]
