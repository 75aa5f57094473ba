"""What all figures share: names of models, tables, files."""

from pathlib import Path

import pytest

from lumina.analysis.figures import drawn, model_names, plain_log, write_table


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("runs/digits/version_3", "digits"),
        ("runs/digits/version_3/checkpoints/last.ckpt", "digits"),
        ("runs/digits", "digits"),
        ("emoji", "emoji"),
        ("version_3", "version_3"),
    ],
)
def test_a_model_is_named_after_its_run(source, name):
    assert model_names([source], None) == [name]


def test_names_must_tell_models_apart():
    sources = ["runs/a/version_0", "runs/a/version_1"]
    assert model_names(sources, ["first", "second"]) == ["first", "second"]
    for names in (None, ["first"], ["first", "first"]):
        with pytest.raises(ValueError, match=r"2 models have the names .*; set unique names"):
            model_names(sources, names)


def test_a_table_lies_beside_its_figure_and_runs_nothing(tmp_path, capsys):
    write_table(tmp_path / "x.png", ("run", "value"), [("a", 1 / 3), ("=1+1", 2)])
    lines = (tmp_path / "x.csv").read_text().splitlines()
    assert lines[:2] == ["run,value", "a,0.333333"]
    assert not lines[2].startswith("=")
    assert str(tmp_path / "x.csv") in capsys.readouterr().out


def test_a_figure_is_saved_at_the_end_of_its_block(tmp_path, is_figure):
    output = tmp_path / "new/figure.png"
    with drawn(output, 6.0, 3.0) as figure:
        axes = figure.subplots()
        axes.plot([1, 10, 100], [1, 30, 300])
        axes.set_yscale("log")
        plain_log(axes.yaxis)
        assert not Path(output).exists()
    assert is_figure(output)
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert {"1", "2", "5", "10", "100"} <= set(labels)
