"""Point-set metrics: PointFlow's values, brute force, orientation and invariances."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lumina.metrics import points
from lumina.metrics.points import chamfer_matrix, point_set_metrics

ORACLE = dict(np.load(Path(__file__).parents[2] / "data/oracles/pointcloud_metrics.npz"))
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
RUNS = [("equal", "float32"), ("equal", "float64"), ("identical", "float64")]
NAMES = {
    "mmd": "metric_lgan_mmd-CD",
    "cov": "metric_lgan_cov-CD",
    "one_nna": "metric_1-NN-CD-acc",
    "acc_t": "metric_1-NN-CD-acc_t",
    "acc_f": "metric_1-NN-CD-acc_f",
}


def sets(case: str) -> tuple[Tensor, Tensor]:
    reference = torch.from_numpy(ORACLE[f"{case}_ref"])
    return torch.from_numpy(ORACLE.get(f"{case}_sample", ORACLE[f"{case}_ref"])), reference


def clouds(count: int, size: int, seed: int) -> Tensor:
    return torch.randn(count, size, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def brute_force(x: Tensor, y: Tensor) -> Tensor:
    squares = (x[:, None, :, None] - y[None, :, None]).square().sum(-1)
    return squares.amin(3).mean(2) + squares.amin(2).mean(2)


@pytest.fixture(params=["tree", "dense"])
def nearest(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test on the CPU path, and on the GPU path's code over CPU tensors."""
    if request.param == "dense":
        monkeypatch.setattr(points, "_nearest_tree", points._nearest_dense)
        monkeypatch.setattr(points, "BLOCK", 1000)
    return str(request.param)


def test_every_stored_run_is_tested() -> None:
    stored = {tuple(key.split("_")[:2]) for key in ORACLE if "_metric_" in key}
    assert stored == set(RUNS)


