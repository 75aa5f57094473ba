"""Resuming a checkpoint saved at the end of an epoch."""

from __future__ import annotations

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader

from lumina.workarounds.epoch_count import count_epochs_exactly


class Notes(LightningModule):
    """Notes in which epoch each batch is served."""

    def __init__(self):
        super().__init__()
        self.weight, self.seen = torch.nn.Parameter(torch.zeros(1)), []

    def training_step(self, batch, index):
        self.seen.append((self.current_epoch, int(batch)))
        return self.weight.sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def fit(folder, steps, remedy, checkpoint=None):
    saver = ModelCheckpoint(folder, filename="end", save_on_train_epoch_end=True, every_n_epochs=1)
    options = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer, module = Trainer(max_steps=steps, callbacks=[saver], **options), Notes()
    if remedy:
        count_epochs_exactly(trainer)
    trainer.fit(module, DataLoader(torch.arange(4)), ckpt_path=checkpoint)
    return module.seen


def test_remedy_serves_the_next_epoch(tmp_path):
    fit(tmp_path, 4, remedy=True)
    assert fit(tmp_path, 8, remedy=True, checkpoint=tmp_path / "end.ckpt") == [(1, i) for i in range(4)]


def test_upstream_still_counts_one_epoch_too_many(tmp_path):
    fit(tmp_path, 4, remedy=False)
    assert fit(tmp_path, 8, remedy=False, checkpoint=tmp_path / "end.ckpt") != [(1, i) for i in range(4)]
