"""Stochastic depth: samples skip branches, at chances that rise with depth, as the generator says."""

import pytest
import torch
from torch import Generator

from lumina.backbone import NextDiTConfig
from lumina.backbone.context import _paths
from lumina.values import Conditioning, Inference

NOTHING, RECOGNITION = Conditioning(), {"modulation": "learned"}


def drop(seed: int) -> Inference:
    return Inference(drop_path=Generator().manual_seed(seed))


def test_chances_rise_linearly_and_expectations_stay():
    config = NextDiTConfig(num_layers=3, drop_path=0.4)
    paths = torch.stack(_paths(config, Generator().manual_seed(0), torch.zeros(20_000, 1, 1)))
    assert paths.shape == (3, 2, 20_000) and (paths[0] == 1).all()
    torch.testing.assert_close((paths == 0).float().mean((1, 2)), torch.tensor([0.0, 0.2, 0.4]), atol=0.01, rtol=0)
    torch.testing.assert_close(paths.mean((1, 2)), torch.ones(3), atol=0.02, rtol=0)


def test_a_dropped_sample_passes_through(build, grids):
    tokens, shallow = grids([(2, 3)])[0], build(**RECOGNITION)
    del shallow.layers[1]
    deep = build(**RECOGNITION, drop_path=0.999)
    expected = shallow.features(tokens, None, NOTHING)
    torch.testing.assert_close(deep.features(tokens, None, NOTHING, drop(0)), expected)
    assert (deep.features(tokens, None, NOTHING) - expected).abs().max() > 0.01


@pytest.mark.parametrize("mixed_sizes", ["packed", "padded"])
@pytest.mark.parametrize("activation_checkpointing", [False, True])
def test_draws_are_of_the_sample(build, grids, collate, mixed_sizes, activation_checkpointing):
    """The same seed drops the same, however sizes are batched, and a recomputed block drops what it dropped."""
    batch = collate(grids([(2, 3), (4, 4), (1, 5)]))
    reference = build(**RECOGNITION, drop_path=0.5)
    model = build(
        **RECOGNITION,
        drop_path=0.5,
        mixed_sizes=mixed_sizes,
        activation_checkpointing=activation_checkpointing,
    )
    expected = reference.features(batch, None, NOTHING, drop(3))
    out = model.features(batch, None, NOTHING, drop(3))
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-4)
    assert not torch.equal(expected, reference.features(batch, None, NOTHING, drop(4)))
    for each in (reference.features(batch, None, NOTHING, drop(3)), out):
        each.square().sum().backward()
    for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-3, rtol=1e-3)


def test_a_chance_of_one_is_refused():
    with pytest.raises(ValueError, match=r"drop_path=1\.0 must be a chance"):
        NextDiTConfig(drop_path=1.0)
