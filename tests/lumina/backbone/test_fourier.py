"""Fourier features of points: the formula, its limits in time and density, and what a set demands."""

import math
from itertools import pairwise

import pytest
import torch

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.backbone.fourier import FourierEmbedding
from lumina.backbone.rope import axis_frequencies, scaled_frequencies
from lumina.values import Conditioning, Inference
from modalities.point_cloud import PointCloud

AWARE = Inference(rope_rule="time_aware")
S = 8  # times as many points as in training


def embedding(trained=16, frequencies=12):
    """Puts the features themselves out."""
    built = FourierEmbedding(2 * frequencies, trained, frequencies)
    with torch.no_grad():
        built.project.weight.copy_(torch.eye(2 * frequencies))
    return built


def angles(built, points, factors):
    return 2 * math.pi * points @ (built.theta * factors[:, None]).T


def features(built, points, factors):
    expected = angles(built, points, factors)
    return torch.cat((expected.cos(), expected.sin()), -1)


def exponents(built):
    return torch.arange(len(built.theta)) / len(built.theta)


@pytest.mark.parametrize("t", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("rule", ["none", "time_aware", "ntk", "interpolation", "watershed"])
def test_plain_features_at_the_trained_density_and_below(t, rule):
    built, points = embedding(), torch.randn(2, 16, 3)
    plain = features(built, points, torch.ones(12))
    options = Inference(rope_rule=rule)
    torch.testing.assert_close(built(points, torch.tensor([t, t]), None, options), plain)
    torch.testing.assert_close(built(points[:, :5], torch.tensor([t, t]), None, options), plain[:, :5])


@pytest.mark.parametrize(
    ("t", "factors"),
    [
        (0.0, lambda u: torch.where(u > 0, 1 / S, 1.0)),  # coarse: all but the highest frequency are interpolated
        (1.0, lambda u: S**-u),  # detail: as NTK-aware
        (0.4, lambda u: (S ** (-u / ((23 * 0.4 + 1) / 24))).clamp(min=1 / S)),
    ],
)
def test_time_aware_scaling(t, factors):
    built, points = embedding(), torch.randn(2, 16 * S, 3)
    scaled = built(points, torch.tensor([t, t]), None, AWARE)
    expected = features(built, points, factors(exponents(built)))
    torch.testing.assert_close(scaled, expected, atol=1e-4, rtol=1e-4)


def test_frequencies_only_grow_with_time():
    u = torch.arange(32) / 32
    factors = [scaled_frequencies("time_aware", torch.ones(32), u, S, t, 64) for t in (0, 0.2, 0.5, 0.9, 1)]
    assert all((later >= earlier).all() for earlier, later in pairwise(factors))
    assert (factors[-1][1:] > factors[0][1:]).all()


def test_the_exponent_is_that_of_rope():
    dim, base = 24, 100.0
    u = torch.arange(0, dim, 2, dtype=torch.float64) / dim
    for t in (0.0, 0.3, 1.0):
        mine = scaled_frequencies("time_aware", base**-u, u, S, t, dim)
        torch.testing.assert_close(mine, axis_frequencies("time_aware", dim, base, S, t, 16))


def test_each_cloud_is_scaled_by_its_own_points():
    built, points = embedding(), torch.randn(2, 16 * S, 3)
    mask = torch.arange(16 * S) < torch.tensor([[16], [16 * S]])
    t = torch.tensor([0.3, 0.3])
    out = built(points, t, mask, AWARE)
    torch.testing.assert_close(out[0], features(built, points[0], torch.ones(12)))
    torch.testing.assert_close(out[1], built(points[1:], t, None, AWARE)[0])


def test_frequency_vectors_lie_between_the_bounds_in_all_directions():
    theta = FourierEmbedding(8, 16, 64, lowest=1 / 8, highest=2).theta
    lengths = theta.norm(dim=1)
    torch.testing.assert_close(lengths[0], torch.tensor(2.0))
    assert (lengths.diff() < 0).all() and lengths[-1] > 1 / 8
    for half in theta / lengths[:, None], (theta / lengths[:, None])[:16]:
        assert half.mean(0).norm() < 0.2
        assert torch.linalg.eigvalsh(half.T @ half / len(half)).min() > 0.2  # of 1/3 for an even spread


def test_coordinates_keep_their_precision_under_autocast():
    built, points = embedding(), torch.randn(2, 16, 3) * 3
    with torch.autocast("cpu", torch.bfloat16):
        rounded = built(points)  # the features alone are rounded: of rounded coordinates the angles would be off by 0.3
    torch.testing.assert_close(rounded.float(), built(points), atol=0.01, rtol=0)


def test_coordinates_and_frequencies_keep_their_precision_in_a_bfloat16_network():
    modality = PointCloud(16)
    torch.manual_seed(0)
    model = NextDiT(NextDiTConfig(dim=48, num_layers=1, num_heads=2, token_dim=3, position_axes=0), embedding(16, 24))
    tokens = modality.tokenize(torch.randn(2, 16, 3) * 3, {})
    seen = []
    model.x_embedder.project.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    for dtype in (torch.float32, torch.bfloat16):
        model.to(dtype).features(tokens, torch.full((2,), 0.5), Conditioning())
    assert seen[1].dtype == torch.bfloat16
    torch.testing.assert_close(seen[1].float(), seen[0], atol=0.005, rtol=0)  # the features alone are rounded


def test_frequencies_follow_from_the_arguments_alone():
    low, high, points = FourierEmbedding(8, 16, 4), FourierEmbedding(8, 16, 4, highest=8.0), torch.randn(1, 5, 3)
    high.load_state_dict(low.state_dict())
    expected = high.project(features(high, points, torch.ones(4)))
    torch.testing.assert_close(high(points), expected)
    assert high.theta.norm(dim=1).max() == pytest.approx(8)


def test_a_rule_without_meaning_for_points_is_refused():
    with pytest.raises(ValueError, match=r"frequency_aware.*does not have; use 'time_aware'"):
        embedding()(torch.randn(1, 32, 3), torch.zeros(1), None, Inference(rope_rule="frequency_aware"))


@pytest.mark.parametrize("wrong", [{"trained": 0}, {"frequencies": 0}, {"lowest": 0.0}, {"lowest": 5.0}])
def test_impossible_ranges_are_refused(wrong):
    with pytest.raises(ValueError, match="Fourier features need"):
        FourierEmbedding(8, **({"trained": 16} | wrong))
