"""The adversarial loss of a VAE: least squares or hinge, an adaptive weight, and the R1 penalty."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina.interfaces import Discriminator

Kind = Literal["lsgan", "hinge"]

MOST = 1e4
"""Of the adaptive weight."""


class Adversary(nn.Module):
    """A discriminator and how it is trained beside a VAE (VQGAN eq. 6 and 7, Make-An-Audio 2).

    Args:
        discriminator: of the data.
        weight: of the generator's loss, times the adaptive weight that gives both losses gradients of one size.
        start: steps that the VAE trains alone.
        kind: loss of the discriminator, "lsgan" (least squares) or "hinge"; the generator's is ``-mean(logits)``.
        r1: weight of the R1 penalty in the discriminator's loss, Make-An-Audio 2's remedy for over-smoothed
            spectrograms; 0 = none.

    Raises:
        ValueError: a number is negative.
    """

    def __init__(
        self,
        discriminator: Discriminator,
        weight: float = 1.0,
        start: int = 0,
        kind: Kind = "lsgan",
        r1: float = 3.0,
    ) -> None:
        super().__init__()
        if min(weight, start, r1) < 0:
            raise ValueError(f"Adversary: weight={weight}, start={start} and r1={r1} must not be negative.")
        self.discriminator, self.weight, self.start, self.kind, self.r1 = discriminator, weight, start, kind, r1

    def active(self, step: int) -> bool:
        """Whether it takes part at a step of the training."""
        return self.weight > 0 and step >= self.start

    @torch.no_grad()
    def judges(self, data: Tensor, mask: Tensor | None) -> bool:
        """Whether the discriminator can judge any sample of a batch; nothing about it changes.

        Raises:
            ValueError: it cannot judge such data.
        """
        places = self.discriminator.places(data, mask, torch.Generator())
        with _evaluating(self.discriminator):
            return len(self.discriminator(data, places)) > 0

    def generator_loss(self, output: Tensor, places: Any, reconstruction: Tensor, last_layer: Tensor) -> Tensor:
        """What the VAE's loss gets besides ``reconstruction``, ``[]``; nothing flows back into the discriminator.

        Args:
            output: of the decoder.
            places: where the discriminator looks.
            reconstruction: the loss ``[]`` of ``output`` against the data.
            last_layer: weight of the decoder's last layer, at which both gradients are measured.
        """
        with _frozen(self.discriminator):
            logits = self.discriminator(output, places)
        if not len(logits):
            return output.new_zeros(())
        loss = -logits.mean()
        return self.weight * adaptive_weight(reconstruction, loss, last_layer) * loss

    def discriminator_loss(self, data: Tensor, output: Tensor, places: Any) -> Tensor:
        """The discriminator's loss ``[]``; nothing flows back into ``output``."""
        real, fake = self.discriminator(data, places), self.discriminator(output.detach(), places)
        if not len(real):
            return real.sum()
        loss = least_squares(real, fake) if self.kind == "lsgan" else hinge(real, fake)
        return loss + self.r1 * r1_penalty(self.discriminator, data, places) if self.r1 else loss


def least_squares(real: Tensor, fake: Tensor) -> Tensor:
    """``[]``, least where data gets 1 and reconstructions get 0."""
    return (real - 1).square().mean() + fake.square().mean()


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """``[]``, 0 where data gets at least 1 and reconstructions at most -1."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def adaptive_weight(reconstruction: Tensor, adversarial: Tensor, last_layer: Tensor) -> Tensor:
    """The ratio ``[]`` of the norms of both losses' gradients at ``last_layer``, at most 10,000, a constant."""
    norms = [
        torch.autograd.grad(loss, last_layer, retain_graph=True)[0].norm() for loss in (reconstruction, adversarial)
    ]
    smallest = torch.finfo(norms[1].dtype).tiny
    return (norms[0] / norms[1].clamp(min=smallest)).clamp(max=MOST).detach()


def r1_penalty(discriminator: Discriminator, data: Tensor, places: Any) -> Tensor:
    """``E |grad D(x)|^2`` over the judged samples of real data, ``[]`` (Mescheder et al. 2018).

    The penalty is on the slope at one sample. Normalisation by the statistics of a batch would couple the samples:
    what raises one sample's logit lowers the others', so that the sum of the logits hides the slope. Here the
    normalisation uses its running statistics, and nothing is dropped out.
    """
    data = data.detach().requires_grad_()
    with _evaluating(discriminator), torch.enable_grad():
        logits = discriminator(data, places)
    if not len(logits):
        return logits.sum()
    (slope,) = torch.autograd.grad(logits.sum(), data, create_graph=True)
    return slope.square().sum() / len(logits)


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)
