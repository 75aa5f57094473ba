"""Mutated experiments: each runs, or is told in one sentence before its first step."""

from __future__ import annotations

import pytest
from mutations import run, sample
from shrink import EXPERIMENTS, shrunk, source_of
from tiny import QUICKSTART

FOLDERS = ("quickstart", "toy", "paper", "encoders")
ALONE = [path for path in EXPERIMENTS if path.parent.name in FOLDERS and source_of(path) == path]
"""Those that need no other run's weights or data."""


def check(path, folder, count, seed):
    settings = shrunk(path, folder)
    settings["trainer"]["max_steps"] = 1
    outcomes = {str(mutation): run(mutation.applied(settings), folder) for mutation in sample(settings, count, seed)}
    wrong = {name: outcome for name, outcome in outcomes.items() if outcome.kind not in ("runs", "told")}
    assert not wrong, "\n".join(f"{name}: {outcome.kind}: {outcome.text}" for name, outcome in wrong.items())
    return outcomes


def test_a_few_mutations(tmp_path):
    outcomes = check(QUICKSTART, tmp_path, 16, "few")
    assert {outcome.kind for outcome in outcomes.values()} == {"runs", "told"}


@pytest.mark.slow
@pytest.mark.parametrize("path", ALONE, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_many_mutations(path, tmp_path):
    check(path, tmp_path, 25, path.stem)
