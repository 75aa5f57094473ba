"""What the command line makes of an experiment before it trains."""

from __future__ import annotations

from tiny import QUICKSTART, TINY

from lumina.commands.train import build


def built(*options):
    return build(["--config", str(QUICKSTART), *TINY, "--trainer.logger=false", *options])


def test_schedule_follows_the_steps_of_the_command_line():
    cli = built("--model.lr_scheduler=OneCycleLR", "--model.lr_scheduler.max_lr=1e-3", "--trainer.max_steps=77")
    assert cli.config.model.lr_scheduler.init_args.total_steps == 77
