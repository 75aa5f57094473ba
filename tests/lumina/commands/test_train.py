"""What the command line makes of an experiment before it trains."""

from __future__ import annotations

import pytest
from tiny import QUICKSTART, TINY

from lumina.commands.train import build


def built(*options):
    return build(["--config", str(QUICKSTART), *TINY, "--trainer.logger=false", *options])


@pytest.mark.parametrize(
    ("options", "interval"),
    [
        (["--trainer.val_check_interval=10"], 40),
        (["--trainer.val_check_interval=0.5", "--trainer.check_val_every_n_epoch=1"], 0.5),
    ],
    ids=["steps", "share"],
)
def test_validation_interval_counts_optimizer_steps(options, interval):
    assert built("--trainer.accumulate_grad_batches=4", *options).trainer.val_check_interval == interval


def test_schedule_follows_the_steps_of_the_command_line():
    cli = built("--model.lr_scheduler=OneCycleLR", "--model.lr_scheduler.max_lr=1e-3", "--trainer.max_steps=77")
    assert cli.config.model.lr_scheduler.init_args.total_steps == 77
