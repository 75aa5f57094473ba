"""Pretrained vocoders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lumina.audio.conventions import CONVENTIONS
from lumina.audio.mel import named
from lumina.config.locate import locate
from lumina.files.weights import check_tensors, read_pickle, read_safetensors
from lumina.frozen.network import Frozen
from lumina.frozen.vocoder_kinds import Kind, hop, read_kind
from lumina.interfaces import Vocoder
from lumina.values import MelConvention


class PretrainedVocoder(Vocoder):
    """A vocoder from a folder, frozen, in float32: its settings are read at once, its weights at first use.

    The settings say which architecture it is: transformers' SpeechT5HifiGan, diffusers' MMAudioVocoder, or a BigVGAN,
    either Make-An-Audio's (``args.yml`` and ``best_netG.pt``) or NVIDIA's (``config.json`` and
    ``bigvgan_generator.pt``).

    Args:
        path: the folder; or ``package:NAME/FOLDER``, a folder inside an installed Python package.
        convention: of the spectrograms that it was trained on; None = what its settings say.

    Raises:
        FileNotFoundError: the folder, its settings or its weights are not there.
        ValueError: the settings are damaged, do not name the convention, or contradict the one that is given.
    """

    def __init__(self, path: str, convention: str | MelConvention | None = None) -> None:
        folder = locate(path)
        kind, settings = read_kind(folder)
        try:
            told = kind.convention(settings)
            self.convention = _checked(path, kind, settings, told if convention is None else named(convention))
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"the settings of the vocoder {path} are damaged ({error}); fetch or copy it again"
            ) from error
        weights = _weights(folder, kind)
        self._kind = kind
        self._network = Frozen(lambda: _loaded(weights, kind, settings))

    @torch.no_grad()
    def sound(self, mel: Tensor) -> Tensor:
        """``[B, bands, T]`` to ``[B, T * hop]`` float32."""
        with torch.autocast(mel.device.type, enabled=False):
            sound = self._kind.run(self._network.on(mel.device), mel.float())
        # kernels that are no multiple of their stride make a few samples more
        return F.pad(sound, (0, mel.shape[-1] * self.convention.hop - sound.shape[-1]))


def _checked(path: str, kind: Kind, settings: Mapping[str, Any], convention: MelConvention | None) -> MelConvention:
    facts = {"bands": settings[kind.bands], "hop": hop(settings), "rate": settings.get("sampling_rate")}
    if convention is None:
        raise ValueError(
            f"the settings of the vocoder {path} ({kind.name}, {facts['bands']} bands, hop {facts['hop']}) do not say "
            f"which mel spectrograms it takes; set its convention: {', '.join(CONVENTIONS)}, or another"
        )
    for name, fact in facts.items():
        if fact is not None and fact != getattr(convention, name):
            raise ValueError(
                f"the vocoder {path} does not take mel spectrograms of the convention {convention.name}: its {name} is "
                f"{fact}, the convention's {getattr(convention, name)}"
            )
    return convention


def _weights(folder: Path, kind: Kind) -> Path:
    for name in kind.weights:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f"{folder} holds the settings of a vocoder, but not its weights: put {kind.weights[0]} there"
    )


def _loaded(path: Path, kind: Kind, settings: Mapping[str, Any]) -> Any:
    tensors = read_safetensors(path) if path.suffix == ".safetensors" else read_pickle(path)
    if isinstance(tensors, dict) and isinstance(tensors.get("generator"), dict):
        tensors = tensors["generator"]
    if not isinstance(tensors, dict) or not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        raise ValueError(f"{path} holds no weights of a {kind.name} by name")
    try:
        with torch.device("cpu"), torch.random.fork_rng(devices=[]):
            network = kind.build(settings)
    except (AttributeError, KeyError, TypeError, ValueError, NotImplementedError) as error:
        raise ValueError(f"the settings of {path.parent} do not describe a {kind.name} ({error})") from error
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    check_tensors(path, shapes, tensors, f"a {kind.name} with the settings beside it")
    network.load_state_dict(tensors)
    return network
