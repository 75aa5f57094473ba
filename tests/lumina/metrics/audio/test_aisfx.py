"""Features of sound effects, by the weights of the package aisfx."""

import sys
from importlib.util import find_spec

import pytest
import torch

from lumina.metrics.audio.aisfx import FRAMES, Aisfx, Network, log_mel

CPU = torch.device("cpu")
needs_aisfx = pytest.mark.skipif(find_spec("aisfx") is None, reason="aisfx is not installed")


def tone(pitch, seconds=1.0, rate=44_100):
    return 0.5 * torch.sin(torch.arange(round(seconds * rate)) * 2 * torch.pi * pitch / rate)


def test_the_spectrogram_is_essentias():
    mel = log_mel(tone(1000.0))
    assert mel.shape == (1 + 44_100 // 1024, 96)
    # HTK's scale: 1000 Hz are 1000 mel of the 3923 up to 22050 Hz, in 97 steps
    assert mel[20].argmax() == round(1000 / (3923 / 97)) - 1
    # a tone of amplitude 0.5 has half of the window's sum as its largest magnitude; bands average over their bins
    assert 0.3 < mel[20].max() * 9.4578 / torch.log10(torch.tensor(1e4 * (0.25 * 2047 / 2) ** 2)) < 1


def test_blocks_of_100_frames_every_50():
    features = Aisfx()
    assert features.windows(torch.zeros(100)).shape == (1, FRAMES * 96)
    assert len(features.windows(torch.zeros(1024 * 149))) == 2
    assert len(features.windows(torch.zeros(1024 * 148))) == 1


@needs_aisfx
def test_the_network_is_the_packages():
    from aisfx.models.cnn2d import EmbeddingNet

    features = Aisfx()
    network = features.ready(CPU)
    assert sum(weight.numel() for weight in network.parameters()) == 4_686_144
    theirs = EmbeddingNet("max", 3, 1, 64).eval()
    theirs.load_state_dict(network.state_dict())
    blocks = torch.rand(2, FRAMES, 96, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(network(blocks.flatten(1)), theirs(blocks))


@needs_aisfx
def test_it_hears_the_difference():
    noise = torch.randn(3, 30_000, generator=torch.Generator().manual_seed(0)) / 10
    sounds = [*noise, *(tone(pitch, 2.0, 16_000) for pitch in (300, 310, 320))]
    rows = torch.nn.functional.normalize(Aisfx().describe(sounds, 16_000, CPU))
    cosines = rows @ rows.T
    assert min(cosines[:3, :3].min(), cosines[3:, 3:].min()) > cosines[:3, 3:].max() + 0.1


def test_the_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "aisfx", None)
    monkeypatch.setattr("lumina.config.locate.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"needs the package aisfx, .*pip install --no-deps aisfx=="):
        Aisfx().ready(CPU)


def test_any_size_of_batch():
    torch.manual_seed(0)
    assert Network()(torch.zeros(2, FRAMES * 96)).shape == (2, 512)
