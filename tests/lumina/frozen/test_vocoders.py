"""Pretrained vocoders: each form is read whole or refused in a sentence, and sounds as its own package makes it."""

from __future__ import annotations

import json
import os

import pytest
import torch
from tiny_vocoders import hifi_gan, make_an_audio_bigvgan, mm_audio, nvidia_bigvgan

from lumina.audio.conventions import AUDIO_LDM, MAKE_AN_AUDIO, MM_AUDIO, MM_AUDIO_44K, SPEECH_T5
from lumina.audio.matched import matched
from lumina.frozen.vocoders import PretrainedVocoder

AUDIO_LDM_SIZES = {
    "model_in_dim": 64,
    "upsample_rates": [5, 4, 2, 2, 2],
    "upsample_kernel_sizes": [16, 16, 8, 4, 4],
    "upsample_initial_channel": 32,
    "normalize_before": False,
}
pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.*")


def mel(bands: int = 80, frames: int = 6) -> torch.Tensor:
    return torch.randn(2, bands, frames) - 3


def test_hifi_gan(tmp_path):
    network = hifi_gan(tmp_path)
    network.mean += 1
    network.save_pretrained(tmp_path)
    vocoder, data = PretrainedVocoder(str(tmp_path)), mel()
    assert vocoder.convention == SPEECH_T5
    sound = vocoder.sound(data)
    assert sound.shape == (2, 6 * 256)
    torch.testing.assert_close(sound, network(data.mT).detach())


def test_hifi_gan_of_audio_ldm_makes_as_many_samples_as_hops(tmp_path):
    network = hifi_gan(tmp_path, **AUDIO_LDM_SIZES)
    vocoder, data = PretrainedVocoder(str(tmp_path)), mel(64)
    assert vocoder.convention == AUDIO_LDM
    assert network(data.mT).shape == (2, 6 * 160 + 32)
    torch.testing.assert_close(vocoder.sound(data), network(data.mT).detach()[:, : 6 * 160])


def test_mm_audio(tmp_path):
    network = mm_audio(tmp_path)
    vocoder, data = PretrainedVocoder(str(tmp_path)), mel()
    assert vocoder.convention == MM_AUDIO
    torch.testing.assert_close(vocoder.sound(data), network(data).sample[:, 0].detach())


def test_mm_audio_at_44_khz(tmp_path):
    sizes = {"upsample_rates": (8, 4, 4, 4), "upsample_kernel_sizes": (16, 8, 8, 8), "num_mels": 128}
    mm_audio(tmp_path, **sizes)
    assert PretrainedVocoder(str(tmp_path)).convention == MM_AUDIO_44K


def test_bigvgan_of_make_an_audio_ends_in_tanh_and_has_a_bias(tmp_path):
    network = make_an_audio_bigvgan(tmp_path)
    assert network.use_tanh_at_final
    assert network.conv_post.bias is not None
    vocoder, data = PretrainedVocoder(str(tmp_path)), mel()
    assert vocoder.convention == MAKE_AN_AUDIO
    torch.testing.assert_close(vocoder.sound(data), network(data)[:, 0].detach())


def test_bigvgan_of_nvidia_takes_the_natural_logarithm(tmp_path):
    network = nvidia_bigvgan(tmp_path)
    vocoder, data = PretrainedVocoder(str(tmp_path)), mel()
    assert vocoder.convention == MM_AUDIO
    torch.testing.assert_close(vocoder.sound(data), network(data)[:, 0].detach())


def test_bigvgan_of_other_bands_has_the_convention_of_its_settings(tmp_path):
    nvidia_bigvgan(tmp_path, num_mels=100, sampling_rate=24_000, fmax=None)
    convention = PretrainedVocoder(str(tmp_path)).convention
    assert (convention.bands, convention.rate, convention.high, convention.base) == (100, 24_000, 12_000, MM_AUDIO.base)


