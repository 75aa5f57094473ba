"""Settings that no run can mean."""

from __future__ import annotations

import pytest
from tiny import QUICKSTART, TINY

from lumina.commands.train import build
from lumina.config.messages import reason

EMA = "{class_path: lumina.callbacks.ema.EMA}"
SAVE = "{class_path: lightning.pytorch.callbacks.ModelCheckpoint, init_args: {every_n_train_steps: 0}}"


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--trainer.devices=1000000000", "this machine has"),
        ("--trainer.num_nodes=0", "num_nodes=0 must be at least 1"),
        ("--trainer.log_every_n_steps=-1", "log_every_n_steps=-1 must be at least 1"),
        ("--trainer.val_check_interval=0", "val_check_interval=0 must be at least 1"),
        (f"--trainer.callbacks=[{EMA}, {EMA}]", "EMA twice"),
        (f"--trainer.callbacks=[{SAVE}]", "never saves"),
        ("--model.backbone.num_layers=1000000000", "GiB of memory"),
        ("--model.backbone.multiple_of=1000000000", "GiB of memory"),
        ("--model.backbone.norm_eps=-1", "norm_eps=-1"),
        ("--model.modality.init_args.size=[1000000000,8]", "must be at most 65536"),
        ("--model.modality.init_args.patch_size=0", "patch_size=0"),
        ("--model.modality.init_args.channels=-1", "channels=-1"),
        ("--model.conditioners.init_args.dropout=1e30", "must be a probability"),
        ("--model.conditioners.init_args.dropout=-0.1", "must be a probability"),
        ("--model.objective.init_args.sampler.init_args.steps=1000000000", "at most 100000"),
        ("--data.init_args.num_workers=1000000000", "num_workers 1000000000"),
        ("--data.init_args.max_corrupt=-1", "max_corrupt -1"),
    ],
)
def test_impossible_setting_is_refused(option, told):
    with pytest.raises(ValueError) as error:
        build(["--config", str(QUICKSTART), *TINY, "--trainer.logger=false", option])
    assert told in reason(error.value)
