"""Figure 3: magnitudes of blocks whose effect is known."""

import csv

import pytest
import torch

from lumina.analysis.activations import magnitudes, over_samples


def inputs(model, count=2):
    draw = next(model.draws(count, count))
    return draw.tokens.with_features(draw.noise), torch.full((count,), 0.3), draw.cond


def test_shut_gates_leave_the_input_as_it_is(subject):
    model = subject()
    backbone = model.module.backbone
    with torch.no_grad():
        for layer in backbone.layers:
            for parameter in layer.adaLN_modulation.parameters():
                parameter.zero_()
    tokens, t, cond = inputs(model)
    embedded = backbone.x_embedder(tokens.features, t).abs()
    expected = torch.stack((embedded.mean(), embedded.max())).double().expand(3, 2)
    torch.testing.assert_close(magnitudes(backbone, tokens, t, cond), expected)


@pytest.mark.parametrize(("post_norm", "least", "most"), [(True, 0.99, 1.01), (False, 10, 1000)])
def test_the_sandwich_keeps_large_weights_from_large_activations(subject, post_norm, least, most):
    """Output projections a hundred times larger change nothing behind a norm, and everything without one."""
    model = subject(post_norm=post_norm, tanh_gates=post_norm)
    backbone = model.module.backbone
    before = magnitudes(backbone, *inputs(model))
    with torch.no_grad():
        for layer in backbone.layers:
            layer.attention.wo.weight.mul_(100)
            layer.feed_forward.w2.weight.mul_(100)
    ratio = magnitudes(backbone, *inputs(model)) / before
    assert ratio[0].tolist() == [1, 1]
    assert (ratio[-1] > least).all() and (ratio[-1] < most).all()


def test_samples_of_unequal_batches_count_alike(subject):
    model = subject()
    found = over_samples(model, (0.25, 0.75), count=3, batch_size=2, prompts=None, seed=4)
    parts = []
    for draw in model.draws(3, 2, seed=4):
        for t, x in zip((0.25, 0.75), model.states(draw, (0.25, 0.75)), strict=True):
            tokens, when = draw.tokens.with_features(x), torch.full((len(x),), t)
            parts.append(magnitudes(model.module.backbone, tokens, when, draw.cond))
    for time in (0, 1):
        first, second = parts[time], parts[2 + time]
        torch.testing.assert_close(found[time, :, 0], (2 * first[:, 0] + second[:, 0]) / 3)
        torch.testing.assert_close(found[time, :, 1], torch.maximum(first[:, 1], second[:, 1]))


def test_the_command(run_in, tmp_path, tiny_run, is_figure):
    models = f"--weights=[{tiny_run},{tiny_run}]"
    run_in("analyze", "activations", models, "--names=[a,b]", "--times=[0.5]", "--count=2", "--output", "a.png")
    assert is_figure(tmp_path / "a.png")
    rows = list(csv.DictReader((tmp_path / "a.csv").open()))
    assert [(row["model"], row["block"]) for row in rows] == [(name, block) for name in "ab" for block in "012"]
    assert all(0 < float(row["mean_absolute"]) <= float(row["max_absolute"]) for row in rows)


def test_two_models_of_one_name(run_in, tiny_run, capsys):
    with pytest.raises(SystemExit):
        run_in("analyze", "activations", f"--weights=[{tiny_run},{tiny_run}]")
    assert "2 models have the names digits, digits; set unique names: --names=[a,b]" in capsys.readouterr().err
