"""Sharded checkpoints survive a kill while they are written."""

from __future__ import annotations

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.utils.data import DataLoader

from lumina.distributed.atomic_shards import save_shards_atomically
from lumina.survival.checkpoints import newest_checkpoint, require_whole, stored_step


class Sharded(LightningModule):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(4, 4)

    def configure_model(self):
        fully_shard(self.layer, mesh=self.device_mesh["data_parallel"])

    def training_step(self, batch, index):
        return self.layer(batch).square().mean()

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters())


@pytest.fixture(autouse=True)
def _no_group_is_left():
    yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def fit(folder, steps, remedy=True, checkpoint=None):
    keeper = ModelCheckpoint(folder, save_last=True, save_top_k=0, every_n_train_steps=2, enable_version_counter=False)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    strategy = ModelParallelStrategy(data_parallel_size=1, tensor_parallel_size=1)
    trainer = Trainer(max_steps=steps, devices=1, strategy=strategy, callbacks=[keeper], **quiet)
    if remedy:
        save_shards_atomically(trainer)
    module = Sharded()
    trainer.fit(module, DataLoader(torch.randn(9, 4)), ckpt_path=checkpoint)
    return module


def killed(monkeypatch, folder, remedy):
    """A run that dies at step 4 when all shards of its checkpoint are written, but not how far it was."""
    save, saved = torch.save, []

    def die(value, place, *rest, **options):
        if str(place).endswith("meta.pt"):
            saved.append(place)
            if len(saved) == 2:
                raise KeyboardInterrupt
        save(value, place, *rest, **options)

    monkeypatch.setattr(torch, "save", die)
    with pytest.raises(SystemExit):
        fit(folder, 6, remedy)


def test_whole_checkpoint_resumes(tmp_path):
    fit(tmp_path, 4)
    path = tmp_path / "last.ckpt"
    require_whole(path, resumes=True)
    assert stored_step(path) == 4
    assert [child.name for child in tmp_path.iterdir()] == ["last.ckpt"]
    torch.distributed.destroy_process_group()
    fit(tmp_path / "on", 6, checkpoint=path)
    assert stored_step(newest_checkpoint(tmp_path / "on")) == 6


def test_kill_between_shards_and_progress_leaves_the_old_one(tmp_path, monkeypatch):
    killed(monkeypatch, tmp_path, remedy=True)
    path = newest_checkpoint(tmp_path)
    require_whole(path)
    written = {file.name: file.stat().st_mtime_ns for file in path.iterdir()}
    assert stored_step(path) == 2
    assert written["meta.pt"] >= written["__0_0.distcp"]


def test_upstream_still_mixes_two_steps(tmp_path, monkeypatch):
    killed(monkeypatch, tmp_path, remedy=False)
    path = tmp_path / "last.ckpt"
    written = {file.name: file.stat().st_mtime_ns for file in path.iterdir()}
    assert written["meta.pt"] < written["__0_0.distcp"]
