"""``seed_everything`` is the default of all seeds."""

from __future__ import annotations

import pytest
from tiny import QUICKSTART, TINY

from lumina.commands.train import build


@pytest.mark.parametrize(
    ("options", "seeds"),
    [
        ([], (0, 0)),
        (["--seed_everything=7"], (7, 7)),
        (["--seed_everything=7", "--model.seed=3"], (3, 7)),
        (["--seed_everything=7", "--data.init_args.seed=4"], (7, 4)),
    ],
)
def test_seeds(options, seeds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli = build(["--config", str(QUICKSTART), *TINY, *options])
    assert (cli.model.seed, cli.datamodule.seed) == seeds
