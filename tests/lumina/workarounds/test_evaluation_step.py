from __future__ import annotations

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader

from lumina.workarounds.evaluation_step import EvaluationStep


class Tiny(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, index):
        return self.layer(batch).sum()

    def test_step(self, batch, index):
        self.log("score", self.layer(batch).sum())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


@pytest.mark.parametrize(("callbacks", "step", "logged"), [([EvaluationStep()], 3, 2), ([], 0, 0)])
def test_step_of_the_checkpoint(tmp_path, callbacks, step, logged):
    """Once the second case, Lightning's own, fails, the remedy may go."""
    data = DataLoader(torch.ones(3, 1))
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = Trainer(max_steps=3, default_root_dir=tmp_path, enable_checkpointing=False, **quiet)
    trainer.fit(Tiny(), data)
    trainer.save_checkpoint(tmp_path / "three.ckpt")
    trainer = Trainer(default_root_dir=tmp_path, callbacks=callbacks, enable_checkpointing=False, **quiet)
    trainer.test(Tiny(), data, ckpt_path=tmp_path / "three.ckpt", verbose=False)
    assert trainer.global_step == step
    assert trainer.fit_loop.epoch_loop._batches_that_stepped == logged
