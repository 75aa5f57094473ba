"""Consistency of generated views beside that of true ones."""

import pytest
import torch
from tiny_scenes import BallViews

from lumina.metrics.suite import MetricSuite
from lumina.metrics.views import colour_consistency, silhouettes_explained
from lumina.metrics.views.consistency import ViewConsistency
from lumina.metrics.views.pinholes import Pinholes


@pytest.fixture(scope="module")
def data():
    return BallViews(1, 3, size=48)


def measured(data, make):
    suite = MetricSuite([ViewConsistency()])
    suite.prepare(data)
    batch = data.batch()
    suite.update(make(batch), batch)
    return suite.compute()


def test_true_views_score_as_themselves(data):
    found = measured(data, lambda batch: batch["views"]).values
    for name in ("silhouettes_explained", "colour_difference", "colour_over_shuffled"):
        assert found[name] == found[f"{name}_real"]
    assert found["silhouettes_explained"] > 0.98
    assert found["colour_over_shuffled"] < 0.6


def test_the_numbers_are_those_of_the_functions(data):
    found = measured(data, lambda batch: batch["views"].flip(1)).values
    shares, colours = [], []
    for item in data.items["test"]:
        views, masks = item["views"].flip(0), item["alpha"].flip(0)
        cameras = Pinholes.of_view(item["camera_to_world"], 30.0)
        shares.append(silhouettes_explained(masks, cameras).mean())
        colours.append(colour_consistency(views, masks, cameras))
    assert found["silhouettes_explained"] == pytest.approx(float(torch.stack(shares).mean()), abs=1e-6)
    colours = [one for one in colours if one.points]
    difference, shuffled = (sum(getattr(one, name) for one in colours) for name in ("difference", "shuffled"))
    assert found["colour_difference"] == pytest.approx(difference / len(colours))
    assert found["colour_over_shuffled"] == pytest.approx(difference / shuffled)


def test_wrong_orders_and_other_objects_are_found(data):
    true, flipped, mixed = (
        measured(data, make).values
        for make in (
            lambda b: b["views"],
            lambda b: b["views"].flip(1),
            lambda b: b["views"].transpose(0, 1).reshape(3, 8, 3, 48, 48),
        )
    )
    assert true["silhouettes_explained"] > flipped["silhouettes_explained"] > mixed["silhouettes_explained"]
    assert true["colour_over_shuffled"] < flipped["colour_over_shuffled"]
    assert flipped["silhouettes_explained_real"] == true["silhouettes_explained"]


def test_white_pictures_explain_nothing_and_say_what_is_missing(data):
    with pytest.warns(UserWarning, match="Not computed: ViewConsistency: colour_"):
        found = measured(data, lambda batch: torch.ones_like(batch["views"]))
    assert found.values["silhouettes_explained"] == 0
    assert found.failures["ViewConsistency: colour_difference"] == "no views share a point of the hull"
    assert "colour_difference_real" in found.values


def test_single_views_are_told():
    data = BallViews(1, 2, azimuths=(0,))
    with pytest.warns(UserWarning, match="no object has two views"):
        assert "silhouettes_explained" not in measured(data, lambda batch: batch["views"]).values


def test_data_without_cameras_are_refused(data):
    data = BallViews(1, 1)
    for item in data.items["test"]:
        del item["camera_to_world"]
    with pytest.raises(ValueError, match="yields no camera_to_world, which ViewConsistency needs"):
        ViewConsistency().prepare(data)


def test_no_colour_is_refused_before_the_run():
    with pytest.raises(ValueError, match="not a colour for a background"):
        ViewConsistency(background="nothing")


def test_the_background_is_that_of_the_data(data, monkeypatch):
    """Grey around the object is no silhouette where the data are said to be grey."""
    monkeypatch.setattr(data, "background", (0.5, 0.5, 0.5), raising=False)
    metric, told = ViewConsistency(), ViewConsistency(background="white")
    for one in (metric, told):
        one.prepare(data)
    assert metric.background == (0.5, 0.5, 0.5) and told.background == (1.0, 1.0, 1.0)


def test_mixed_precision_changes_no_number(data):
    whole = measured(data, lambda batch: batch["views"].flip(1)).values
    with torch.autocast("cpu", torch.bfloat16):
        assert measured(data, lambda batch: batch["views"].flip(1)).values == whole
