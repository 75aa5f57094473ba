"""Figure 2: positional scores in closed form, models' attention against the attention that they compute."""

import csv

import pytest
import torch

from lumina.analysis.attention import attention, positional_scores
from lumina.analysis.subject import watched


def test_scores_are_mean_cosines_of_the_distance():
    theta = 100.0 ** (-torch.arange(4, dtype=torch.float64) / 4)
    (flat,) = positional_scores((3, 5), 1, head_dim=8, base=100.0, queries=[(1, 2)])
    distance = torch.arange(15, dtype=torch.float64) - 7
    torch.testing.assert_close(flat.flatten(), torch.cos(distance[:, None] * theta).mean(1), rtol=0, atol=1e-6)


def test_in_two_dimensions_rows_and_columns_add_up():
    theta = 100.0 ** (-torch.arange(2, dtype=torch.float64) / 2)
    (plane,) = positional_scores((4, 6), 2, head_dim=8, base=100.0, queries=[(1, 2)])
    along = [torch.cos((torch.arange(n) - at)[:, None] * theta).mean(1) for n, at in ((4, 1), (6, 2))]
    torch.testing.assert_close(plane, (along[0][:, None] + along[1]) / 2, rtol=0, atol=1e-6)


def test_one_dimension_forgets_columns_and_two_do_not():
    """The next row is as near as the next column in 2-D, and a whole row away in 1-D."""
    flat, plane = (positional_scores((31, 31), axes, 72, 10000.0, [(15, 15)])[0] for axes in (1, 2))
    assert plane[14, 15] == pytest.approx(plane[15, 14].item(), abs=1e-6)
    assert flat[14, 15] < flat[15, 14] - 0.2


@pytest.mark.parametrize("config", [{}, {"positions": "rope_1d", "line_tokens": True}, {"positions": "sincos"}])
def test_a_models_map_is_the_one_it_attends_with(subject, config):
    """Values averaged by the map are what the network hands to its output projection."""
    model = subject(**config)
    draw = next(model.draws(2, 2))
    layers = model.module.backbone.layers
    with (
        watched([layer.attention.wv for layer in layers], lambda _, given, output: output) as values,
        watched([layer.attention.wo for layer in layers], lambda _, given, output: given["input"]) as heads,
    ):
        maps = attention(model, draw, 0.5, [5, 9])
    assert maps.shape == (2, 2, 2, 2, 16)
    if config.get("line_tokens"):
        places = torch.tensor([row * 5 + column for row in range(4) for column in range(4)])
        assert (maps.sum(-1) < 0.999).all()  # the rest goes to the closing tokens
    else:
        places = torch.arange(16)
        torch.testing.assert_close(maps.sum(-1), torch.ones(2, 2, 2, 2))
        # the last calls are those at t; sampling up to there made the others
        for layer, value, head in zip(maps, values[-2:], heads[-2:], strict=True):
            averaged = torch.einsum("bhql,bld->bqhd", layer, value).flatten(-2)
            torch.testing.assert_close(averaged, head[:, [5, 9]], rtol=1e-4, atol=1e-5)
    assert heads[-1].shape[1] == (20 if config.get("line_tokens") else len(places))


def test_the_command_from_positions_and_from_models(run_in, tmp_path, tiny_run, is_figure):
    run_in("analyze", "attention", "--grid=[6,8]", "--queries=[[1,2],[5,7]]", "--output", "a.png")
    assert is_figure(tmp_path / "a.png")
    rows = list(csv.DictReader((tmp_path / "a.csv").open()))
    assert len(rows) == 2 * 2 * 48
    run_in("analyze", "attention", f"--weights=[{tiny_run}]", "--names=[tiny]", "--count=2", "--output", "b.png")
    assert is_figure(tmp_path / "b.png")
    rows = list(csv.DictReader((tmp_path / "b.csv").open()))
    assert {(row["model"], row["query_row"], row["query_column"]) for row in rows} == {("tiny", "2", "2")}
    assert sum(float(row["attention"]) for row in rows) == pytest.approx(1, abs=1e-4)


def test_a_query_outside_the_picture(run_in, capsys):
    with pytest.raises(SystemExit):
        run_in("analyze", "attention", "--grid=[4,4]", "--queries=[[4,0]]")
    assert "(4, 0) lies outside the grid of 4 x 4 tokens" in capsys.readouterr().err
