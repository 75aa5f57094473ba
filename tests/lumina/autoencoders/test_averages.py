import pytest
import torch

from lumina.autoencoders.averages import averaged
from lumina.autoencoders.seen import Seen
from lumina.randomness import Purpose, SampleGenerators


def generators(count, seed=0):
    return SampleGenerators(Purpose.TRAINING, [(seed, index) for index in range(count)], torch.device("cpu"))


def test_latents_and_pictures_are_averaged_alike():
    data = torch.rand(8, 3, 4, 4)
    latents, seen = averaged(data[:, :2, ::2, ::2], Seen(data=data), 1.0, generators(8))
    torch.testing.assert_close(latents, seen.data[:, :2, ::2, ::2])
    assert seen.data.min() >= data.min() and seen.data.max() <= data.max()
    assert ((seen.data - data).flatten(1).abs().amax(1) > 0).all()


def test_weights_are_uniform_over_two_to_four_neighbours():
    eye = torch.eye(6)
    weights = torch.stack([averaged(eye, Seen(data=eye), 1.0, generators(6, seed))[0] for seed in range(300)])
    torch.testing.assert_close(weights.sum(2), torch.ones(300, 6))
    own = torch.cat([weights[:, index].roll(-index, 1) for index in range(6)])  # itself first, then those that follow
    counts = (own > 0).sum(1)
    assert (own[:, 4:] == 0).all() and counts.unique().tolist() == [2, 3, 4]
    assert counts.bincount()[2:].tolist() == pytest.approx([600] * 3, abs=90)
    first_of_two = own[counts == 2][:, 0]
    assert first_of_two.mean().item() == pytest.approx(0.5, abs=0.05)
    assert first_of_two.std().item() == pytest.approx(12**-0.5, abs=0.03)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_share_of_the_samples(share):
    data = torch.rand(500, 3)
    latents, _ = averaged(data, Seen(data=data), share, generators(500))
    assert (latents != data).any(1).float().mean().item() == pytest.approx(share, abs=0.06)


def test_a_sample_depends_on_its_own_numbers():
    eye = torch.eye(6)
    first, other = (averaged(eye, Seen(data=eye), 1.0, generators(6, seed))[0] for seed in (0, 1))
    keys = [(1 if index == 3 else 0, index) for index in range(6)]
    mixed = SampleGenerators(Purpose.TRAINING, keys, torch.device("cpu"))
    again = averaged(eye, Seen(data=eye), 1.0, mixed)[0]
    assert torch.equal(again, torch.cat((first[:3], other[3:4], first[4:]))) and not torch.equal(again, first)


def test_a_batch_of_one_is_itself():
    data = torch.rand(1, 3)
    torch.testing.assert_close(averaged(data, Seen(data=data), 1.0, generators(1))[0], data)