def test_settings_that_do_not_tell_the_convention_need_it_as_an_argument(tmp_path):
    hifi_gan(tmp_path, model_in_dim=40)
    with pytest.raises(ValueError, match=r"SpeechT5HifiGan, 40 bands, hop 256\) do not say .* set its convention"):
        PretrainedVocoder(str(tmp_path))
    make_an_audio_bigvgan(tmp_path / "bigvgan", fmax=...)
    with pytest.raises(ValueError, match="do not say which mel spectrograms it takes"):
        PretrainedVocoder(str(tmp_path / "bigvgan"))
    assert PretrainedVocoder(str(tmp_path / "bigvgan"), "make_an_audio").convention == MAKE_AN_AUDIO


@pytest.mark.parametrize(
    ("convention", "numbers"),
    [("audio_ldm", "its bands is 80, the convention's 64"), ("mm_audio_44k", "its bands is 80, the convention's 128")],
)
def test_a_convention_that_contradicts_the_settings_is_refused(tmp_path, convention, numbers):
    hifi_gan(tmp_path)
    with pytest.raises(ValueError, match=numbers):
        PretrainedVocoder(str(tmp_path), convention)


def test_a_vocoder_of_the_same_bands_may_be_said_to_take_another_convention(tmp_path):
    hifi_gan(tmp_path)
    assert PretrainedVocoder(str(tmp_path), "make_an_audio").convention == MAKE_AN_AUDIO


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no vocoder: expected config\.json"):
        PretrainedVocoder(str(tmp_path / "none"))
    hifi_gan(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"not its weights: put model\.safetensors there"):
        PretrainedVocoder(str(tmp_path))


def test_other_folders_are_refused_by_what_they_hold(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "AutoencoderKL"}))
    with pytest.raises(ValueError, match="holds AutoencoderKL, expected a SpeechT5HifiGan"):
        PretrainedVocoder(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "speecht5_hifigan"}))
    with pytest.raises(ValueError, match=r"are damaged \('upsample_rates'\)"):
        PretrainedVocoder(str(tmp_path))
    (tmp_path / "args.yml").write_text("- a\n- b")
    with pytest.raises(ValueError, match=r"args\.yml holds a list, expected the settings of a BigVGAN"):
        PretrainedVocoder(str(tmp_path))


def test_weights_of_another_size_are_refused_and_never_random(tmp_path):
    hifi_gan(tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**settings, "resblock_kernel_sizes": [5]}))
    with pytest.raises(ValueError, match="of another shape"):
        PretrainedVocoder(str(tmp_path)).sound(mel())
    (tmp_path / "config.json").write_text(json.dumps({**settings, "resblock_dilation_sizes": [[1, 3, 5, 7]]}))
    with pytest.raises(ValueError, match="missing"):
        PretrainedVocoder(str(tmp_path)).sound(mel())


def test_weights_that_would_run_code_are_refused(tmp_path):
    make_an_audio_bigvgan(tmp_path)

    class Code:
        def __reduce__(self):
            return os.system, ("touch " + str(tmp_path / "ran"),)

    torch.save({"generator": Code()}, tmp_path / "best_netG.pt")
    with pytest.raises(ValueError, match="no file of tensors alone that is safe to load"):
        PretrainedVocoder(str(tmp_path)).sound(mel())
    assert not (tmp_path / "ran").exists()


def test_a_vocoder_of_another_convention_is_converted_or_refused_before_it_is_loaded(tmp_path):
    hifi_gan(tmp_path / "speech")
    sound = matched(PretrainedVocoder(str(tmp_path / "speech")), MAKE_AN_AUDIO).sound(mel())
    assert sound.shape == (2, 6 * 256)
    hifi_gan(tmp_path / "ldm", **AUDIO_LDM_SIZES)
    with pytest.raises(ValueError, match="their hop differs, 256 and 160 samples"):
        matched(PretrainedVocoder(str(tmp_path / "ldm")), MAKE_AN_AUDIO)
