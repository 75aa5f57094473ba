"""What is kept of the training objects."""

import torch
from tiny_scenes import BallViews

from lumina.metrics.views.samples import shares
from lumina.metrics.views.training_views import TrainingViews, bins, nearest_azimuths


def test_azimuths_belong_to_the_nearest_multiple_of_45():
    assert bins(torch.tensor([0.0, 22, 23, 45, 180, 337, 338, 359.9])).tolist() == [0, 0, 1, 1, 4, 7, 0, 0]


def test_the_nearest_azimuth_is_found_round_the_circle():
    assert nearest_azimuths(torch.tensor([0.0, 90, 200]), torch.tensor([350.0, 60, 190, 271])).tolist() == [0, 1, 2, 2]


def test_the_mean_view_is_that_of_its_azimuth():
    data = BallViews(5, 1)
    expected = torch.stack([shares(item["views"]) for item in data.items["train"]]).mean(0)
    assert torch.allclose(TrainingViews.of(data).mean, expected, atol=1e-6)


def test_azimuths_without_a_view_have_the_mean_of_all():
    data = BallViews(5, 1, azimuths=range(0, 360, 90))
    everything = torch.stack([shares(item["views"]) for item in data.items["train"]])
    mean = TrainingViews.of(data).mean
    assert torch.allclose(mean[::2], everything.mean(0), atol=1e-6)
    assert torch.allclose(mean[3], everything.mean((0, 1)), atol=1e-6)


def test_the_nearest_object_is_the_one_of_the_reference():
    data = BallViews(6, 1)
    training = TrainingViews.of(data)
    item = data.items["train"][4]
    found = training.nearest(shares(item["reference"]), torch.tensor([90.0, 46, 359]))
    assert torch.equal(found, shares(item["views"])[[2, 1, 0]])


def test_data_without_references_have_none():
    data = BallViews(3, 1)
    for item in data.items["train"]:
        del item["reference"]
    assert TrainingViews.of(data).references is None
