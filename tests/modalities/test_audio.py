"""Sounds as tokens: any lengths, alone and in company, to the sample; what is kept stays."""

import json
import math
import warnings
from types import SimpleNamespace

import pytest
import soundfile
import torch

from lumina.audio.conventions import AUDIO_LDM, MAKE_AN_AUDIO, SPEECH_T5
from lumina.audio.griffin_lim import GriffinLim
from lumina.audio.mel import mel_spectrogram
from lumina.audio.start import MARGIN
from lumina.frozen.mel_autoencoders import RandomMelAutoencoder
from lumina.interfaces import MelAutoencoder, Vocoder
from modalities.audio import Audio

RATE = 16_000


class Copy(MelAutoencoder):
    """A mel spectrogram itself, two frames as one latent frame."""

    def __init__(self, convention=MAKE_AN_AUDIO):
        self.convention, self.channels, self.factor = convention, 2 * convention.bands, 2

    @property
    def identity(self):
        return {"channels": self.channels}

    def encode(self, mel):
        return mel.unflatten(-1, (-1, 2)).permute(0, 1, 3, 2).flatten(1, 2)

    def decode(self, latents):
        return latents.unflatten(1, (-1, 2)).permute(0, 1, 3, 2).flatten(2)


class Level(Vocoder):
    """The mean of each frame's bands, held for a hop: quick, and in place."""

    def __init__(self, convention=MAKE_AN_AUDIO):
        self.convention = convention

    def sound(self, mel):
        return (mel.mean(1) / 10).clamp(-1, 1).repeat_interleave(self.convention.hop, -1)


def audio(autoencoder=None, vocoder=None, **arguments):
    return Audio(autoencoder or RandomMelAutoencoder(), vocoder or Level(), **arguments)


def noise(samples, seed=0):
    return torch.rand(samples, generator=torch.Generator().manual_seed(seed)) - 0.5


@pytest.fixture
def file(tmp_path):
    """Two seconds, on the grid of 16 bits."""
    path = tmp_path / "sound.wav"
    soundfile.write(path, noise(2 * RATE).numpy(), RATE, "PCM_16")
    return path


def test_ten_seconds_are_312_tokens():
    tokens = audio().layout(2, {})
    assert tokens.features.shape == (2, 312, 20) and tokens.mask is None
    assert tokens.positions[0, :, 0].tolist() == list(range(312))


def test_tokens_hold_the_latent_and_decode_undoes_them():
    modality = audio(Copy(), Level())
    batch = {"sound": noise(8 * 512)[None]}
    latent = modality.compress(batch)
    tokens = modality.tokenize(latent, batch)
    assert torch.equal(tokens.features.transpose(1, 2), latent)
    sound = modality.decode(tokens, batch)
    torch.testing.assert_close(sound, Level().sound(mel_spectrogram(batch["sound"])))


def test_griffin_lim_brings_a_sound_back_in_place():
    modality = Audio(Copy())
    chirp = 0.5 * torch.sin(2 * torch.pi * (200 + 400 * torch.arange(RATE) / RATE) * torch.arange(RATE) / RATE)
    batch = {"sound": torch.nn.functional.pad(chirp, (4096, 384))[None]}
    sound = modality.decode(modality.tokenize(modality.compress(batch), batch), batch)[0]
    loud = sound.abs().unfold(0, 512, 512).amax(1) > 0.1
    assert loud.nonzero()[0] in (7, 8, 9) and loud[9:38].all()


