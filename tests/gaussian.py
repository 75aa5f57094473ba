"""Data from N(m, s^2), for which the best prediction and the flow are known in closed form."""

import torch

from lumina.objectives.diffusion import Diffusion
from lumina.values import Tokens

MEAN, STD = 1.5, 0.3


class Gaussian:
    """The best possible backbone for data from N(mean, std^2); text, where there is any, sets the mean."""

    def __init__(self, objective, mean=MEAN, std=STD):
        self.path = objective.path
        self.mean = mean
        self.std = std
        self.predicts_noise = isinstance(objective, Diffusion)
        self.times = []

    def predict(self, tokens, t, cond, inference=None):
        self.times.append(t)
        t, x, mean = t[:, None, None], tokens.features, self.told(cond)
        alpha, sigma = self.path.alpha(t), self.path.sigma(t)
        surprise = (x - alpha * mean) / (alpha**2 * self.std**2 + sigma**2)
        noise, data = sigma * surprise, mean + alpha * self.std**2 * surprise
        return noise if self.predicts_noise else self.path.d_alpha(t) * data + self.path.d_sigma(t) * noise

    def told(self, cond):
        if cond.cross is None:
            return self.mean
        real = torch.ones(cond.cross.shape[:2], dtype=bool) if cond.cross_mask is None else cond.cross_mask
        return (cond.cross * real[..., None]).sum((1, 2), keepdim=True) / real.sum(1)[:, None, None]


def canvas(batch=3, length=5, width=2, mask=None):
    return Tokens(
        features=torch.full((batch, length, width), torch.nan, dtype=torch.float64),
        positions=torch.zeros(batch, length, 0),
        mask=mask,
    )


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def exact(path, noise, start, end, mean=MEAN, std=STD):
    """Where the probability flow of a Gaussian carries ``noise``: affine maps between its marginals."""
    start, end = torch.tensor([start, end], dtype=torch.float64)

    def spread(t):
        return (path.alpha(t) ** 2 * std**2 + path.sigma(t) ** 2).sqrt()

    return path.alpha(end) * mean + spread(end) / spread(start) * (noise - path.alpha(start) * mean)
