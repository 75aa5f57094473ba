"""``lumina analyze`` and its figures."""

import pytest

from lumina.commands.analyze import FIGURES


def test_help_names_every_figure(run_in, capsys):
    run_in("analyze")
    printed = capsys.readouterr().out
    assert all(f"\n  {name} " in printed for name in FIGURES)


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_has_help(run_in, capsys, figure):
    with pytest.raises(SystemExit) as stop:
        run_in("analyze", figure, "--help")
    assert stop.value.code == 0
    assert "--output" in capsys.readouterr().out


def test_unknown_figure(run_in, capsys):
    with pytest.raises(SystemExit) as stop:
        run_in("analyze", "figure7")
    assert stop.value.code == 2
    assert "unknown figure 'figure7'; choose one of attention, activations" in capsys.readouterr().err
