"""Aliases that multiply are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lumina.config.stack import stack_configs
from lumina.files.yaml_file import compose, load

ROOT = Path(__file__).parents[3]


def test_aliases_that_multiply_are_refused(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    for text in ("\n".join(lines), "a: &a [*a]"):
        with pytest.raises(ValueError, match="aliases"):
            load(text)
    (tmp_path / "bomb.yaml").write_text("\n".join(lines))
    with pytest.raises(ValueError, match="aliases"):
        stack_configs(["fit", "--config", str(tmp_path / "bomb.yaml")])
    assert load("a: &a {b: 1}\nc: *a") == {"a": {"b": 1}, "c": {"b": 1}}


def test_every_experiment_is_far_below_the_limit():
    for file in (ROOT / "experiments").rglob("*.yaml"):
        assert isinstance(compose(file.read_text()), yaml.MappingNode)
