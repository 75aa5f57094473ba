"""Clouds on their way to a batch: subsets, normalisation, variations, and clouds that cannot be served."""

import numpy as np
import pytest
import torch

from lumina.clouds.point_clouds import PointClouds, Shapes, Variation
from lumina.data.shape_cache import ShapeCache
from lumina.errors import CorruptSample
from lumina.randomness import Purpose, keyed_generator

GENERATOR = np.random.default_rng(0)
CLOUDS = [GENERATOR.normal(size=(40, 3)) * (1 + i) + (10 * i, 0, 5) for i in range(6)]


class InMemory(PointClouds):
    clouds = CLOUDS

    def shapes(self, split):
        return Shapes(read=self.clouds.__getitem__, names=[f"cloud {i}" for i in range(len(self.clouds))])


def originals(batch):
    return batch["points"] * batch["scale"][:, None, None] + batch["centre"][:, None]


@pytest.mark.parametrize("kind", ["none", "shape_std", "shape_unit", "shape_bbox", "shape_sphere", "global_unit"])
def test_evaluation_clouds_come_back_to_original_coordinates(kind):
    batch = next(
        iter(InMemory(batch_size=2, points=16, eval_points=40, normalisation=kind, eval_batch_size=6).test_dataloader())
    )
    torch.testing.assert_close(originals(batch), torch.tensor(np.array(CLOUDS)), atol=1e-4, rtol=1e-4)
    assert batch["name"] == [f"cloud {i}" for i in range(6)]


def test_global_unit_is_one_mean_and_one_deviation_of_all_training_points():
    batch = next(
        iter(
            InMemory(
                batch_size=2, points=16, eval_points=40, normalisation="global_unit", eval_batch_size=6
            ).test_dataloader()
        )
    )
    every = np.concatenate(CLOUDS)
    torch.testing.assert_close(batch["centre"], torch.tensor(every.mean(0)).expand(6, -1))
    torch.testing.assert_close(batch["scale"], torch.tensor(every.std()).expand(6))


def test_training_draws_other_points_each_epoch_and_evaluation_never():
    data = InMemory(batch_size=6, points=16, eval_points=16)
    loader = data.train_dataloader()
    epochs = []
    for epoch in (0, 1, 0):
        loader.sampler.set_epoch(epoch)
        batch = next(iter(loader))
        assert batch["points"].shape == (6, 16, 3)
        epochs.append(dict(zip(batch["name"], batch["points"], strict=True)))
    for name, points in epochs[0].items():
        assert not torch.equal(points, epochs[1][name])
        assert torch.equal(points, epochs[2][name])
        assert {tuple(p) for p in points.tolist()} <= {
            tuple(p) for p in data.dataset("train")[int(name[-1])]["points"].tolist()
        }
    first, second = (next(iter(data.test_dataloader()))["points"] for _ in range(2))
    assert torch.equal(first, second)


def test_nothing_depends_on_the_number_of_workers():
    batches = [list(InMemory(batch_size=3, points=16, num_workers=n).train_dataloader()) for n in (0, 2)]
    assert all(torch.equal(a["points"], b["points"]) for a, b in zip(*batches, strict=True))


def test_variations_keep_what_they_should():
    points = torch.randn(50, 3)
    distances = torch.nn.functional.pdist(points)

    def vary(**options):
        return Variation(**options).apply(points, keyed_generator(Purpose.AUGMENTATION, 3))

    assert torch.equal(vary(), points)
    turned = vary(turn=180.0)
    torch.testing.assert_close(turned[:, 1], points[:, 1])
    torch.testing.assert_close(turned.norm(dim=1), points.norm(dim=1))
    torch.testing.assert_close(torch.nn.functional.pdist(turned), distances)
    assert (turned - points).abs().max() > 0.1
    mirrored = [Variation(mirror=True).apply(points, keyed_generator(Purpose.AUGMENTATION, seed)) for seed in range(20)]
    flipped = [bool(torch.equal(m, points * torch.tensor([-1.0, 1, 1]))) for m in mirrored]
    assert 3 < sum(flipped) < 17
    assert all(flip or torch.equal(m, points) for flip, m in zip(flipped, mirrored, strict=True))
    ratios = (vary(stretch=0.1) / points).median(0).values
    assert (ratios.log().abs() <= 0.1 + 1e-5).all() and ratios.std() > 1e-3
    assert 0.005 < (vary(jitter=0.01) - points).std() < 0.02


