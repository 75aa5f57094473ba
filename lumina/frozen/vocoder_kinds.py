"""The architectures of pretrained vocoders: what their folders hold, and how each is built and called."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from lumina.audio.conventions import AUDIO_LDM, CONVENTIONS, MAKE_AN_AUDIO, MM_AUDIO, MM_AUDIO_44K, SPEECH_T5
from lumina.errors import importing
from lumina.files.weights import read_json
from lumina.files.yaml_file import load
from lumina.values import MelConvention

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """An architecture of vocoders.

    Attributes:
        name: for messages.
        weights: names of the file of weights, the first that is there is read.
        bands: setting that holds the number of bands.
        convention: the spectrograms that settings mean; None = they do not say.
        build: settings to a network.
        run: ``(network, mel [B, bands, T]) -> [B, about T * hop]``.
    """

    name: str
    weights: tuple[str, ...]
    bands: str
    convention: Callable[[Settings], MelConvention | None]
    build: Callable[[Settings], Any]
    run: Callable[[Any, Tensor], Tensor]


def read_kind(folder: Path) -> tuple[Kind, dict[str, Any]]:
    """The architecture of a folder, and its settings.

    Raises:
        FileNotFoundError: the folder or its settings are not there.
        ValueError: the settings are damaged, or those of no vocoder.
    """
    if (folder / "args.yml").is_file():
        return MAKE_AN_AUDIO_BIGVGAN, _read_yaml(folder / "args.yml")
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(
            f"{folder} holds no vocoder: expected config.json (transformers' SpeechT5HifiGan, diffusers' "
            "MMAudioVocoder, NVIDIA's BigVGAN) or args.yml (Make-An-Audio's BigVGAN) with the weights beside it"
        )
    settings = read_json(folder / "config.json")
    if settings.get("model_type") == "speecht5_hifigan":
        return HIFI_GAN, settings
    if settings.get("_class_name") == "MMAudioVocoder":
        return MM_AUDIO_VOCODER, settings
    if "upsample_rates" in settings and "num_mels" in settings:
        return NVIDIA_BIGVGAN, settings
    found = settings.get("_class_name") or settings.get("architectures") or settings.get("model_type")
    raise ValueError(
        f"{folder} holds {found or 'something unnamed'}, expected a SpeechT5HifiGan, an MMAudioVocoder or a BigVGAN"
    )


def hop(settings: Settings) -> int:
    """Samples that the network makes of a frame."""
    return math.prod(settings["upsample_rates"])


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        settings = load(path.read_text())
    except Exception as error:  # YAML has many errors
        raise ValueError(f"{path} is damaged ({error}); fetch or copy it again.") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{path} holds a {type(settings).__name__}, expected the settings of a BigVGAN.")
    return settings


def _hifi_gan(settings: Settings) -> Any:
    with importing("transformers", "a HiFi-GAN vocoder"):
        from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig
    return SpeechT5HifiGan(SpeechT5HifiGanConfig.from_dict(dict(settings)))


def _mm_audio(settings: Settings) -> Any:
    with importing("diffusers", "MMAudio's vocoder"):
        from diffusers import MMAudioVocoder
    return MMAudioVocoder.from_config(dict(settings))


def _big_vgan(settings: Settings) -> Any:
    with importing("bigvgan", "a BigVGAN vocoder"):
        from bigvgan.bigvgan import BigVGAN
        from bigvgan.env import AttrDict
    return BigVGAN(AttrDict({**settings, "resblock": str(settings.get("resblock", 1)), "use_cuda_kernel": False}))


def _one_of(*conventions: MelConvention) -> Callable[[Settings], MelConvention | None]:
    """Finds the convention with the same bands and hop and, where the settings have it, rate."""

    def find(settings: Settings) -> MelConvention | None:
        bands = settings.get("model_in_dim", settings.get("num_mels"))
        same = (known for known in conventions if (known.bands, known.hop) == (bands, hop(settings)))
        return next((known for known in same if settings.get("sampling_rate", known.rate) == known.rate), None)

    return find


def _like(model: MelConvention) -> Callable[[Settings], MelConvention | None]:
    """Reads a whole convention from the settings; logarithm and floor are those of ``model``."""

    def find(settings: Settings) -> MelConvention | None:
        try:
            rate, fft = int(settings["sampling_rate"]), int(settings["n_fft"])
            high = rate / 2 if settings["fmax"] is None else float(settings["fmax"])
            convention = replace(
                model,
                name="the vocoder's",
                rate=rate,
                bands=int(settings["num_mels"]),
                fft=fft,
                hop=int(settings["hop_size"]),
                low=float(settings["fmin"]),
                high=high,
            )
            whole = int(settings["win_size"]) == fft
        except (KeyError, TypeError, ValueError):
            return None
        known = (other for other in CONVENTIONS.values() if replace(convention, name=other.name) == other)
        return next(known, convention) if whole else None

    return find


HIFI_GAN = Kind(
    name="SpeechT5HifiGan",
    weights=("model.safetensors", "pytorch_model.bin"),
    bands="model_in_dim",
    convention=_one_of(SPEECH_T5, AUDIO_LDM),
    build=_hifi_gan,
    run=lambda network, mel: network(mel.mT),
)
MM_AUDIO_VOCODER = Kind(
    name="MMAudioVocoder",
    weights=("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"),
    bands="num_mels",
    convention=_one_of(MM_AUDIO, MM_AUDIO_44K),
    build=_mm_audio,
    run=lambda network, mel: network(mel).sample[:, 0],
)
MAKE_AN_AUDIO_BIGVGAN = Kind(
    name="BigVGAN",
    weights=("best_netG.pt",),
    bands="num_mels",
    convention=_like(MAKE_AN_AUDIO),
    build=_big_vgan,
    run=lambda network, mel: network(mel)[:, 0],
)
NVIDIA_BIGVGAN = replace(MAKE_AN_AUDIO_BIGVGAN, weights=("bigvgan_generator.pt",), convention=_like(MM_AUDIO))
