"""Views against the true ones, and simple predictions beside them."""

import math

import pytest
import torch
from tiny_scenes import BallViews

from lumina.metrics.suite import MetricSuite
from lumina.metrics.views.quality import ViewQuality
from lumina.metrics.views.samples import shares


@pytest.fixture(scope="module")
def data():
    return BallViews()


def measured(data, make, **options):
    suite = MetricSuite([ViewQuality(**options)])
    suite.prepare(data)
    batch = data.batch()
    suite.update(make(batch), batch)
    found = suite.compute()
    assert not found.failures
    return found.values


def psnr(pictures, true):
    return float(-10 * (shares(pictures) - shares(true)).square().mean((-3, -2, -1)).log10().mean())


def test_true_views_are_perfect(data):
    found = measured(data, lambda batch: batch["views"])
    assert found["psnr"] == found["psnr_in_mask"] == pytest.approx(58.92, abs=0.01)
    assert found["ssim"] == pytest.approx(1)
    assert found["objects"] == 6
    assert found["right_azimuth"] == 1
    assert "lpips" not in found


def test_simple_predictions_are_those_of_their_names(data):
    batch = data.batch()
    true = batch["views"]
    found = measured(data, lambda batch: batch["views"])
    assert found["psnr_white"] == pytest.approx(psnr(torch.ones_like(true), true), abs=1e-3)
    assert found["psnr_copy"] == pytest.approx(psnr(batch["reference"][:, None], true), abs=1e-3)
    assert found["psnr_turned"] == pytest.approx(psnr(true.roll(-1, 1), true), abs=1e-3)
    mean = torch.stack([item["views"] for item in data.items["train"]]).mean(0)
    assert found["psnr_mean"] == pytest.approx(psnr(mean, true), abs=1e-3)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("_white", lambda batch: torch.ones_like(batch["views"])),
        ("_copy", lambda batch: batch["reference"][:, None].expand_as(batch["views"])),
        ("_turned", lambda batch: batch["views"].roll(-1, 1)),
    ],
)
def test_a_model_as_simple_scores_the_same_everywhere(data, name, make):
    found = measured(data, make)
    for measure in ("psnr", "ssim", "psnr_in_mask", "ssim_in_mask", "azimuth_90/psnr", "azimuth_315/ssim_in_mask"):
        assert found[measure] == pytest.approx(found[f"{measure}{name}"])


def test_the_nearest_object_is_a_good_guess(data):
    found = measured(data, lambda batch: batch["views"])
    assert found["psnr_nearest"] > found["psnr_mean"] > found["psnr_white"]


def test_bins_are_of_their_azimuth_and_the_spread_is_over_objects(data):
    def make(batch):
        views = batch["views"].clone()
        views[:, 3] = 1
        views[0, 0] = 1
        return views

    found = measured(data, make, anchors=False)
    assert found["azimuth_45/psnr"] == pytest.approx(58.92, abs=0.01)
    assert found["azimuth_135/psnr"] < 40
    assert 25 < found["azimuth_0/psnr"] < 58
    assert found["psnr_std"] > 0
    assert not any(name.endswith(("_white", "_mean", "_copy")) for name in found)
    means = [found[f"azimuth_{place * 45}/psnr"] for place in range(8)]
    assert found["psnr"] == pytest.approx(sum(means) / 8)


def test_wrong_azimuths_are_found(data):
    assert measured(data, lambda batch: batch["views"].roll(-1, 1), anchors=False)["right_azimuth"] == 0
    some = measured(data, lambda batch: torch.cat((batch["views"][:3], batch["views"][3:].roll(-1, 1))), anchors=False)
    assert some["right_azimuth"] == 0.5


def test_without_eight_even_azimuths_or_a_reference_some_are_left_out():
    data = BallViews(4, 2, azimuths=(0, 90, 200))
    found = measured(data, lambda batch: batch["views"])
    assert "psnr_turned" not in found
    assert "right_azimuth" not in found
    assert "azimuth_45/psnr" not in found
    for split in data.items.values():
        for item in split:
            del item["reference"]
    found = measured(data, lambda batch: batch["views"])
    assert "psnr_mean" in found
    assert not {"psnr_copy", "psnr_nearest"} & set(found)


def test_objects_of_mixed_numbers_of_views_count_alike(data):
    batch = data.batch()
    lists = {name: list(value) for name, value in batch.items()}
    for name in ("views", "azimuths", "alpha", "camera_to_world"):
        lists[name][0] = lists[name][0][:2]
    metric = ViewQuality(anchors=False)
    made = [torch.ones_like(views) for views in lists["views"]]
    metric.update(made, lists)
    each = torch.tensor([psnr(white, views) for white, views in zip(made, lists["views"], strict=True)])
    assert metric.results()["psnr"] == pytest.approx(float(each.mean()), abs=1e-3)
    assert metric.results()["psnr_std"] == pytest.approx(float(each.std(correction=0)), abs=1e-3)


def test_a_sample_with_nan_is_counted_and_left_out(data):
    def make(batch):
        views = batch["views"].clone()
        views[2, 1, 0, 0, 0] = math.nan
        return views

    with pytest.warns(UserWarning, match="1 of 6 samples"):
        found = measured(data, make)
    assert found["not_finite"] == 1
    assert found["objects"] == 5


def test_an_object_out_of_sight_has_no_score_in_the_mask(data):
    batch = data.batch()
    batch["alpha"][0] = 0
    metric = ViewQuality(anchors=False)
    metric.update(batch["views"].roll(-1, 1), batch)
    assert all(math.isfinite(value) for value in metric.results().values())
    assert metric.results()["objects"] == 6


def test_data_without_silhouettes_are_refused():
    data = BallViews(2, 1)
    for item in data.items["test"]:
        del item["alpha"]
    with pytest.raises(ValueError, match="yields no alpha, which ViewQuality needs"):
        ViewQuality().prepare(data)


def test_missing_weights_cost_lpips_alone(data, tmp_path):
    metric = ViewQuality(vgg=tmp_path / "vgg16.pth", anchors=False)
    with pytest.warns(UserWarning, match="LPIPS is left out, because .*vgg16.pth does not exist: download https"):
        metric.prepare(data)
    batch = data.batch()
    metric.update(batch["views"], batch)
    assert "lpips" not in metric.results()
