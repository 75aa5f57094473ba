"""Griffin and Lim's vocoder, which needs no weights."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from lumina.audio.bands import to_linear
from lumina.audio.frames import padding, reflected, window
from lumina.audio.mel import exponential, named
from lumina.interfaces import Vocoder
from lumina.values import MelConvention

SMALLEST = 1e-16
"""Added to magnitudes before phases are divided by them."""


class GriffinLim(Vocoder):
    """Finds phases for the magnitudes below a mel spectrogram: fast Griffin-Lim (Perraudin et al., 2013).

    It is deterministic: a spectrogram has one sound, whatever else is in its batch.

    Args:
        convention: of the spectrograms, by its name, or any other.
        iterations: transforms there and back.
        momentum: 0 is Griffin and Lim's own algorithm (1984).
        seed: of the first phases.

    Raises:
        ValueError: the convention is unknown, or a number is out of range.
    """

    def __init__(
        self,
        convention: str | MelConvention = "make_an_audio",
        iterations: int = 32,
        momentum: float = 0.99,
        seed: int = 0,
    ) -> None:
        if iterations < 0 or not 0 <= momentum < 1:
            raise ValueError(f"GriffinLim: iterations={iterations} and momentum={momentum}, expected 0 or more, 0 to 1")
        self.convention = named(convention)
        self.iterations = iterations
        self.momentum = momentum
        self.seed = seed

    @torch.no_grad()
    def sound(self, mel: Tensor) -> Tensor:
        """``[B, bands, T]`` to ``[B, T * hop]`` float32."""
        with torch.autocast(mel.device.type, enabled=False):
            magnitudes = self.magnitudes(mel).mT.contiguous()
            spectrum = magnitudes * self._first_phases(magnitudes)
            before = torch.zeros_like(spectrum)
            for _ in range(self.iterations):
                rebuilt = self._analysed(self._joined(spectrum))
                ahead = rebuilt - self.momentum / (1 + self.momentum) * before
                spectrum = magnitudes * (ahead / (ahead.abs() + SMALLEST))
                before = rebuilt
            return self._joined(spectrum)

    def magnitudes(self, mel: Tensor) -> Tensor:
        """The linear magnitudes ``[B, fft // 2 + 1, T]`` below a mel spectrogram, whose phases are sought."""
        return to_linear(exponential(mel, self.convention), self.convention)

    def _first_phases(self, magnitudes: Tensor) -> Tensor:
        """``[T, bins]`` on the unit circle, the same for all samples."""
        angles = torch.rand(magnitudes.shape[1:], generator=Generator().manual_seed(self.seed))
        return torch.polar(torch.ones_like(angles), 2 * torch.pi * angles).to(magnitudes.device)

    def _analysed(self, sound: Tensor) -> Tensor:
        """``[B, T * hop]`` to ``[B, T, bins]``, with edges as in the mel spectrogram."""
        fft, hop = self.convention.fft, self.convention.hop
        frames = reflected(sound, padding(self.convention)).unfold(-1, fft, hop)
        frames = frames[:, : sound.shape[-1] // hop]  # a centred convention has one more
        return torch.fft.rfft(frames * window(fft, sound.device))

    def _joined(self, spectrum: Tensor) -> Tensor:
        """``[B, T, bins]`` to the ``[B, T * hop]`` whose frames are nearest to it in least squares."""
        fft, hop = self.convention.fft, self.convention.hop
        shape = window(fft, spectrum.device)
        weight = shape.square().expand(1, spectrum.shape[1], fft)
        sound = overlapped(torch.fft.irfft(spectrum, n=fft) * shape, hop) / overlapped(weight, hop).clamp(min=1e-8)
        first = padding(self.convention)
        return sound[:, first : first + spectrum.shape[1] * hop]


def overlapped(frames: Tensor, hop: int) -> Tensor:
    """Adds ``[B, T, fft]`` up, each ``hop`` samples after the last: ``[B, at least (T - 1) * hop + fft]``."""
    batch, count, fft = frames.shape
    pieces = -(-fft // hop)
    parts = F.pad(frames, (0, pieces * hop - fft)).view(batch, count, pieces, hop)
    total = frames.new_zeros(batch, count + pieces - 1, hop)
    for piece in range(pieces):
        total[:, piece : piece + count] += parts[:, :, piece]
    return total.view(batch, -1)
