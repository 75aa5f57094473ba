"""Sounds as latents, two numbers for each 512 samples: what the cache asks of a modality, and no more."""

from __future__ import annotations

from types import MappingProxyType

import torch

from lumina.data.batches import stacked
from lumina.interfaces import Modality

CELL = 512


class Waves(Modality):
    """The least and the greatest sample of each cell."""

    batch_keys = ("sound",)
    latent_identity = MappingProxyType({"cell": CELL})
    data_settings = MappingProxyType({"rate": 16_000})
    token_dim, position_axes = 2, 1

    def compress(self, batch):
        return stacked([torch.stack(sound.view(-1, CELL).aminmax(dim=1)) for sound in batch["sound"]])

    def tokenize(self, latent, batch):
        raise NotImplementedError

    decode = layout = example_batch = picture = save = tokenize
