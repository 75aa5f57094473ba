"""PaSST: its front end and network against the package's, on a small random network."""

import warnings

import pytest
import torch

from lumina.metrics.audio.passt import Network, Passt, log_mel

pytest.importorskip("hear21passt")
SMALL = {"embed_dim": 24, "depth": 1, "num_heads": 2}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def sounds():
    return torch.randn(2, 320_000, generator=torch.Generator().manual_seed(0)) / 5


@pytest.mark.filterwarnings("ignore")  # the package uses what PyTorch deprecates
def test_it_is_the_package(sounds, capsys):
    from hear21passt.models.preprocess import AugmentMelSTFT

    options = {"freqm": 48, "timem": 192, "fmin_aug_range": 10, "fmax_aug_range": 2000}  # as in its base.py
    front = AugmentMelSTFT(n_mels=128, sr=32_000, win_length=800, hopsize=320, n_fft=1024, **options).eval()
    torch.testing.assert_close(log_mel(sounds), front(sounds))
    network = Network(**SMALL).eval()
    capsys.readouterr()
    with torch.no_grad():
        heard = network(sounds)
        tags, features = network.transformer(front(sounds)[:, None])
    torch.testing.assert_close(heard.features, features)
    torch.testing.assert_close(heard.tags, tags)
    assert capsys.readouterr().out == ""


def test_the_network_warns_of_nothing(sounds):
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("error")
        assert Network(**SMALL).eval()(sounds[:1]).tags.shape == (1, 527)


def test_windows_of_10_seconds():
    windows = Passt("none.pt").windows
    assert windows(torch.ones(100)).shape == (1, 320_000)
    assert len(windows(torch.ones(320_000 + 4799))) == 1  # a rest of less than 0.15 s
    assert len(windows(torch.ones(320_000 + 4800))) == 2


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"PaSST's weights .* download https://.*passt-s-f128-p16-s10-ap\.476"):
        Passt(tmp_path / "none.pt").ready(CPU)
