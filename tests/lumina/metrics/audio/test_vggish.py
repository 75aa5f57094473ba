"""VGGish: its front end against torchvggish's, its network against a literal one."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lumina.metrics.audio.vggish import Network, VGGish, examples, mel_matrix

ORACLE = Path(__file__).parents[3] / "data/oracles/vggish_frontend.npz"
CPU = torch.device("cpu")


def test_the_front_end_is_torchvggish():
    stored = np.load(ORACLE)
    np.testing.assert_allclose(mel_matrix(), stored["mel_matrix"], atol=1e-12)
    found = examples(torch.from_numpy(stored["waveform"]).float())
    np.testing.assert_allclose(found, stored["examples"][:, 0], atol=1e-5)
    for samples, count in stored["length_to_num_examples"].tolist():
        assert len(examples(torch.zeros(samples))) == count


def test_short_sounds_fill_an_example():
    windows = VGGish("none.pth").windows(torch.ones(100))
    assert windows.shape == (1, 96 * 64)
    assert len(VGGish("none.pth").windows(torch.ones(48_000))) == 3


def literal(weights, x):
    """torchvggish's forward without its last ReLU, from the names of its state dict."""
    pooled_after = ("0", "3", "8", "13")
    for layer in ("0", "3", "6", "8", "11", "13"):
        x = F.relu(F.conv2d(x, weights[f"features.{layer}.weight"], weights[f"features.{layer}.bias"], padding=1))
        x = F.max_pool2d(x, 2) if layer in pooled_after else x
    x = torch.transpose(torch.transpose(x, 1, 3), 1, 2).contiguous().view(len(x), -1)
    for layer in ("0", "2", "4"):
        x = F.linear(x, weights[f"embeddings.{layer}.weight"], weights[f"embeddings.{layer}.bias"])
        x = x if layer == "4" else F.relu(x)
    return x


def test_the_network_reads_its_file(tmp_path):
    network = Network()
    assert sum(weight.numel() for weight in network.parameters()) == 72_141_184
    weights = {name: weight.detach() for name, weight in network.state_dict().items()}
    for layer in (0, 2):  # one row for all, of which the file holds one
        weights[f"embeddings.{layer}.weight"] = weights[f"embeddings.{layer}.weight"][:1].clone().expand(4096, -1)
    torch.save(weights, tmp_path / "vggish.pth")
    features = VGGish(tmp_path / "vggish.pth")
    sound = torch.randn(32_000, generator=torch.Generator().manual_seed(0)) / 5
    (heard,) = features.listen([sound], 16_000, CPU)
    assert heard.features.shape == (2, 128)
    expected = literal(weights, examples(sound)[:, None])
    torch.testing.assert_close(heard.features, expected)
    assert heard.features.min() < 0  # no ReLU


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"VGGish's weights .* download https://.*vggish-10086976\.pth"):
        VGGish(tmp_path / "none.pth").ready(CPU)