def test_a_sound_is_the_same_alone_and_in_company():
    modality = audio()
    sounds = [noise(length, seed) for seed, length in enumerate((512 * 7, 512 * 12, 512 * 7, 512 * 3 + 500))]
    together = modality.tokenize(modality.compress({"sound": sounds}), {})
    assert together.lengths == (7, 12, 7, 3) and together.mask.sum(1).tolist() == [7, 12, 7, 3]
    decoded = modality.decode(together, {})
    for sound, tokens, length, drawn in zip(sounds, together.features, together.lengths, decoded, strict=True):
        alone = modality.tokenize(modality.compress({"sound": sound[None]}), {})
        torch.testing.assert_close(tokens[:length], alone.features[0], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(drawn, modality.decode(alone, {})[0], atol=1e-5, rtol=1e-4)


def test_silence_at_the_end_is_masked():
    modality = audio()
    batch = {"sound": torch.stack([noise(5120)] * 3), "length": torch.tensor([5120, 513, 1])}
    tokens = modality.tokenize(modality.compress(batch), batch)
    assert tokens.lengths == (10, 2, 1) and tokens.features.shape[1] == 10
    assert [len(sound) for sound in modality.decode(tokens, batch)] == [5120, 513, 1]
    batch["length"] = torch.tensor([513] * 3)
    tokens = modality.tokenize(modality.compress(batch), batch)
    assert tokens.mask is None and tokens.features.shape[1] == 2


def test_cached_latents_are_tokenized_too():
    modality = audio()
    latents = [torch.randn(20, 4), torch.randn(20, 9)]
    assert modality.tokenize(latents, {"length": [4 * 512, 7 * 512]}).lengths == (4, 7)


@pytest.mark.parametrize("seconds", [0.5, 0.51234, 1.003, 7.77, 60])
def test_length_is_exact_to_the_sample(seconds):
    modality = audio()
    canvas, fields = modality.layout(2, {"seconds": seconds}), modality.fields(2, {"seconds": seconds})
    assert canvas.features.shape[1] == math.ceil(round(seconds * RATE) / 512)
    sounds = modality.decode(canvas.with_features(torch.randn(canvas.features.shape)), fields)
    assert sounds.shape == (2, round(seconds * RATE)) and sounds.isfinite().all()


def test_another_convention_has_its_own_rate_and_cell():
    modality = audio(Copy(AUDIO_LDM), Level(AUDIO_LDM), seconds=1)
    assert (modality.rate, modality.cell, modality.token_dim) == (16_000, 320, 128)
    assert modality.layout(1, {}).features.shape == (1, 50, 128)


def test_a_vocoder_of_another_hop_is_refused_with_both_numbers():
    with pytest.raises(ValueError, match=r"160.*256|256.*160"):
        Audio(Copy(AUDIO_LDM), Level(MAKE_AN_AUDIO))


def test_a_vocoder_of_other_bands_is_converted_to():
    modality = Audio(Copy(), Level(SPEECH_T5), seconds=0.512)
    batch = modality.example_batch(1)
    tokens = modality.tokenize(modality.compress(batch), batch)
    assert modality.decode(tokens, {}).shape == (1, 8192)


def test_data_of_another_rate_are_refused():
    assert audio().resolve(SimpleNamespace(rate=RATE)) == audio().resolve(SimpleNamespace()) == {}
    with pytest.raises(ValueError, match=r"sounds of 16000 Hz, the data has 44100: set data\.rate"):
        audio().resolve(SimpleNamespace(rate=44_100))


def test_data_of_lengths_that_are_no_whole_tokens_are_refused():
    assert audio().resolve(SimpleNamespace(cell=1024)) == {}
    with pytest.raises(ValueError, match=r"a token is 512 samples, but data\.cell=320: set data\.cell to 512"):
        audio().resolve(SimpleNamespace(cell=320))


@pytest.mark.parametrize("seconds", [0, -1, math.nan, 1e9])
def test_trained_lengths_out_of_range_are_refused(seconds):
    with pytest.raises(ValueError, match="must be above 0 and at most 600"):
        audio(seconds=seconds)


def test_too_short_a_sound_is_refused():
    with pytest.raises(ValueError, match="a sound of 511 samples is shorter than a token of 512 samples"):
        audio().compress({"sound": torch.zeros(1, 511)})


def test_start_from_a_sound(file):
    modality = audio()
    assert modality.start({"seconds": 1.0}, torch.device("cpu")) is None
    start = modality.start({"audio": file, "strength": 0.3}, torch.device("cpu"))
    assert start.known.strength == 0.3 and start.known.keep_mask is None and start.restore is None
    canvas = modality.layout(1, {"audio": file})
    assert start.known.features.shape == canvas.features.shape == (1, 63, 20)
    assert modality.fields(1, {"audio": file})["length"].tolist() == [2 * RATE]


@pytest.mark.parametrize(
    ("keep", "seconds", "stay"),
    [(((0, math.inf),), 3.0, [(0, 2 * RATE)]), (((0, 0.5), (1.5, 2)), 2.0, [(0, 8000), (24_000, 2 * RATE)])],
)
def test_parts_of_a_sound_stay_to_the_sample(file, keep, seconds, stay):
    modality = audio()
    request = {"audio": file, "keep": keep, "seconds": seconds}
    start = modality.start(request, torch.device("cpu"))
    samples = round(seconds * RATE)
    canvas = modality.layout(1, request)
    assert start.known.strength == 1 and start.known.keep_mask.shape == canvas.features.shape
    kept = start.known.keep_mask[0, :, 0]
    assert kept[: stay[0][1] // 512 - MARGIN].all() and not kept[stay[0][1] // 512 - MARGIN :][: 2 * MARGIN].any()
    drawn = modality.decode(canvas.with_features(torch.randn(canvas.features.shape)), modality.fields(1, request))
    (whole,) = start.restore(drawn)
    assert whole.shape == (samples,)
    sound = torch.from_numpy(soundfile.read(file, dtype="float32")[0])
    for first, last in stay:
        assert torch.equal(whole[first:last], sound[first:last])


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_files_hold_the_sound_and_its_texts(tmp_path, form):
    modality = audio(file_format=form)
    sounds = [noise(8000), noise(9000, 1)]
    files = modality.save(sounds, tmp_path, [0, 7], [{"lumina": "{}"}, {"lumina": "ж"}])
    assert [path.name for path in files] == [f"00000.{form}", f"00007.{form}"]
    for path, sound in zip(files, sounds, strict=True):
        read, rate = soundfile.read(path, dtype="float32")
        assert rate == RATE
        torch.testing.assert_close(torch.from_numpy(read), sound, atol=2**-14, rtol=0)


def test_a_loud_sound_is_scaled_and_said(tmp_path):
    with pytest.warns(UserWarning, match=r"peak was 2\.00"):
        (path,) = audio().save([2 * torch.sin(torch.arange(8000) / 10)], tmp_path, [0])
    assert abs(soundfile.read(path)[0]).max() == pytest.approx(1, abs=1e-3)


def test_page_and_sheet(tmp_path):
    modality = audio()
    (path,) = modality.save([noise(8000)], tmp_path, [0])
    shown = modality.shown(path, "a <dog>")
    assert "<audio controls" in shown.html and "a &lt;dog&gt;" in shown.html and shown.note.startswith("0.50 s, peak")
    assert modality.picture([noise(8000), noise(90_000)], ["a", "b"]).dtype == torch.uint8


def test_dashboards_get_players():
    pytest.importorskip("wandb")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        media = audio().wandb_media([noise(8000), noise(9000) * 6], ["a", "b"])
    assert [type(one).__name__ for one in media] == ["Audio", "Audio"]
    quiet, loud = (torch.from_numpy(soundfile.read(one._path, dtype="float32")[0]) for one in media)
    torch.testing.assert_close(quiet, noise(8000), atol=1e-4, rtol=0)
    torch.testing.assert_close(loud, noise(9000) / noise(9000).abs().max(), atol=1e-4, rtol=0)


def test_griffin_lim_is_the_default():
    assert isinstance(Audio(RandomMelAutoencoder()).vocoder, GriffinLim)
    assert json.dumps(dict(Audio(RandomMelAutoencoder()).latent_identity))
