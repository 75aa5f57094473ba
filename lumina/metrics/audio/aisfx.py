"""Features of sound effects from the package aisfx, which contains its weights (Ma and Richard, ISMIR 2022)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina.config.locate import locate
from lumina.errors import importing
from lumina.files.weights import read_pickle
from lumina.metrics.audio.cnn14 import Block
from lumina.metrics.audio.features import SoundFeatures, at_least, filled

RATE = 44_100
FFT, HOP, BANDS = 2048, 1024, 96
FRAMES = 100  # of a block, 2.3 s
LOUDEST = 9.457798957824707  # of the spectrograms that the network was trained on
WIDTHS = (1, 64, 128, 256, 512)


class Aisfx(SoundFeatures):
    """512 features for each 2.3 s, a block every 1.2 s, of a network trained on libraries of sound effects.

    The package's own protocol (model X-Sequential-CE): 44.1 kHz; powers in 96 mel bands of HTK's scale, each of sum 1;
    ``log10(10000 x + 1)``; a last block that would be incomplete is dropped, and a short sound gets silence. Sounds of
    16 kHz serve as well. The features are not those of FAD: call the distance by its name.

    Raises:
        ImportError: aisfx is not installed.
    """

    name = "aisfx"
    distance = "aisfx_frechet"
    components = 32
    rate = RATE

    def load(self) -> nn.Module:
        """The network with the package's weights.

        Raises:
            ImportError: aisfx is not installed.
            ValueError: its file is damaged.
        """
        path = locate("package:aisfx/models/checkpoint.pth")
        weights, _ = read_pickle(path)
        start = "embedding_net."
        own = {name.removeprefix(start): weight for name, weight in weights.items() if name.startswith(start)}
        return filled(Network(), own, path, "aisfx")

    def windows(self, sound: Tensor) -> Tensor:
        """Blocks ``[W, 100 * 96]`` of the log-mel spectrogram of a sound ``[N]``."""
        mel = log_mel(sound)
        if len(mel) < FRAMES:
            mel = F.pad(mel, (0, 0, 0, FRAMES - len(mel)))
        return mel.unfold(0, FRAMES, FRAMES // 2).mT.flatten(1)


class Network(nn.Module):
    """The embedding network, by the names of its state dict."""

    def __init__(self) -> None:
        super().__init__()
        for number, (before, after) in enumerate(pairwise(WIDTHS), start=1):
            self.add_module(f"conv_block{number}", Block(before, after))

    def forward(self, windows: Tensor) -> Tensor:
        """``[W, 100 * 96]`` to ``[W, 512]``."""
        maps = windows.unflatten(1, (1, FRAMES, BANDS))
        for number in range(1, len(WIDTHS)):
            maps = self.get_submodule(f"conv_block{number}")(maps)
            if number < len(WIDTHS) - 1:
                maps = F.max_pool2d(maps, 2)
        return maps.mean(3).amax(2)


def log_mel(sound: Tensor) -> Tensor:
    """``[frames, 96]`` of a sound ``[N]`` at 44.1 kHz, as Essentia's frame cutter and mel bands give it."""
    window = torch.hann_window(FFT, periodic=False, device=sound.device)
    spectrum = torch.stft(at_least(sound, 1), FFT, HOP, window=window, pad_mode="constant", return_complex=True)
    mel = spectrum.abs().square().mT @ _bank().to(sound)
    return (10_000 * mel + 1).log10() / LOUDEST


def _bank() -> Tensor:
    with importing("torchaudio", "the features of sound effects"):
        from torchaudio.functional import melscale_fbanks
    bank = melscale_fbanks(FFT // 2 + 1, 0, RATE / 2, BANDS, RATE, mel_scale="htk")
    return bank / bank.sum(0)