@pytest.mark.parametrize(
    ("cloud", "reason"),
    [
        (np.zeros((0, 3)), "it has 0 points, but 16 are asked for"),
        (np.zeros((1, 3)), "it has 1 points, but 16 are asked for"),
        (np.ones((20, 3)), "all its points coincide"),
        (np.full((20, 3), np.nan), "NaN or infinite"),
        (np.full((20, 3), 1e300), "too large for float32"),
        (np.zeros((20, 2)), r"shape \[20, 2\]"),
        (np.full((20, 3), "1.5"), "of type <U3, expected real numbers"),
        (np.full((20, 3), 1j), "of type complex128, expected real numbers"),
    ],
)
def test_clouds_that_cannot_be_served_are_skipped_counted_and_named(cloud, reason, monkeypatch):
    data = InMemory(batch_size=2, points=16)
    monkeypatch.setattr(InMemory, "clouds", [*CLOUDS, cloud])
    with pytest.raises(CorruptSample, match=f"cloud 6: .*{reason}"):
        data.dataset("train")[6]
    served = InMemory(batch_size=7, points=16, max_corrupt=0.5)
    with pytest.warns(UserWarning, match=f"cloud 6: .*{reason}"):
        batch = next(iter(served.train_dataloader()))
    assert "cloud 6" not in batch["name"] and len(served.corrupt.known) == 1
    if "asked" not in reason and "coincide" not in reason:
        assert (
            InMemory(batch_size=2, points=16, eval_points=16, normalisation="global_unit")
            .dataset("test")[0]["points"]
            .isfinite()
            .all()
        )


def test_a_training_set_that_cannot_be_read_has_no_global_unit(monkeypatch):
    monkeypatch.setattr(InMemory, "clouds", [np.zeros((20, 2))])
    with pytest.raises(ValueError, match="No training cloud can be read"):
        InMemory(batch_size=1, points=16, eval_points=16, normalisation="global_unit").dataset("test")


def test_duplicated_points_are_points():
    cloud = np.concatenate([CLOUDS[0]] * 2)
    data = InMemory(batch_size=1, points=16)
    data.clouds = [cloud]
    assert next(iter(data.train_dataloader()))["points"].isfinite().all()


@pytest.mark.parametrize("wrong", [{"points": 0}, {"eval_points": 0}])
def test_no_points_are_refused(wrong):
    with pytest.raises(ValueError, match="set both to 1 or more"):
        InMemory(batch_size=2, **wrong)


FAR = np.array([500_000.0, 1e7, 100.0])


@pytest.mark.parametrize("kind", ["shape_std", "shape_bbox", "shape_sphere"])
def test_clouds_far_from_the_origin_are_what_they_are_beside_it(kind, tmp_path):
    def served(clouds, cache):
        class Cached(PointClouds):
            def shapes(self, split):
                names = [str(number) for number in range(6)]
                kept = ShapeCache(names, 40, clouds.__getitem__, cache, "stamp")
                return Shapes(read=kept.read, names=names)

        return next(
            iter(
                Cached(batch_size=2, points=16, eval_points=40, normalisation=kind, eval_batch_size=6).test_dataloader()
            )
        )

    centred = [cloud - cloud.mean(0) for cloud in CLOUDS]
    near, far = served(centred, None), served([cloud + FAR for cloud in centred], tmp_path)
    assert near["points"].dtype == torch.float32
    torch.testing.assert_close(far["points"], near["points"], rtol=1e-6, atol=1e-6)
    back = originals(far) - torch.tensor(FAR)
    torch.testing.assert_close(back, torch.tensor(np.array(centred)), rtol=0, atol=1e-6 * float(near["scale"].max()))


def test_normalisations_that_make_far_clouds_vanish_are_refused(monkeypatch):
    monkeypatch.setattr(InMemory, "clouds", [cloud + FAR for cloud in CLOUDS])
    with pytest.raises(CorruptSample, match=r"times farther from the origin .* set data\.normalisation to shape_std"):
        InMemory(batch_size=2, points=16).dataset("train")[0]
    with pytest.raises(ValueError, match=r"global_unit makes them vanish: set data\.normalisation to shape_std"):
        InMemory(batch_size=2, points=16, eval_points=16, normalisation="global_unit").dataset("train")


def test_frames_stay_on_the_host_in_float64():
    batch = next(iter(InMemory(batch_size=2, points=16).train_dataloader()))
    moved = InMemory(batch_size=2, points=16).transfer_batch_to_device(batch, torch.device("meta"), 0)
    assert moved["points"].device.type == "meta"
    assert all((moved[name].device.type, moved[name].dtype) == ("cpu", torch.float64) for name in ("centre", "scale"))


def test_cache_keeps_clouds_and_tries_again_what_could_not_be_read(tmp_path):
    calls = []

    def read(index):
        calls.append(index)
        if index == 1:
            raise CorruptSample("b", "why not")
        return np.full((4, 3), index, np.float32)

    for _ in range(2):
        cache = ShapeCache(["a", "b", "c"], 4, read, tmp_path, "stamp")
        assert (cache.read(2) == 2).all()
        some = cache.select([2, 1])
        assert some.names == ["c", "b"] and (some.read(0) == 2).all()
        with pytest.raises(CorruptSample, match=r"^b: why not$"):
            some.read(1)
    assert calls == [0, 1, 2, 1]
    ShapeCache(["a", "b", "c"], 4, read, tmp_path, "another stamp")
    assert len(calls) == 7
