"""Cnn14: its front end against librosa's, its network against a literal one, its files."""

import pytest
import torch
from torch.nn import functional as F

from lumina.metrics.audio.cnn14 import VARIANTS, Block, Cnn14, Network, log_mel, mel_bank

librosa = pytest.importorskip("librosa")
CPU = torch.device("cpu")


def sound(samples=32_000):
    return torch.randn(samples, generator=torch.Generator().manual_seed(0)) / 5


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Network(16_000).eval()


@pytest.fixture(scope="module")
def stored(network):
    """The tensors of the file, the largest ones as one row that stands for all."""
    weights = {name: weight.detach() for name, weight in network.state_dict().items()}
    for name in [name for name, weight in weights.items() if weight.numel() > 1e6]:
        weights[name] = weights[name][:1].clone().expand(len(weights[name]), *weights[name].shape[1:])
    front = {
        "logmel_extractor.melW": network.bank,
        "spectrogram_extractor.stft.conv_real.weight": torch.zeros(257, 1, 512),
    }
    return {**weights, **front}


@pytest.mark.parametrize("rate", VARIANTS)
def test_the_front_end_is_librosa(rate):
    fft, hop, low, high = spectrum = VARIANTS[rate].spectrum
    wave = sound()
    options = {"sr": rate, "n_fft": fft, "hop_length": hop, "n_mels": 64, "fmin": low, "fmax": high}
    power = librosa.feature.melspectrogram(y=wave.numpy(), pad_mode="reflect", **options)
    expected = torch.from_numpy(librosa.power_to_db(power, amin=1e-10, top_db=None).T)
    torch.testing.assert_close(log_mel(wave[None], spectrum, mel_bank(rate, spectrum))[0], expected, atol=2e-4, rtol=0)


def literal(weights, x):
    """PANNs' forward from the log-mel spectrogram ``[B, 1, frames, 64]`` on, from the names of its state dict."""

    def norm(x, name):
        values = (weights[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *values)

    x = norm(x.transpose(1, 3), "bn0").transpose(1, 3)
    for number in range(1, 7):
        block = f"conv_block{number}"
        for layer in (1, 2):
            x = F.relu(norm(F.conv2d(x, weights[f"{block}.conv{layer}.weight"], padding=1), f"{block}.bn{layer}"))
        x = F.avg_pool2d(x, (2, 2) if number < 6 else (1, 1))
    x = torch.mean(x, dim=3)
    x = torch.max(x, dim=2)[0] + torch.mean(x, dim=2)
    features = F.relu(F.linear(x, weights["fc1.weight"], weights["fc1.bias"]))
    return features, F.linear(features, weights["fc_audioset.weight"], weights["fc_audioset.bias"])


def test_the_network_reads_its_file(network, stored, tmp_path):
    assert sum(weight.numel() for weight in network.parameters()) == 80_753_615  # as published
    torch.save({"iteration": 1, "model": stored}, tmp_path / "cnn14.pth")
    features = Cnn14(tmp_path / "cnn14.pth")
    wave = sound()
    (heard,) = features.listen([wave], 16_000, CPU)
    mel = log_mel(features.windows(wave), network.spectrum, network.bank)
    expected, tags = literal(stored, mel[:, None])
    torch.testing.assert_close(heard.features, expected)
    torch.testing.assert_close(heard.tags, tags)
    assert heard.features.shape == (1, 2048) and heard.tags.shape == (1, 527)


def test_a_file_of_the_other_rate_is_refused(stored, tmp_path):
    torch.save({"model": {"logmel_extractor.melW": torch.zeros(513, 64)}}, tmp_path / "cnn14.pth")
    with pytest.raises(
        ValueError, match=r"another rate than 16000 Hz: take Cnn14_16k_mAP=0\.438\.pth from https://zen"
    ):
        Cnn14(tmp_path / "cnn14.pth").ready(CPU)


def test_a_sound_is_one_window_of_2_seconds_at_least():
    assert Cnn14("none.pth").windows(torch.ones(50_000)).shape == (1, 50_000)
    short = Cnn14("none.pth", rate=32_000).windows(torch.arange(3.0))
    assert short.shape == (1, 64_000)
    assert short[0, :4].tolist() == [-1, 0, 1, 0]


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"Cnn14's weights .* download Cnn14_mAP=0\.431\.pth from https://zenodo"
    ):
        Cnn14(tmp_path / "none.pth", rate=32_000).ready(CPU)


def test_a_block_keeps_the_size():
    assert Block(2, 3)(torch.zeros(1, 2, 5, 6)).shape == (1, 3, 5, 6)
