"""Frechet distance: reference implementations, closed forms and invariances."""

from __future__ import annotations

import operator
from functools import reduce
from pathlib import Path

import numpy as np
import pytest
import torch

from lumina.metrics.frechet import Moments, frechet_distance, frechet_from_gaussians, frechet_from_moments

ORACLE = dict(np.load(Path(__file__).parents[2] / "data/oracles/frechet.npz"))
CASES = ("full_rank", "relu_like", "identical")
RESULTS = sorted(key for key in ORACLE if "_fd_" in key and not key.startswith("diag"))


def features(case: str) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(ORACLE[f"{case}_x"]), torch.from_numpy(ORACLE[f"{case}_y"])


def streamed(rows: torch.Tensor, size: int = 97) -> Moments:
    return reduce(operator.add, map(Moments.of, rows.split(size)), Moments.zeros(rows.shape[1]))


def test_every_stored_result_belongs_to_a_known_case() -> None:
    assert {key.partition("_fd_")[0] for key in RESULTS} == set(CASES)
    assert len(RESULTS) == 27
    assert len([key for key in ORACLE if key.startswith("bias_n")]) == 7


@pytest.mark.parametrize("key", RESULTS)
def test_agrees_with_reference_implementations(key: str) -> None:
    x, y = features(key.partition("_fd_")[0])
    expected = pytest.approx(ORACLE[key].item(), rel=1e-8, abs=1e-9)
    assert frechet_distance(x, y) == expected
    assert frechet_distance(x.numpy(), y.numpy()) == expected
    assert frechet_from_moments(streamed(x), streamed(y)) == expected


@pytest.mark.parametrize("case", CASES)
def test_moments_are_mean_and_covariance(case: str) -> None:
    for side, rows in zip("xy", features(case), strict=True):
        moments = streamed(rows)
        np.testing.assert_allclose(moments.mean(), ORACLE[f"{case}_mu_{side}"], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(moments.covariance(), ORACLE[f"{case}_sigma_{side}"], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("key", ["diag_fd_closed_form", "diag_fd_pytorch_fid"])
def test_diagonal_gaussians(key: str) -> None:
    mean_x, mean_y = ORACLE["diag_mu_x"], ORACLE["diag_mu_y"]
    cov_x, cov_y = np.diag(ORACLE["diag_var_x"]), np.diag(ORACLE["diag_var_y"])
    assert frechet_from_gaussians(mean_x, cov_x, mean_y, cov_y) == pytest.approx(ORACLE[key].item(), rel=1e-10)


@pytest.mark.parametrize("count", [64, 128, 256, 512, 1024, 2048, 8192])
def test_finite_sample_bias_agrees_with_reference(count: int) -> None:
    draw = np.random.default_rng(11)
    x, y = draw.standard_normal((count, 64)), draw.standard_normal((count, 64))
    # 64 rows of 64 features have a singular covariance, on which the reference itself is less exact.
    expected = pytest.approx(ORACLE[f"bias_n{count}"].item(), rel=1e-7 if count == 64 else 1e-8)
    assert frechet_distance(x, y) == expected
    assert frechet_from_moments(streamed(torch.from_numpy(x)), streamed(torch.from_numpy(y))) == expected


def test_fewer_rows_than_features_is_exact(rng: np.random.Generator) -> None:
    # Rotating 8 features into 200 changes no distance, and leaves both covariances singular.
    rotation = np.linalg.qr(rng.standard_normal((200, 8)))[0]
    x, y = rng.standard_normal((30, 8)), 1.5 + 2 * rng.standard_normal((40, 8))
    assert frechet_distance(x @ rotation.T, y @ rotation.T) == pytest.approx(frechet_distance(x, y), rel=1e-12)


def test_both_routes_agree_when_only_one_set_is_short(rng: np.random.Generator) -> None:
    x, y = rng.standard_normal((20, 32)), 2 * rng.standard_normal((500, 32))
    gaussians = frechet_from_gaussians(x.mean(0), np.cov(x.T), y.mean(0), np.cov(y.T))
    assert frechet_distance(x, y) == pytest.approx(gaussians, rel=1e-6)


def test_features_far_from_zero_keep_their_covariance(rng: np.random.Generator) -> None:
    x, y = 100 + 0.1 * rng.standard_normal((2, 3000, 16)).astype(np.float32)
    exact = frechet_distance(x - np.float32(100), y - np.float32(100))
    assert frechet_distance(x, y) == pytest.approx(exact, rel=1e-8)
    sums = frechet_from_moments(streamed(torch.from_numpy(x)), streamed(torch.from_numpy(y)))
    assert sums == pytest.approx(exact, rel=1e-7)


def test_dead_features_change_nothing(rng: np.random.Generator) -> None:
    x, y = rng.standard_normal((300, 12)), 1 + rng.standard_normal((200, 12))
    dead_x, dead_y = np.pad(x, ((0, 0), (0, 5))), np.pad(y, ((0, 0), (0, 5)))
    assert frechet_distance(dead_x, dead_y) == pytest.approx(frechet_distance(x, y), rel=1e-6)


def test_low_precision_features_are_summed_in_float64(rng: np.random.Generator) -> None:
    rows = torch.from_numpy(rng.standard_normal((50, 4))).bfloat16()
    moments = Moments.of(rows)
    assert moments.total.dtype == moments.outer.dtype == torch.float64
    assert torch.equal(moments.total, rows.double().sum(0))


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((1, 4)), np.zeros((9, 4)), "1 and 9 rows"),
        (np.zeros((9, 4)), np.zeros((0, 4)), "9 and 0 rows"),
        (np.zeros((9, 4)), np.zeros((9, 5)), r"expected \[[ND]"),
        (np.zeros(9), np.zeros(9), r"expected \[[ND]"),
        (np.full((9, 4), np.nan), np.zeros((9, 4)), "NaN or infinite"),
        (np.zeros((9, 4)), np.full((9, 40), np.inf)[:, :4], "NaN or infinite"),
    ],
)
def test_unusable_features_are_named(x: np.ndarray, y: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        frechet_distance(x, y)


def test_unusable_moments_are_named() -> None:
    good, short = Moments.of(torch.eye(4)), Moments.of(torch.zeros(1, 4))
    with pytest.raises(ValueError, match="1 and 4 rows"):
        frechet_from_moments(short, good)
    with pytest.raises(ValueError, match=r"expected \[[ND]"):
        frechet_from_moments(good, Moments.of(torch.eye(5)))
    with pytest.raises(ValueError, match="NaN or infinite"):
        frechet_from_moments(good, Moments.of(torch.full((4, 4), torch.nan)))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
