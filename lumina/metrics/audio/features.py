"""Base class of the networks that describe sounds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina.audio.loudness import within_one
from lumina.audio.resampling import resample
from lumina.files.weights import check_tensors
from lumina.frozen.network import Frozen, fingerprint

Cut = Callable[[Tensor], Tensor]
"""A sound ``[N]`` to windows ``[W, n]``."""


class Heard(NamedTuple):
    """What a network says of a sound.

    Attributes:
        features: ``[W, D]``, one row for each window.
        tags: ``[W, K]`` logits of AudioSet's classes; None = the network has none.
    """

    features: Tensor
    tags: Tensor | None = None


class SoundFeatures(ABC):
    """A frozen network over windows of a sound.

    The network is loaded at first use and is not part of a model's parameters. All sounds are mono; they are resampled
    as everywhere (`lumina.audio.resampling`), and their loudness is left alone.

    Class attributes:
        name: of the network, in the names of results.
        distance: name of the Frechet distance on its features.
        components: principal components of the real features on which that distance is computed; None = all features.
        at_once: windows per forward pass.

    Attributes:
        rate: of the network, in Hz.
    """

    name: ClassVar[str]
    distance: ClassVar[str]
    components: ClassVar[int | None] = None
    at_once: ClassVar[int] = 32
    rate: int

    def __init__(self) -> None:
        self._network = Frozen(self.load)

    @abstractmethod
    def load(self) -> nn.Module:
        """The network: windows ``[W, n]`` to features ``[W, D]``, or to `Heard`.

        Raises:
            FileNotFoundError: the weights are missing; the message says where to get them.
            ImportError: a package is missing.
        """

    @abstractmethod
    def windows(self, sound: Tensor) -> Tensor:
        """Cuts a sound ``[N]`` at `rate` into windows ``[W, n]``, at least one."""

    def ready(self, device: torch.device) -> Any:
        """Loads the network on ``device``, so that what is missing is said before the evaluation."""
        return self._network.on(device)

    def identity(self, device: torch.device) -> tuple[object, ...]:
        """What decides the features, for the names of cached ones."""
        return type(self).__name__, self.rate, fingerprint(self.ready(device).state_dict())

    @torch.no_grad()
    def listen(self, sounds: Sequence[Tensor], rate: int, device: torch.device, cut: Cut | None = None) -> list[Heard]:
        """What the network says of each sound; float32 even under autocast.

        Args:
            sounds: ``[N_i]`` in [-1, 1]; one that exceeds it is scaled to it, as in the file that is written of it.
            rate: of the sounds, in Hz.
            device: of the network.
            cut: other windows than `windows`.
        """
        network = self.ready(device)
        with torch.autocast(device.type, enabled=False):
            scaled = (within_one(sound.to(device).float()) for sound in sounds)
            own = (resample(sound, rate, self.rate) for sound in scaled)
            windows = map(cut or self.windows, own)
            return [_joined([network(part) for part in one.split(self.at_once)]) for one in windows]

    def describe(self, sounds: Sequence[Tensor], rate: int, device: torch.device) -> Tensor:
        """``[B, D]``, the mean of each sound's windows; as `listen`."""
        return torch.stack([heard.features.mean(0) for heard in self.listen(sounds, rate, device)])


def windows_of(sound: Tensor, length: int, hop: int) -> Tensor:
    """Windows ``[W, length]`` at multiples of ``hop`` that together hold all of a sound ``[N]``; then silence."""
    count = 1 + max(0, -(-(len(sound) - length) // hop))
    return at_least(sound, (count - 1) * hop + length).unfold(0, length, hop)[:count]


def at_least(sound: Tensor, length: int) -> Tensor:
    """A sound ``[N]``, with silence after it up to ``length`` samples."""
    return F.pad(sound, (0, max(0, length - len(sound))))


def weights_at(path: Path, what: str, where: str) -> Path:
    """``path``, if there is a file.

    Raises:
        FileNotFoundError: there is none; says where to get ``what``.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{what}'s weights {path} do not exist: download {where} to that path, or set `weights` to the path of the "
            "file."
        )
    return path


def filled(network: nn.Module, weights: Mapping[str, Tensor], path: Path, name: str) -> nn.Module:
    """``network`` with the weights of a file.

    Raises:
        ValueError: they are of another network ``name``; lists the differences.
    """
    check_tensors(path, {key: value.shape for key, value in network.state_dict().items()}, weights, name)
    network.load_state_dict(weights)
    return network


def _joined(parts: list[Tensor] | list[Heard]) -> Heard:
    heard = [part if isinstance(part, Heard) else Heard(part) for part in parts]
    tags = [part.tags for part in heard if part.tags is not None]
    return Heard(torch.cat([part.features for part in heard]), torch.cat(tags) if tags else None)
