"""How good reconstructions are, over all samples of an evaluation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lumina.autoencoders.losses import latent_mask
from lumina.autoencoders.seen import Seen
from lumina.autoencoders.views import View
from lumina.values import Posterior


class Measures:
    """Sums over an evaluation; what is not real counts in none.

    Named values: the mean absolute difference in the view's unit; for each of the last two axes the share of detail,
    the variance of the reconstructions' second difference over that of the data, below 1 where they are too smooth;
    ``kl``, nats for each number of the latents; and ``latent_std``, about 1 where the scale factor fits.

    Args:
        view: of the data.
        factor: of the autoencoder.
        device: of the sums.
    """

    def __init__(self, view: View, factor: int, device: torch.device) -> None:
        self.view, self.factor = view, factor
        self._sums = torch.zeros(10, device=device)

    @torch.no_grad()
    def add(self, seen: Seen, output: Tensor, posterior: Posterior, scale: Tensor) -> None:
        """Takes in a batch.

        Args:
            seen: the data.
            output: the reconstructions, float32.
            posterior: of the latents.
            scale: factor ``[]`` of the latents.
        """
        mean, logvar = posterior.mean.float(), posterior.logvar.float()
        kl = (mean.square() + logvar.exp() - 1 - logvar) / 2
        parts = [*_total((output - seen.data).abs() * self.view.unit, seen.mask)]
        along = None if seen.mask is None else seen.mask.unfold(-1, 3, 1).all(-1)
        for axis, mask in ((-2, seen.mask), (-1, along)):
            parts += [_total(x.diff(n=2, dim=axis).square(), mask)[0] for x in (output, seen.data)]
        cells = latent_mask(seen.mask, self.factor)
        parts += [_total(x, cells)[0] for x in (kl, mean * scale)]
        parts += _total((mean * scale).square(), cells)
        self._sums += torch.stack(parts).to(self._sums)

    def compute(self, reduce: Callable[[Tensor], Tensor]) -> dict[str, float]:
        """The named values of all processes.

        Args:
            reduce: sums over the processes.
        """
        difference, values, *details, kl, mean, square, numbers = reduce(self._sums.clone()).tolist()
        if not values:
            return {}
        name, *shares = self.view.names
        found = {name: difference / values}
        for share, model, data in zip(shares, details[::2], details[1::2], strict=True):
            found |= {share: model / data} if data else {}
        return {**found, "kl": kl / numbers, "latent_std": max(square / numbers - (mean / numbers) ** 2, 0.0) ** 0.5}


def _total(values: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Sum and number of ``values [B, ..., T]`` where they are real."""
    if mask is None:
        return values.sum(), values.new_tensor(float(values.numel()))
    real = mask.view(len(mask), *[1] * (values.dim() - 2), -1).expand_as(values)
    return (values * real).sum(), real.sum()
