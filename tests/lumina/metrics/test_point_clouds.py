"""The metric of the evaluation run: units, normalisation, anchors, and what it refuses."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist, jensenshannon

from lumina.clouds.point_clouds import PointClouds, Shapes
from lumina.metrics.point_clouds import PointCloudQuality
from lumina.metrics.points import point_set_metrics

GENERATOR = torch.Generator().manual_seed(0)
SHAPES = [
    (torch.randn(60, 3, generator=GENERATOR) * torch.tensor([1.0 + i, 2, 1]) + 5).numpy() for i in range(12)
]  # as different as they come, anywhere


class Data(PointClouds):
    def shapes(self, split):
        chosen = range(8) if split == "train" else range(8, 12)
        return Shapes(read=lambda i: SHAPES[chosen[i]], names=[str(i) for i in chosen])


def evaluated(normalisation="shape_bbox", data_normalisation="shape_unit", samples=None, **options):
    metric = PointCloudQuality(normalisation, **options)
    data = Data(batch_size=2, points=16, eval_points=40, normalisation=data_normalisation)
    metric.prepare(data)
    for batch in data.test_dataloader():
        metric.update(batch["points"] if samples is None else samples[: len(batch["points"])], batch)
    return metric.compute()


def test_units_and_names():
    samples = torch.randn(4, 40, 3, generator=GENERATOR)
    found = evaluated(samples=samples, anchors=False)
    batch = next(iter(Data(batch_size=4, points=16, eval_points=40).test_dataloader()))["points"]

    def boxed(clouds):
        low, high = clouds.amin(1, keepdim=True), clouds.amax(1, keepdim=True)
        return (clouds - (low + high) / 2) / (high - low).amax(2, keepdim=True) * 2

    expected = point_set_metrics(boxed(samples[[0, 1, 0, 1]]), boxed(batch))
    assert found["shape_bbox/mmd_cd_x1000"] == pytest.approx(1000 * expected["mmd"], rel=1e-4)
    assert found["shape_bbox/cov_cd_percent"] == pytest.approx(100 * expected["cov"])
    assert found["shape_bbox/one_nna_cd_percent"] == pytest.approx(100 * expected["one_nna"])
    assert not any("train" in name or "gaussian" in name or "emd" in name for name in found)


@pytest.mark.parametrize("kind", ["shape_bbox", "shape_std", "shape_sphere"])
def test_the_references_themselves_are_perfect_whatever_the_data_s_normalisation(kind):
    for of_data in ("shape_unit", "global_unit", "none"):
        found = evaluated(kind, of_data, anchors=False)
        assert found[f"{kind}/mmd_cd_x1000"] == pytest.approx(0, abs=1e-6)
        assert found[f"{kind}/cov_cd_percent"] == 100
        assert found[f"{kind}/jsd"] == pytest.approx(0, abs=1e-9)


def test_anchors_are_a_training_set_and_a_gaussian():
    found = evaluated()
    train, gaussian = (found[f"shape_bbox/{anchor}/mmd_cd_x1000"] for anchor in ("train", "gaussian"))
    assert 0 < train < gaussian
    assert evaluated() == found


def test_original_coordinates_are_restored():
    found = evaluated("none", "global_unit", anchors=False)
    assert found["none/mmd_cd_x1000"] == pytest.approx(0, abs=1e-4)
    collapsed = evaluated("none", "global_unit", samples=torch.zeros(4, 40, 3), anchors=False)
    batch = next(iter(Data(batch_size=4, points=16, eval_points=40, normalisation="global_unit").test_dataloader()))
    squares = (batch["points"] * batch["scale"][:, None, None]).square().sum(-1)  # from the mean, where all samples lie
    expected = 1000 * (squares.mean(1) + squares.amin(1)).mean().item()
    assert collapsed["none/mmd_cd_x1000"] == pytest.approx(expected, rel=1e-4)


def test_clouds_without_a_size_of_their_own_are_refused():
    with pytest.raises(ValueError, match=r"set data\.normalisation to global_unit, or the metric"):
        evaluated("none", "shape_unit", anchors=False)


def test_clouds_of_other_scales_are_refused_in_batches_of_one():
    metric = PointCloudQuality("none", anchors=False)
    with pytest.raises(ValueError, match=r"set data\.normalisation to global_unit"):
        for batch in Data(batch_size=1, points=16, eval_points=40, normalisation="shape_unit").test_dataloader():
            metric.update(batch["points"], batch)


@pytest.mark.parametrize("whole", [0, 2])
def test_training_clouds_of_too_few_points_are_no_anchors(whole):
    class Uneven(Data):
        def shapes(self, split):
            few = [cloud[:30] for cloud in SHAPES[whole:8]]
            clouds = SHAPES[:whole] + few if split == "train" else SHAPES[8:]
            return Shapes(read=clouds.__getitem__, names=[str(i) for i in range(len(clouds))])

    data, metric = Uneven(points=16, eval_points=40, batch_size=4), PointCloudQuality()
    if not whole:
        with pytest.raises(ValueError, match=r"No training cloud has the 40 points .* lower data\.eval_points"):
            metric.prepare(data)
        return
    with pytest.warns(UserWarning, match="Only 2 training clouds have the 40 points of the 4 held-out clouds"):
        metric.prepare(data)
    batch = next(iter(data.test_dataloader()))
    metric.update(batch["points"], batch)
    assert metric.compute()["shape_bbox/train/cov_cd_percent"] <= 50  # 2 anchors are nearest to 2 of 4


def test_clouds_of_several_densities_are_refused():
    with pytest.raises(ValueError, match="clouds with equal numbers of points, got several"):
        PointCloudQuality().update([torch.zeros(3, 3), torch.zeros(4, 3)], {})


def test_earth_mover_s_distance_of_some():
    found = evaluated(anchors=False, emd_clouds=3, emd_points=20)
    assert found["shape_bbox/mmd_emd_x100"] == pytest.approx(0, abs=1e-9)
    assert found["shape_bbox/cov_emd_percent"] == 100


def test_earth_mover_s_clouds_are_drawn_of_all_classes():
    reference = torch.randn(40, 20, 3, generator=GENERATOR) * (torch.arange(40) + 1)[:, None, None]
    generated = torch.cat((reference[:4], torch.randn(36, 20, 3, generator=GENERATOR)))
    metric = PointCloudQuality("shape_bbox", anchors=False, emd_clouds=4, emd_points=20)
    metric.update(generated, {"points": reference})
    assert metric.compute()["shape_bbox/mmd_emd_x100"] > 1  # of the first four alone it is 0


def test_earth_mover_s_points_are_drawn_from_all_of_a_cloud():
    near, far = torch.rand(4, 200, 3), torch.rand(4, 200, 3) + 10
    metric = PointCloudQuality("none", anchors=False, emd_clouds=4, emd_points=200)
    frame = {"centre": torch.zeros(4, 3), "scale": torch.ones(4)}
    metric.update(torch.cat((far, near), 1), {"points": torch.cat((near, far), 1), **frame})
    assert metric.compute()["none/mmd_emd_x100"] < 250  # of the first 200 points it is 100 x 10 x sqrt(3)


def test_jsd_is_of_the_normalised_clouds_as_they_are():
    generated, reference = torch.randn(2, 6, 90, 3, generator=GENERATOR) * torch.tensor([1.0, 0.5, 2.0])
    metric = PointCloudQuality(anchors=False)
    metric.update(generated, {"points": reference})

    line = np.linspace(-0.5, 0.5, 28)
    nodes = np.stack(np.meshgrid(line, line, line), -1).reshape(-1, 3)
    nodes = nodes[np.linalg.norm(nodes, axis=1) <= 0.5]

    def histogram(clouds):
        low, high = clouds.amin(1, keepdim=True), clouds.amax(1, keepdim=True)
        boxed = (clouds - (low + high) / 2) / (high - low).amax(2, keepdim=True) * 2  # from -1 to 1
        return np.bincount(cdist(boxed.flatten(0, 1).numpy(), nodes).argmin(1), minlength=len(nodes))

    expected = jensenshannon(histogram(generated), histogram(reference), 2) ** 2
    assert metric.compute()["shape_bbox/jsd"] == pytest.approx(expected, abs=5e-3)  # points midway between nodes
