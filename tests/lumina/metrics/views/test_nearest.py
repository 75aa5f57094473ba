"""Classes of the nearest training objects, and the best of several samples."""

import pytest
import torch
from tiny_scenes import BallViews

from lumina.metrics.suite import MetricSuite
from lumina.metrics.views.nearest import NearestViews
from lumina.metrics.views.samples import shares
from lumina.metrics.views.similarity import psnr_in_mask


@pytest.fixture(scope="module")
def data():
    return BallViews()


def measured(data, make, batch=None, **options):
    suite = MetricSuite([NearestViews(**options)])
    suite.prepare(data)
    batch = batch or data.batch()
    suite.update(make(batch), batch)
    return suite.compute()


def test_true_views_are_of_their_class(data):
    found = measured(data, lambda batch: batch["views"]).values
    assert found["class_of_nearest"] == found["class_of_nearest_real"] == 1
    assert found["best_of_1/psnr_in_mask"] == pytest.approx(58.92, abs=0.01)


def test_views_of_other_objects_are_not(data):
    found = measured(data, lambda batch: batch["views"].roll(1, 0)).values
    assert found["class_of_nearest"] < 0.4
    assert found["class_of_nearest_real"] == 1


def test_azimuths_need_not_be_those_of_the_training_views(data):
    other = BallViews(1, 6, azimuths=(0, 40, 100, 185, 300))
    other.items["train"] = data.items["train"]
    assert measured(other, lambda batch: batch["views"]).values["class_of_nearest"] > 0.6


def test_classes_may_be_numbers_as_data_modules_serve_them(data):
    served = BallViews(1, 1)
    served.items = {
        split: [{**item, "label": torch.tensor(item["label"])} for item in found] for split, found in data.items.items()
    }
    found = measured(served, lambda batch: batch["views"]).values
    assert found["class_of_nearest"] == found["class_of_nearest_real"] == 1


def test_classes_may_have_names(data):
    items = {
        split: [{**item, "caption": "abcd"[item["label"]]} for item in found] for split, found in data.items.items()
    }
    named = BallViews(1, 1)
    named.items = items
    assert measured(named, lambda batch: batch["views"], key="caption").values["class_of_nearest"] == 1


def test_the_best_of_several_samples_counts(data):
    items = data.items["test"][:2]
    batch = data.collate([items[0], items[1], items[0], items[1]])
    scales = torch.tensor([0.1, 0.4, 0.3, 0.2])[:, None, None, None, None]
    made = batch["views"] * 0.5 + scales
    found = measured(data, lambda batch: made, batch).values
    best = [psnr_in_mask(shares(made[n]), shares(batch["views"][n]), batch["alpha"][n] > 0.5).mean() for n in range(4)]
    expected = (max(best[0], best[2]) + max(best[1], best[3])) / 2
    assert found["best_of_2/psnr_in_mask"] == pytest.approx(float(expected))


def test_a_sample_that_is_not_finite_costs_no_result(data):
    items = data.items["test"][:2]
    batch = data.collate([items[0], items[1], items[0], items[1]])
    made = batch["views"] * 0.5
    made[0] = torch.nan
    with pytest.warns(UserWarning, match="1 of 4 samples hold NaN"):
        evaluation = measured(data, lambda batch: made, batch)
    best = [psnr_in_mask(shares(made[n]), shares(batch["views"][n]), batch["alpha"][n] > 0.5).mean() for n in (2, 1)]
    assert not evaluation.failures and evaluation.values["not_finite"] == 1
    assert evaluation.values["best_of_2/psnr_in_mask"] == pytest.approx(float(sum(best)) / 2)


@pytest.mark.parametrize(("without", "count"), [((), 2), (("name",), 4)])
def test_objects_of_other_names_are_others_though_they_look_the_same(data, without, count):
    items = data.items["test"][:1]
    twins = [items[0], {**items[0], "name": "twin"}] * 2
    twins = [{name: value for name, value in one.items() if name not in without} for one in twins]
    batch = data.collate(twins)
    assert f"best_of_{count}/psnr_in_mask" in measured(data, lambda batch: batch["views"], batch).values


def test_unequal_numbers_of_samples_are_told(data):
    items = data.items["test"]
    batch = data.collate([items[0], items[1], items[0]])
    with pytest.warns(UserWarning, match="the objects have 1 to 2 samples each"):
        found = measured(data, lambda batch: batch["views"], batch)
    assert "class_of_nearest" in found.values


def test_data_without_classes_are_refused(data):
    with pytest.raises(ValueError, match=r"yields no kind, which NearestViews needs.*set the metric's `key`"):
        NearestViews(key="kind").prepare(data)
