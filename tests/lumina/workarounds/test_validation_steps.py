"""Validation every so many optimizer steps."""

from __future__ import annotations

import lightning.pytorch
import pytest
import torch
from lightning.pytorch.demos.boring_classes import BoringModel

from lumina.workarounds.validation_steps import validate_by_steps


class Watched(BoringModel):
    """Notes the steps at which it is validated; an epoch has 10 batches."""

    def __init__(self):
        super().__init__()
        self.validated = []

    def train_dataloader(self):
        return torch.utils.data.DataLoader(torch.randn(10, 32))

    def on_validation_start(self):
        self.validated.append(self.trainer.global_step)


def validated(tmp_path, mended, **options):
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    steps = {"max_steps": 9, "num_sanity_val_steps": 0, "limit_val_batches": 1}
    settings = {"accelerator": "cpu", "default_root_dir": tmp_path, **quiet, **steps}
    trainer = lightning.pytorch.Trainer(**settings, **options)
    if mended:
        validate_by_steps(trainer)
    model = Watched()
    trainer.fit(model)
    return model.validated


@pytest.mark.parametrize("accumulate", [1, 4])
def test_every_third_step(tmp_path, accumulate):
    options = {"val_check_interval": 3, "check_val_every_n_epoch": None, "accumulate_grad_batches": accumulate}
    assert validated(tmp_path, True, **options) == [3, 6, 9]  # with 4, an epoch is 3 steps, of 4, 4 and 2 batches


def test_shares_of_an_epoch_stay(tmp_path):
    options = {"val_check_interval": 0.5, "accumulate_grad_batches": 4}
    assert validated(tmp_path, True, **options) == validated(tmp_path, False, **options)


def test_lightning_still_counts_batches(tmp_path):
    options = {"val_check_interval": 3, "check_val_every_n_epoch": None, "accumulate_grad_batches": 4}
    assert validated(tmp_path, False, **options)[:3] == [0, 1, 2]
