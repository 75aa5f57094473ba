"""Clouds as tokens: sets without order, of any density, that move while they are generated."""

from types import SimpleNamespace

import pytest
import torch

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.clouds.ply import read_ply
from lumina.objectives.flow_matching import FlowMatching
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Uniform
from lumina.sampling.solvers import Midpoint
from lumina.values import Conditioning, Inference
from modalities.point_cloud import PointCloud

NOTHING = Conditioning()


@pytest.fixture(params=["fourier", "rope"])
def embedding(request):
    return request.param


def network(modality):
    config = NextDiTConfig(
        dim=48, num_layers=2, num_heads=2, multiple_of=16, token_dim=3, position_axes=modality.position_axes
    )
    model = NextDiT(config, modality.input_embedding(48))
    for parameter in model.parameters():  # at initialisation it puts out zero
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def velocity(model, modality, points, t=0.4, inference=None):
    tokens = modality.tokenize(points, {})
    with torch.no_grad():
        return model.predict(tokens, torch.full((len(points),), t), NOTHING, inference)


@pytest.mark.parametrize("inference", [None, Inference(rope_rule="time_aware", proportional_base=8)])
def test_points_in_another_order_have_their_velocities_in_that_order(embedding, inference):
    modality = PointCloud(8, embedding)
    model, points, order = network(modality), torch.randn(2, 24, 3), torch.randperm(24)
    out = velocity(model, modality, points, inference=inference)
    torch.testing.assert_close(velocity(model, modality, points[:, order], inference=inference), out[:, order])
    assert out.std(1).min() > 1e-3


def test_rope_sees_differences_of_places_alone():
    modality = PointCloud(8, "rope")
    model, points = network(modality), torch.randn(1, 8, 3)
    tokens = modality.tokenize(points, {})
    moved = modality.tokenize(points + 0.7, {}).positions
    shifted = modality.tokenize(points, {})
    object.__setattr__(shifted, "positions", moved)
    time = torch.tensor([0.4])
    torch.testing.assert_close(model.predict(shifted, time, NOTHING), model.predict(tokens, time, NOTHING))


def test_places_move_with_the_points_at_every_step(embedding):
    """A sampler's velocity is that of a fresh prediction at the points where they are."""
    modality = PointCloud(8, embedding)
    model = network(modality)
    field = FlowMatching().velocity_field(model, modality.layout(2, {}), NOTHING, NOTHING)
    for t in (0.1, 0.5, 0.9):
        x = torch.randn(2, 8, 3)
        with torch.no_grad():
            torch.testing.assert_close(field(x, torch.tensor(t)), velocity(model, modality, x, t))


@pytest.mark.parametrize("count", [1, 5, 16, 40])
def test_any_density_is_sampled(embedding, count):
    modality = PointCloud(8, embedding)
    model, canvas = network(modality), modality.layout(2, {"points": count})
    objective = FlowMatching(sampler=Sampler(Uniform(), Midpoint(), 2))
    drawn = objective.outputs(model, canvas, NOTHING, NOTHING, torch.Generator().manual_seed(0))
    clouds = modality.decode(drawn, {})
    assert clouds.shape == (2, count, 3) and clouds.isfinite().all()


def test_mixed_densities_come_back_and_do_not_see_each_other(embedding):
    modality = PointCloud(8, embedding)
    clouds = [torch.randn(count, 3) for count in (5, 9, 2)]
    tokens = modality.tokenize(clouds, {})
    assert all(torch.equal(a, b) for a, b in zip(modality.decode(tokens, {}), clouds, strict=True))
    model = network(modality)
    with torch.no_grad():
        together = modality.decode(tokens.with_features(model.predict(tokens, torch.full((3,), 0.4), NOTHING)), {})
    for cloud, out in zip(clouds, together, strict=True):
        torch.testing.assert_close(out, velocity(model, modality, cloud[None])[0], atol=1e-5, rtol=1e-4)


def test_duplicates_have_one_velocity(embedding):
    modality = PointCloud(8, embedding)
    out = velocity(network(modality), modality, torch.randn(1, 4, 3).repeat(1, 2, 1))
    torch.testing.assert_close(out[:, :4], out[:, 4:])


def test_files_hold_the_points(embedding, tmp_path):
    modality = PointCloud(8, embedding)
    clouds = torch.randn(2, 8, 3)
    for path, cloud in zip(modality.save(clouds, tmp_path, [0, 7]), clouds, strict=True):
        assert path.name in ("00000.ply", "00007.ply")
        assert torch.equal(read_ply(path), cloud)


@pytest.mark.parametrize("shape", [(2, 0, 3), (2, 8, 2), (8, 3)])
def test_what_is_no_cloud_is_refused(shape):
    with pytest.raises(ValueError, match=r"got a cloud of shape .*, expected points \[P, 3\]"):
        PointCloud().tokenize(torch.zeros(shape), {})


def test_data_of_another_density_are_refused():
    assert PointCloud(8).resolve(SimpleNamespace(points=8)) == PointCloud(8).resolve(SimpleNamespace()) == {}
    with pytest.raises(ValueError, match=r"clouds of 8 points, the data trains with 16: set modality\.points"):
        PointCloud(8).resolve(SimpleNamespace(points=16))


def test_no_points_are_refused():
    with pytest.raises(ValueError, match="points=0 must be at least 1"):
        PointCloud(points=0)
    with pytest.raises(ValueError, match="points=0 must be at least 1"):
        PointCloud().layout(1, {"points": 0})
