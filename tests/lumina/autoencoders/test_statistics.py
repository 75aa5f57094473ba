"""What is measured of the data and of the latents."""

import pytest
import torch

from lumina.autoencoders.seen import Seen
from lumina.autoencoders.statistics import LatentMoments, band_statistics


def test_bands_are_measured_over_real_frames():
    mels = [torch.randn(2, 5, 7) * 3 + 1, torch.randn(3, 5, 4)]
    mask = torch.arange(7) < torch.tensor([[7], [2]])
    mean, std = band_statistics([Seen(data=mels[0], mask=mask), Seen(data=mels[1])])
    frames = torch.cat([mels[0][0].T, mels[0][1, :, :2].T, mels[1].mT.flatten(0, 1)])
    torch.testing.assert_close(mean, frames.mean(0))
    torch.testing.assert_close(std, frames.std(0, correction=0))


def test_no_real_frame_is_refused():
    nothing = torch.zeros(1, 4, dtype=torch.bool)
    for batches in ([], [Seen(data=torch.zeros(1, 5, 4), mask=nothing)]):
        with pytest.raises(ValueError, match="no real frames"):
            band_statistics(batches)


def test_the_scale_gives_unit_deviation_from_the_first_batch_on():
    moments, latents = LatentMoments(), 3 * torch.randn(4, 5, 100) + 7
    for _ in range(3):
        scale = moments.update(latents, None)
        assert float(scale * latents.std(correction=0)) == pytest.approx(1, rel=1e-3)


def test_the_scale_follows_and_ignores_what_is_not_real():
    moments, mask = LatentMoments(), torch.arange(100) < torch.tensor([[100], [50]])
    for size in (10.0, *[0.1] * 2000):
        latents = size * torch.randn(2, 5, 100)
        latents[1, :, 50:] = 1e4
        scale = moments.update(latents, mask)
    assert float(scale) == pytest.approx(10, rel=0.05)
    assert set(moments.state_dict()) == {"sums"}


def test_a_batch_that_overflows_does_not_spoil_the_scale():
    moments, latents = LatentMoments(), torch.randn(2, 5, 100)
    before = moments.update(latents, None)
    for bad in (float("inf"), float("nan")):
        assert torch.equal(moments.update(torch.full_like(latents, bad), None), before)
