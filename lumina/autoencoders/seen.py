"""The data of a batch, and what of it is real."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What an autoencoder sees of a batch.

    Attributes:
        data: ``[B, ..., T]`` float32: mel spectrograms ``[B, bands, T]`` or pictures ``[B, 3, H, W]``.
        mask: ``[B, T]`` bool, True = real; None = all is.
    """

    data: Tensor
    mask: Tensor | None = None

    def cut(self, factor: int) -> Seen:
        """Without what exceeds a multiple of ``factor`` at the end; of pictures at both sides.

        Raises:
            ValueError: nothing remains.
        """
        data = self.data
        for axis in (-1,) if data.dim() == 3 else (-2, -1):
            size = data.shape[axis]
            if size < factor:
                raise ValueError(f"samples must be at least {factor} long for this autoencoder, got {size}.")
            data = data.narrow(axis, 0, size - size % factor)
        return Seen(data=data, mask=None if self.mask is None else self.mask[:, : data.shape[-1]])
