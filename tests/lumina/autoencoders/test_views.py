"""What an autoencoder sees of pictures and sounds."""

import math
from types import SimpleNamespace

import pytest
import torch

from lumina.audio.conventions import MAKE_AN_AUDIO, MM_AUDIO
from lumina.audio.mel import mel_spectrogram
from lumina.autoencoders.mel_vae import MelVAE
from lumina.autoencoders.views import Pictures, Spectrograms, beside, view_of

HOP = MAKE_AN_AUDIO.hop


def sounds(*frames):
    return [torch.rand(count * HOP) - 0.5 for count in frames]


def test_a_network_says_what_it_takes():
    view = view_of(MelVAE(width=8, multipliers=(1,), blocks=1, down_levels=(), groups=4))
    assert isinstance(view, Spectrograms) and view.convention == MAKE_AN_AUDIO
    assert isinstance(view_of(SimpleNamespace(convention=None)), Pictures)


def test_frames_after_the_end_of_a_sound_are_not_real():
    view, (sound, _) = Spectrograms(MAKE_AN_AUDIO), sounds(6, 1)
    batch = {"sound": torch.stack([sound, sound, sound]), "length": torch.tensor([6 * HOP, 3 * HOP + 1, 0])}
    seen = view.seen(batch)
    assert seen.data.shape == (3, 80, 6)
    assert seen.mask.sum(1).tolist() == [6, 4, 0]


def test_sounds_of_several_lengths_are_continued_by_silence():
    view, (long, short) = Spectrograms(MAKE_AN_AUDIO), sounds(6, 2)
    seen = view.seen({"sound": [long, short], "length": torch.tensor([6 * HOP, 2 * HOP])})
    assert torch.equal(seen.data[1, :, :2], mel_spectrogram(short))
    assert (seen.data[1, :, 2:] == -5).all() and seen.mask[1].tolist() == [True, True, *[False] * 4]


def test_differences_are_reported_in_powers_of_ten():
    assert Spectrograms(MAKE_AN_AUDIO).unit == 1
    assert Spectrograms(MM_AUDIO).unit == pytest.approx(1 / math.log(10))


def test_grey_pictures_get_three_channels_and_lists_are_refused():
    assert Pictures().seen({"image": torch.zeros(2, 1, 4, 4)}).data.shape == (2, 3, 4, 4)
    with pytest.raises(ValueError, match="pictures of one size"):
        Pictures().seen({"image": [torch.zeros(3, 4, 4), torch.zeros(3, 4, 8)]})


def test_data_that_cannot_be_seen_is_refused():
    view = Spectrograms(MAKE_AN_AUDIO)
    view.check(SimpleNamespace(batch_keys=("sound", "length"), rate=16_000))
    with pytest.raises(ValueError, match=r"has no 'sound', 'length'.*it has: image"):
        view.check(SimpleNamespace(batch_keys=("image",)))
    with pytest.raises(ValueError, match=r"44100.*16000"):
        view.check(SimpleNamespace(batch_keys=("sound", "length"), rate=44_100))


@pytest.mark.parametrize(("view", "shape"), [(Pictures(), (3, 6, 4)), (Spectrograms(MAKE_AN_AUDIO), (80, 4))])
def test_an_original_stands_above_its_reconstruction(view, shape):
    low, high = torch.full(shape, -1.0), torch.full(shape, 1.0)
    (tile,) = beside(view, [torch.stack([low, high])])
    height = shape[-2]
    assert tile.shape == (3, 2 * height, 4)
    assert (tile[:, :height].mean() < tile[:, height:].mean()).item()
