"""The table of the model's parts."""

from __future__ import annotations

import lightning.pytorch
from lightning.pytorch.callbacks import ModelSummary
from lightning.pytorch.demos.boring_classes import BoringModel

from lumina.workarounds.model_summary import Summary


def told(callback, tmp_path, caplog):
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    trainer = lightning.pytorch.Trainer(
        accelerator="cpu", fast_dev_run=True, default_root_dir=tmp_path, callbacks=[callback], **quiet
    )
    caplog.clear()
    with caplog.at_level("INFO"):
        trainer.fit(BoringModel())
    return caplog.text


def test_parameters_are_told_and_no_operations(tmp_path, caplog):
    text = told(Summary(), tmp_path, caplog)
    assert "layer" in text and "66" in text and "Total params" in text
    assert "flops" not in text.lower()


def test_lightning_still_tells_operations(tmp_path, caplog):
    assert "flops" in told(ModelSummary(), tmp_path, caplog).lower()
