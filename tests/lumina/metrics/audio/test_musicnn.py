"""Features of music, by the weights of the package musicnn."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from lumina.files.tensor_bundle import read_tensor_bundle
from lumina.metrics.audio.musicnn import FRAMES, Layer, Musicnn, Network, log_mel

librosa = pytest.importorskip("librosa")
CPU = torch.device("cpu")
SPEC = find_spec("musicnn")
needs_musicnn = pytest.mark.skipif(SPEC is None, reason="musicnn is not installed")


def test_the_spectrogram_is_the_packages():
    sound = torch.randn(48_000, generator=torch.Generator().manual_seed(0)) / 5
    power = librosa.feature.melspectrogram(y=sound.numpy(), sr=16_000, hop_length=256, n_fft=512, n_mels=96).T
    expected = (10_000 * torch.from_numpy(power).half().float() + 1).log10()
    torch.testing.assert_close(log_mel(sound), expected, atol=1e-3, rtol=0)  # a step of half precision


def test_patches_of_3_seconds():
    assert Musicnn().windows(torch.zeros(100)).shape == (1, FRAMES * 96)
    assert len(Musicnn().windows(torch.zeros(48_000))) == 1
    assert len(Musicnn().windows(torch.zeros(96_000))) == 2


def test_layers_keep_the_frames():
    for kernel, bands in (((7, 38), 59), ((32, 1), 96)):
        assert Layer(1, 4, kernel)(torch.zeros(1, 1, 40, 96)).shape == (1, 4, 40, bands)


def test_the_widths():
    network = Network()
    assert network.pooled.num_features == 2 * 753
    assert network(torch.zeros(2, FRAMES * 96)).shape == (2, 200)


@needs_musicnn
@pytest.mark.parametrize("trained_on", ["MTT", "MSD"])
def test_the_package_names_a_tone_and_a_beat(trained_on):
    """The tags, by the package's last layer, of noise bursts and of a plucked chord."""
    from musicnn.configuration import MSD_LABELS, MTT_LABELS

    labels = MTT_LABELS if trained_on == "MTT" else MSD_LABELS
    weights = read_tensor_bundle(f"{Path(SPEC.origin).parent}/{trained_on}_musicnn/")
    time = torch.arange(48_000) / 16_000
    noise = torch.randn(48_000, generator=torch.Generator().manual_seed(0))
    beat = 0.5 * noise * torch.exp(-30 * (time % 0.25)) + torch.sin(400 * time) * torch.exp(-15 * (time % 0.5))
    chord = sum(torch.sin(2 * torch.pi * pitch * time) for pitch in (220, 277.2, 329.6)) / 4
    hum = chord * torch.exp(-3 * (time % 1))
    features = Musicnn(trained_on).describe([beat, hum], 16_000, CPU)
    logits = features @ torch.tensor(weights["dense_1/kernel"]) + torch.tensor(weights["dense_1/bias"])
    loud = [labels[place] for place in logits[0].topk(3).indices]
    quiet = [labels[place] for place in logits[1].topk(8).indices]
    assert {"techno", "electronic", "beat", "drums", "dance", "electronica"} & set(loud)
    assert {"ambient", "slow", "piano", "guitar", "classical", "quiet"} & set(quiet)


def test_the_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("lumina.config.locate.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"needs the package musicnn, .*pip install --no-deps musicnn=="):
        Musicnn().ready(CPU)
