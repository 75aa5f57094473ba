"""``lumina report``: curves of runs beside one another."""

import pytest
from PIL import Image

from lumina.commands.report import draw_curves


def test_it_draws_curves(tiny_run, run_in, tmp_path, capsys):
    run_in("report", f"--runs=[{tiny_run}]", "--metric=validation/loss", "--output", tmp_path / "r.png")
    assert Image.open(tmp_path / "r.png").size[0] > 500
    assert (tmp_path / "r.csv").read_text().count("\n") == 3
    with pytest.raises(SystemExit):
        run_in("report", f"--runs=[{tiny_run}]", "--metric=no")
    assert "it has:" in capsys.readouterr().err


@pytest.mark.parametrize(("values", "kind"), [((0.9, 1.5), "linear"), ((0.02, 3.0), "log"), ((-1.0, 80.0), "linear")])
def test_it_has_ticks_in_plain_numbers(monkeypatch, tmp_path, values, kind):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    draw_curves({"a": list(enumerate(values))}, "loss", tmp_path / "report.png")
    [axes] = drawn[0].axes
    low, high = axes.get_ylim()
    ticks = [tick.get_text() for tick in axes.get_yticklabels() if low <= tick.get_position()[1] <= high]
    assert axes.get_yscale() == kind and len(ticks) >= 3
    assert not any("times" in tick or "^" in tick for tick in ticks)
