"""Several metrics of one run: what is no number is named, and takes nothing else with it."""

from dataclasses import dataclass

import pytest
import torch
from torchmetrics.utilities import dim_zero_cat

from lumina.metrics.accuracy import Accuracy
from lumina.metrics.point_clouds import PointCloudQuality
from lumina.metrics.robust import RobustMetric
from lumina.metrics.suite import MetricSuite

NAN = float("nan")


class Spread(RobustMetric):
    def __init__(self, least=2):
        super().__init__()
        self.least = least
        self.add_state("seen", default=[], dist_reduce_fx="cat")

    def update(self, generated, batch):
        self.seen.append(torch.stack(list(generated)))

    def results(self):
        seen = dim_zero_cat(self.seen)
        report = {"mean": seen.mean().item(), "inverse": 1 / seen[0, 0].item() if seen[0, 0] else NAN}
        with self.attempt("std"):
            if len(seen) < self.least:
                raise ValueError(f"got {len(seen)} samples, expected {self.least}.")
            report["std"] = seen.std().item()
        return report


@dataclass
class Guess:
    probabilities: torch.Tensor


def test_samples_that_are_no_numbers_are_named_counted_and_left_out():
    suite = MetricSuite([Spread()])
    suite.update(torch.tensor([[1.0], [NAN], [3.0]]), {"name": ["a", "b", "c"]})
    suite.update([torch.tensor([5.0]), torch.tensor([torch.inf])], {})
    with pytest.warns(UserWarning, match="2 of 5 samples hold NaN or infinity .*: b, number 4"):
        found = suite.compute()
    assert found.values == {"mean": 3.0, "inverse": 1.0, "std": 2.0, "not_finite": 2.0}
    assert not found.failures


def test_nothing_but_nan_is_no_result():
    suite = MetricSuite([Spread(), PointCloudQuality(anchors=False)])
    suite.update(torch.full((4, 9, 3), NAN), {"points": torch.zeros(4, 9, 3)})
    with pytest.warns(UserWarning, match="4 of 4 samples"):
        found = suite.compute()
    assert not found.values
    assert found.failures == {
        f"{name}: all": "each of the 4 samples holds NaN or infinity" for name in ("Spread", "PointCloudQuality")
    }


def test_what_cannot_be_computed_takes_nothing_else_with_it():
    suite = MetricSuite([Spread(least=9), Accuracy()])
    suite[0].update(torch.zeros(1, 1), {})
    suite[1].update([Guess(torch.tensor([0.2, 0.8]))], {"label": torch.tensor([1])})
    with pytest.warns(UserWarning, match="Not computed: Spread: std, because got 1 samples, expected 9"):
        found = suite.compute()
    assert found.values == {"mean": 0.0, "top1": 1.0, "count": 1.0}
    assert found.failures == {"Spread: std": "got 1 samples, expected 9.", "Spread: inverse": "the result is nan"}


def test_a_guess_that_is_no_number_is_wrong():
    suite = MetricSuite([Accuracy()])
    suite.update([Guess(torch.tensor([0.2, 0.8])), Guess(torch.tensor([NAN, NAN]))], {"label": torch.tensor([1, 0])})
    with pytest.warns(UserWarning, match="1 of 2"):
        assert suite.compute().values == {"top1": 0.5, "count": 2.0, "not_finite": 1.0}


def test_one_cloud_of_nan_leaves_the_others():
    clouds = torch.randn(30, 16, 3, generator=torch.Generator().manual_seed(0))
    suite, others = MetricSuite([PointCloudQuality(anchors=False)]), torch.arange(30) != 3
    broken = clouds.clone()
    broken[3, 5, 1] = NAN
    suite.update(broken, {"points": clouds})
    with pytest.warns(UserWarning, match="1 of 30"):
        found = suite.compute().values
    suite.update(clouds[others], {"points": clouds[others]})
    assert found == {**suite.compute().values, "not_finite": 1.0}


class Watch(RobustMetric):
    """Notes whether autocast is on."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def prepare(self, data):
        self.seen.append(torch.is_autocast_enabled("cpu"))

    def update(self, generated, batch):
        self.seen.append(torch.is_autocast_enabled("cpu"))

    def results(self):
        self.seen.append(torch.is_autocast_enabled("cpu"))
        return {}


def test_mixed_precision_does_not_reach_the_metrics():
    suite = MetricSuite([watch := Watch()])
    with torch.autocast("cpu", torch.bfloat16):
        suite.prepare(None)
        suite.update(torch.zeros(2, 3), {})
        suite.compute()
        assert torch.is_autocast_enabled("cpu")
    assert watch.seen == [False] * 3
