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
    weights = torch.cat(
        [averaged(torch.eye(6), Seen(data=torch.eye(6)), 1.0, generators(6, seed))[0] for seed in range(300)]
    )
    torch.testing.assert_close(weights.sum(1), torch.ones(1800))
    own = torch.stack(
        [row.roll(-(index % 6)) for index, row in enumerate(weights)]
    )  # itself first, then those that follow
    counts = (own > 0).sum(1)
    assert (own[:, 4:] == 0).all() and sorted(counts.unique().tolist()) == [2, 3, 4]
    assert all((counts == count).float().mean().item() == pytest.approx(1 / 3, abs=0.05) for count in (2, 3, 4))
    pairs = own[counts == 2][:, 0]
    assert pairs.mean().item() == pytest.approx(0.5, abs=0.05) and pairs.std().item() == pytest.approx(
        12**-0.5, abs=0.03
    )


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_share_of_the_samples(share):
    data = torch.rand(500, 3)
    latents, _ = averaged(data, Seen(data=data), share, generators(500))
    assert (latents != data).any(1).float().mean().item() == pytest.approx(share, abs=0.06)


def test_a_sample_depends_on_its_own_numbers():
    data = torch.rand(6, 3)
    first, again = (averaged(data, Seen(data=data), 0.5, generators(6))[0] for _ in range(2))
    assert torch.equal(first, again)


def test_a_batch_of_one_is_itself():
    data = torch.rand(1, 3)
    torch.testing.assert_close(averaged(data, Seen(data=data), 1.0, generators(1))[0], data)
