"""Settings of vocoders: which architecture and which spectrograms they mean."""

from __future__ import annotations

import pytest
from tiny_vocoders import BIGVGAN

from lumina.audio.conventions import MAKE_AN_AUDIO, MM_AUDIO, MM_AUDIO_44K
from lumina.frozen.vocoder_kinds import MAKE_AN_AUDIO_BIGVGAN, NVIDIA_BIGVGAN, hop, read_kind


def test_the_hop_is_the_product_of_the_rates():
    assert hop({"upsample_rates": [8, 4, 2, 2, 2, 2]}) == 512


def test_the_form_of_the_folder_tells_the_logarithm():
    assert MAKE_AN_AUDIO_BIGVGAN.convention(BIGVGAN) == MAKE_AN_AUDIO
    assert NVIDIA_BIGVGAN.convention(BIGVGAN) == MM_AUDIO


def test_the_published_44_khz_is_known():
    """As the settings of nvidia/bigvgan_v2_44khz_128band_512x, whose highest frequency is null."""
    told = {"num_mels": 128, "n_fft": 2048, "win_size": 2048, "hop_size": 512, "sampling_rate": 44_100, "fmax": None}
    assert NVIDIA_BIGVGAN.convention({**BIGVGAN, **told}) == MM_AUDIO_44K


@pytest.mark.parametrize("missing", ["n_fft", "hop_size", "win_size", "sampling_rate", "fmin", "fmax", "num_mels"])
def test_what_is_missing_is_not_guessed(missing):
    assert MAKE_AN_AUDIO_BIGVGAN.convention({name: BIGVGAN[name] for name in BIGVGAN if name != missing}) is None


def test_a_window_shorter_than_the_transform_is_no_convention_of_ours():
    assert MAKE_AN_AUDIO_BIGVGAN.convention({**BIGVGAN, "win_size": 800}) is None


@pytest.mark.parametrize("text", ["a: [", "&a [*a, *a]", "!!python/object/apply:os.system [true]"])
def test_damaged_settings_are_refused(tmp_path, text):
    (tmp_path / "args.yml").write_text(text)
    with pytest.raises(ValueError, match=r"args\.yml"):
        read_kind(tmp_path)
