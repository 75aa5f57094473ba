"""Quality of class-conditional pictures, measured by a small classifier trained on the real pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina.data.arrays import Arrays, cached, stamp
from lumina.frozen.network import Frozen
from lumina.interfaces import DataModule
from lumina.metrics.frechet import frechet_distance
from lumina.metrics.robust import RobustMetric
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Batch, Split

FEATURES = 64
REAL_LIMIT = 10_000  # real pictures read of each split


class ClassifierQuality(RobustMetric):
    """Measures whether generated pictures show the requested class, with the variety and statistics of real pictures.

    A small convolutional classifier is trained once on the training pictures (seeded, then cached in ``cache``). It
    gives:

    * ``accuracy``: share of generated pictures recognised as the requested class; pictures with NaN or infinity count
      as wrong. ``accuracy_real``: the same share for held-out pictures.
    * ``spread``: mean distance of features to their class mean, of generated pictures divided by that of held-out
      ones; near 0 means one picture per class. Omitted if no class has two different held-out pictures.
    * ``frechet``: Frechet distance of features between generated and held-out pictures; ``frechet_train``: between
      equally many training pictures and the held-out ones, a lower bound in practice. Not an FID: the features are
      those of this classifier.

    Args:
        cache: folder for trained classifiers.
        steps: optimizer steps of the classifier.
        batch_size: of the classifier's training.
    """

    full_state_update = False
    features: list[Tensor]
    predicted: list[Tensor]
    labels: list[Tensor]

    def __init__(self, cache: Path = Path("runs/classifiers"), steps: int = 1500, batch_size: int = 128) -> None:
        super().__init__()
        self.cache, self.steps, self.batch_size = Path(cache), steps, batch_size
        for state in ("features", "predicted", "labels"):
            self.add_state(state, default=[], dist_reduce_fx="cat")
        self._classifier: Frozen | None = None
        self._real: dict[str, tuple[Tensor, Tensor]] = {}

    @torch.inference_mode(False)  # Lightning evaluates in inference mode, and the classifier is trained here
    @torch.enable_grad()
    def prepare(self, data: DataModule) -> None:
        """Trains the classifier or reads it from the cache, and computes the features of the real pictures."""
        if self._classifier is not None:
            return
        train, held_out = _pictures(data, "train"), _pictures(data, "test")
        network = self._trained(*train)
        self._classifier = Frozen(lambda: network)
        for name, (images, labels) in {"train": train, "held_out": held_out}.items():
            self._real[name] = self._describe(images)[0], labels
        self._accuracy_real = (self._describe(held_out[0])[1] == held_out[1]).double().mean().item()

    def update(self, generated: Tensor, batch: Batch) -> None:
        """Adds pictures ``[B, C, H, W]`` generated for the classes ``batch["label"]``."""
        features, predicted = self._describe(generated)
        self.features.append(features)
        self.predicted.append(predicted)
        self.labels.append(batch["label"])

    def results(self) -> dict[str, float]:
        """Accuracies, spread and Frechet distances as the class describes them."""
        features, predicted, labels = (_joined(x).cpu() for x in (self.features, self.predicted, self.labels))
        held_out, held_out_labels = (x.cpu() for x in self._real["held_out"])
        count = min(len(features), len(held_out))
        train = self._real["train"][0].cpu()
        train = train[torch.randperm(len(train), generator=keyed_generator(Purpose.CHOICE))[:count]]
        right = (predicted == labels).sum().item()
        report = {"accuracy": right / (len(labels) + int(self.missed)), "accuracy_real": self._accuracy_real}
        with self.attempt("spread"):
            report["spread"] = _spread(features, labels) / _positive(_spread(held_out, held_out_labels))
        with self.attempt("frechet, frechet_train"):
            report["frechet"] = frechet_distance(features, held_out)
            report["frechet_train"] = frechet_distance(train, held_out)
        return report

    @torch.no_grad()
    def _describe(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``[B, 64]`` and predicted classes ``[B]``.

        Raises:
            ValueError: the pictures differ in size.
        """
        _require_one_size(images)
        assert self._classifier is not None
        network = self._classifier.on(images.device)
        with torch.autocast(images.device.type, enabled=False):
            features = torch.cat([network[0](part.float()) for part in images.split(500)])
            return features, network[1](features).argmax(1)

    def _trained(self, images: Tensor, labels: Tensor) -> nn.Module:
        network = _network(images.shape[1], int(labels.max()) + 1)

        def train() -> Arrays:
            _fit(network, images, labels, self.steps, self.batch_size)
            return {name: tensor.numpy() for name, tensor in network.state_dict().items()}

        pictures = hashlib.sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
        name = f"classifier-{stamp(pictures, self.steps, self.batch_size, repr(network))}"
        weights = cached(self.cache, name, train)
        network.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
        return network.eval()


def _joined(values: list[Tensor] | Tensor) -> Tensor:
    return torch.cat(values) if isinstance(values, list) else values


def _pictures(data: DataModule, split: Split) -> tuple[Tensor, Tensor]:
    samples = data.samples(split)
    chosen = torch.randperm(len(samples), generator=keyed_generator(Purpose.CHOICE))[:REAL_LIMIT].sort().values.tolist()
    read = [samples[index] for index in chosen]
    batch = data.collate([sample.item for sample in read if sample.real])
    _require_one_size(batch["image"])
    return batch["image"], batch["label"]


def _require_one_size(images: Tensor | Sequence[Tensor]) -> None:
    if not isinstance(images, Tensor):
        raise ValueError("ClassifierQuality needs pictures of one size, got several sizes: set one size in the data.")


def _spread(features: Tensor, labels: Tensor) -> float:
    classes = labels.unique().tolist()
    within = [features[labels == c] - features[labels == c].double().mean(0) for c in classes]
    return torch.cat(within).double().norm(dim=1).mean().item()


def _positive(spread: float) -> float:
    if not spread > 0:
        raise ValueError("no class has two held-out pictures that differ: hold out more of each class.")
    return spread


def _network(channels: int, classes: int) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        features = nn.Sequential(
            nn.Conv2d(channels, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
            nn.Conv2d(64, 64, 3, stride=2, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
            nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256, FEATURES), nn.ReLU(),
        )  # fmt: skip
        return nn.Sequential(features, nn.Linear(FEATURES, classes))


def _fit(network: nn.Module, images: Tensor, labels: Tensor, steps: int, batch_size: int) -> None:
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    generator = keyed_generator(Purpose.FIT)
    network.train()
    for _ in range(steps):
        chosen = torch.randint(len(images), (batch_size,), generator=generator)
        optimizer.zero_grad()
        # shifts of up to one pixel: without them the classifier learns positions, not shapes
        row, column = torch.randint(3, (2,), generator=generator).tolist()
        padded = F.pad(images[chosen], (1, 1, 1, 1), value=-1.0)
        shifted = padded[..., row : row + images.shape[2], column : column + images.shape[3]]
        F.cross_entropy(network(shifted), labels[chosen], label_smoothing=0.05).backward()
        optimizer.step()
        schedule.step()
    network.eval()
