"""Objects of a batch."""

import pytest
import torch
from tiny_scenes import BallViews

from lumina.metrics.views.samples import apart, objects, shares, standing_at


def test_objects_come_out_of_a_batch_as_they_were():
    data = BallViews(1, 3)
    batch = data.batch()
    for number, found in enumerate(objects(-batch["views"], batch)):
        item = data.items["test"][number]
        assert torch.equal(found.true, shares(item["views"]))
        assert torch.allclose(found.generated, 1 - found.true)
        assert torch.equal(found.masks, item["alpha"] > 0.5)
        assert torch.equal(found.reference, shares(item["reference"]))
        assert torch.equal(found.cameras.camera_to_world, item["camera_to_world"])


def test_mixed_numbers_of_views_come_as_lists():
    items = BallViews(1, 2).items["test"]
    few = {
        name: value[:3] if getattr(value, "ndim", 0) and name != "reference" else value
        for name, value in items[0].items()
    }
    batch = {name: [few[name], items[1][name]] for name in few}
    found = list(objects(batch["views"], batch))
    assert [len(one.azimuths) for one in found] == [3, 8]
    assert found[0].generated.shape == found[0].true.shape


def test_what_a_batch_lacks_is_none():
    batch = {name: value for name, value in BallViews(1, 1).batch().items() if name in ("views", "azimuths")}
    (found,) = objects(batch["views"], batch)
    assert (found.masks, found.reference, found.cameras) == (None, None, None)


def test_angles_are_the_shorter_way_round():
    assert apart(torch.tensor([350.0, 10.0, 0.0, 720.0]), torch.tensor([10.0, 350.0, 180.0, 1.0])).tolist() == [
        20,
        20,
        180,
        1,
    ]


@pytest.mark.parametrize(
    ("azimuths", "expected"),
    [(range(0, 360, 45), [1, 2, 3, 4, 5, 6, 7, 0]), (range(0, 360, 90), None), ((0, 45.5, 90), None)],
)
def test_the_view_further_on_is_found_where_there_is_one(azimuths, expected):
    azimuths = torch.tensor([float(azimuth) for azimuth in azimuths])
    found = standing_at(azimuths, azimuths + 45)
    assert (None if found is None else found.tolist()) == expected
    assert standing_at(azimuths, azimuths + 360).tolist() == list(range(len(azimuths)))