@pytest.mark.usefixtures("nearest")
@pytest.mark.parametrize(("case", "dtype"), RUNS)
def test_chamfer_matrices_agree_with_pointflow(case: str, dtype: str) -> None:
    sample, reference = sets(case)
    for name, x, y in (("rs", reference, sample), ("rr", reference, reference), ("ss", sample, sample)):
        expected = ORACLE[f"{case}_{dtype}_cd_{name}"]
        np.testing.assert_allclose(chamfer_matrix(x, y), expected, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.usefixtures("nearest")
@pytest.mark.parametrize(("case", "dtype"), RUNS)
def test_metrics_agree_with_pointflow(case: str, dtype: str) -> None:
    metrics = point_set_metrics(*sets(case))
    assert set(metrics) == set(NAMES)
    for name, key in NAMES.items():
        assert metrics[name] == pytest.approx(ORACLE[f"{case}_{dtype}_{key}"].item(), abs=TOLERANCE[dtype]), name


def test_convention_is_squared_mean_plus_mean() -> None:
    sample, reference = sets("equal")
    ours = chamfer_matrix(reference, sample).numpy()
    np.testing.assert_allclose(ours, ORACLE["conv_cd_sq_mean_sum"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(ours * 64, ORACLE["conv_cd_sq_sum_sum"], rtol=0, atol=64e-10)
    for other in ("conv_cd_l1_half_mean", "conv_cd_l2_mean_sum"):
        assert np.abs(ours - ORACLE[other]).max() > 0.01


@pytest.mark.usefixtures("nearest")
def test_rows_belong_to_the_first_argument() -> None:
    x, y = clouds(3, 20, 0), 0.5 * clouds(5, 31, 1)
    matrix = chamfer_matrix(x, y)
    assert matrix.shape == (3, 5)
    torch.testing.assert_close(matrix, brute_force(x, y), rtol=0, atol=1e-12)
    torch.testing.assert_close(matrix, chamfer_matrix(y, x).T, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("nearest")
def test_one_set_against_itself_is_symmetric_with_zero_diagonal() -> None:
    x = clouds(4, 17, 2)
    matrix = chamfer_matrix(x, x)
    assert torch.equal(matrix, matrix.T)
    torch.testing.assert_close(matrix, chamfer_matrix(x, x.clone()), rtol=0, atol=1e-12)
    torch.testing.assert_close(matrix.diagonal(), torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.usefixtures("nearest")
@pytest.mark.parametrize("offset", [100.0, 1e5])
def test_clouds_far_from_zero_keep_their_distances(offset: float) -> None:
    # In float64, whose last digits only a centred product keeps.
    x, y = clouds(3, 40, 3) + offset, clouds(4, 50, 4) + offset
    torch.testing.assert_close(chamfer_matrix(x, y), brute_force(x, y), rtol=0, atol=1e-10)
    assert (chamfer_matrix(x, x) >= 0).all()


@pytest.mark.usefixtures("nearest")
def test_order_of_clouds_and_points_does_not_matter() -> None:
    generated, reference = clouds(6, 24, 5), clouds(9, 24, 6)
    shuffled = generated.flip(0)[:, torch.randperm(24, generator=torch.Generator().manual_seed(7))]
    assert point_set_metrics(shuffled, reference.flip(1)) == pytest.approx(point_set_metrics(generated, reference))


def test_unequal_sets_follow_the_definitions() -> None:
    generated, reference = clouds(6, 24, 8), clouds(9, 24, 9)
    cross = brute_force(reference, generated)
    metrics = point_set_metrics(generated, reference)
    assert metrics["mmd"] == pytest.approx(cross.amin(1).mean().item())
    assert metrics["cov"] == pytest.approx(len(set(cross.argmin(0).tolist())) / 9)
    assert metrics["one_nna"] == pytest.approx((9 * metrics["acc_t"] + 6 * metrics["acc_f"]) / 15)


def test_collapse_shows_in_coverage_and_in_the_two_accuracies() -> None:
    reference = clouds(8, 32, 10)
    generated = reference[:1] + 1e-3 * clouds(8, 32, 11)
    metrics = point_set_metrics(generated, reference)
    assert metrics["cov"] == 1 / 8
    # Copies lie closer to their original than to each other: the classifier errs on each of them.
    assert metrics["acc_f"] == 0.0
    assert metrics["acc_t"] > 0.5


def test_sets_far_apart_are_told_apart() -> None:
    reference = clouds(5, 16, 12)
    metrics = point_set_metrics(reference + 50, reference)
    assert (metrics["one_nna"], metrics["acc_t"], metrics["acc_f"]) == (1.0, 1.0, 1.0)


def test_arrays_are_taken_too() -> None:
    x, y = clouds(2, 8, 13), clouds(3, 8, 14)
    assert torch.equal(chamfer_matrix(x.numpy(), y.numpy()), chamfer_matrix(x, y))


def test_progress_is_silent_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    chamfer_matrix(clouds(2, 8, 15), clouds(3, 8, 16))
    assert capsys.readouterr().err == ""
    chamfer_matrix(clouds(2, 8, 15), clouds(3, 8, 16), progress=True)
    assert "Chamfer distance" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (torch.zeros(4, 3), "shape"),
        (torch.zeros(2, 8, 2), "shape"),
        (torch.zeros(0, 8, 3), "at least one cloud"),
        (torch.zeros(2, 0, 3), "at least one cloud"),
        (torch.full((2, 8, 3), torch.nan), "NaN or infinity"),
        (torch.full((2, 8, 3), torch.inf), "NaN or infinity"),
    ],
)
def test_unusable_clouds_are_named(bad: Tensor, message: str) -> None:
    good = torch.zeros(2, 8, 3)
    for x, y in ((bad, good), (good, bad), (bad, bad)):
        with pytest.raises(ValueError, match=message):
            chamfer_matrix(x, y)
    with pytest.raises(ValueError, match=f"generated.*{message}"):
        point_set_metrics(bad, good)
    with pytest.raises(ValueError, match=f"reference.*{message}"):
        point_set_metrics(good, bad)
