"""Stands for a pretrained network of sounds: its features are a fixed map of the samples. And sounds for it."""

from __future__ import annotations

import torch
from torch import nn

from lumina.data.datamodule import SplitDataModule
from lumina.metrics.audio.features import Heard, SoundFeatures, windows_of

WINDOW = 64


class Maps(nn.Module):
    def __init__(self, tags):
        super().__init__()
        self.map = nn.Parameter(torch.randn(WINDOW, 6, generator=torch.Generator().manual_seed(1)))
        self.tags = tags

    def forward(self, windows):
        features = windows.abs() @ self.map
        return Heard(features, 3 * features) if self.tags else features


class Tiny(SoundFeatures):
    """Six features for each 64 samples at 16 kHz.

    Args:
        tags: whether the features are tags, too.
        components: of the Frechet distance.
    """

    name = "tiny"
    distance = "tiny_frechet"
    rate = 16_000

    def __init__(self, tags=True, components=None):
        super().__init__()
        self.tags, self.components = tags, components

    def load(self):
        return Maps(self.tags)

    def windows(self, sound):
        return windows_of(sound, WINDOW, WINDOW)


def tones(count, length=200, classes=3, seed=0):
    """Sounds ``[count, length]`` of a class each, with a bit of noise, and the batch that goes with them."""
    noise = torch.randn(count, length, generator=torch.Generator().manual_seed(seed))
    labels = torch.arange(count) % classes
    steps = torch.arange(length)
    waves = torch.sin(steps * (1 + labels[:, None]) / 5)
    batch = {
        "sound": 0.5 * waves + 0.02 * noise,
        "length": torch.full((count,), length),
        "name": [f"{'abc'[label]}_{number}" for number, label in enumerate(labels.tolist())],
        "label": labels,
    }
    return batch


class Tones(SplitDataModule):
    """`tones` of another seed in each split."""

    batch_keys = ("sound", "length", "name", "label")

    def __init__(self, rate=16_000, fields=batch_keys, classes=3):
        super().__init__(batch_size=4)
        self.rate, self.batch_keys, self.classes = rate, fields, classes

    def dataset(self, split):
        batch = tones(12, classes=self.classes, seed=("train", "validation", "test").index(split))
        return [{name: batch[name][index] for name in self.batch_keys} for index in range(12)]


def measured(metric, generated, batch):
    """The results of one batch, which counts as `MetricSuite` counts it."""
    metric.update(generated, batch)
    metric.taken += len(generated)
    return metric.compute()
