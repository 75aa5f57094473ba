"""Seams: what stays stays to the sample, and beside it there is neither a click nor a hole."""

import math

import pytest
import torch

from lumina.audio.seam import FADE, joined, prediction

RATE = 16_000
TIME = torch.arange(RATE) / RATE


def tone(frequency, phase=0.0, level=0.5):
    return level * torch.sin(2 * torch.pi * frequency * TIME + phase)


def noise(seed, level=0.1):
    return level * torch.randn(RATE, generator=torch.Generator().manual_seed(seed)).clamp(-3, 3)


@pytest.mark.parametrize(
    "parts", [[(0, 8000)], [(8000, RATE)], [(4000, 9000)], [(0, 3000), (3100, 9000), (9400, RATE)]]
)
def test_what_stays_is_the_same_to_the_sample(parts):
    sound, drawn = noise(0), noise(1)
    whole, stays = joined(drawn, sound, parts), torch.zeros(RATE, dtype=torch.bool)
    for first, last in parts:
        stays[first:last] = True
    assert torch.equal(whole[stays], sound[stays])
    near = torch.nn.functional.max_pool1d(stays[None].float(), 2 * FADE + 1, 1, FADE)[0] > 0
    assert torch.equal(whole[~near], drawn[~near])
    assert torch.equal(drawn, noise(1))


@pytest.mark.parametrize("phase", [0.0, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("frequency", [110, 440, 3000])
def test_no_click_between_tones_of_other_phase(frequency, phase):
    """The largest step is that of the sound itself; a plain cut jumps by up to its whole range."""
    sound, drawn = tone(frequency), tone(frequency, phase)
    whole = joined(drawn, sound, [(4000, 8000)])
    assert whole.diff().abs().max() < 1.5 * sound.diff().abs().max()


def test_no_hole_and_no_bump_between_noises():
    """Power over the two fades is that of the noise, on the average of many seams."""
    powers = []
    for seed in range(40):
        whole = joined(noise(2 * seed), noise(2 * seed + 1), [(6000, 10_000)])
        powers += [whole[6000 - FADE : 6000].square().mean(), whole[10_000 : 10_000 + FADE].square().mean()]
    usual = noise(0).square().mean()
    assert 0.8 * usual < torch.stack(powers).mean() < 1.25 * usual


def test_loud_drawings_are_scaled_rather_than_all():
    with pytest.warns(UserWarning, match=r"the drawn sound's peak was \d\.\d\d and is scaled to 1; what stays is not"):
        whole = joined(noise(0) * 20, noise(1), [(0, 5000)])
    assert torch.equal(whole[:5000], noise(1)[:5000]) and math.isclose(
        whole[5000 + FADE :].abs().max(), 1, abs_tol=1e-6
    )


def test_a_seam_of_loud_sounds_stays_within_one():
    """Otherwise the file would be scaled, and with it what stays."""
    loud = [torch.sign(noise(seed)) for seed in (0, 1)]
    assert joined(*loud, [(4000, 8000)]).abs().max() == 1


def test_a_tone_goes_on_as_a_tone():
    sound = tone(440)
    torch.testing.assert_close(prediction(sound[:8000], 64), sound[8000:8064], atol=0.05, rtol=0)
    assert prediction(sound[:8000], FADE).abs().max() < 0.6


@pytest.mark.parametrize("sound", [torch.zeros(9), torch.ones(1), torch.zeros(0), torch.full((3000,), 1e-30)])
def test_silence_and_scraps_go_on_without_nan(sound):
    assert prediction(sound, 50).isfinite().all() and prediction(sound, 0).shape == (0,)
