"""Folders of tiny vocoders with random weights, of the classes and in the forms that published ones have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

BIGVGAN: dict[str, Any] = {
    "resblock": 1,  # as YAML reads it
    "num_mels": 80,
    "n_fft": 1024,
    "hop_size": 256,
    "win_size": 1024,
    "sampling_rate": 16_000,
    "fmin": 0,
    "fmax": 8000,
    "upsample_rates": [4, 4, 4, 4],
    "upsample_kernel_sizes": [8, 8, 8, 8],
    "upsample_initial_channel": 16,
    "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1, 3, 5]],
    "activation": "snakebeta",
    "snake_logscale": True,
}


def hifi_gan(folder: Path, **settings: Any) -> Any:
    transformers = pytest.importorskip("transformers")
    sizes = {"upsample_initial_channel": 16, "resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1, 3, 5]]}
    network = transformers.SpeechT5HifiGan(transformers.SpeechT5HifiGanConfig(**{**sizes, **settings}))
    network.save_pretrained(folder)
    return network.eval()


def mm_audio(folder: Path, **settings: Any) -> Any:
    diffusers = pytest.importorskip("diffusers", minversion="0.42")
    sizes = {
        "num_mels": 80,
        "upsample_initial_channel": 16,
        "upsample_rates": (4, 4, 4, 4),
        "upsample_kernel_sizes": (8, 8, 8, 8),
        "resblock_kernel_sizes": (3,),
        "resblock_dilation_sizes": ((1, 3, 5),),
    }
    network = diffusers.MMAudioVocoder(**{**sizes, **settings})
    network.save_pretrained(folder)
    return network.eval()


def make_an_audio_bigvgan(folder: Path, **settings: Any) -> Any:
    bigvgan = pytest.importorskip("bigvgan.bigvgan")
    environment = pytest.importorskip("bigvgan.env")
    told = {**BIGVGAN, **settings}
    network = bigvgan.BigVGAN(environment.AttrDict({**told, "resblock": "1"}))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "args.yml").write_text(yaml.safe_dump({name: told[name] for name in told if told[name] is not ...}))
    torch.save({"generator": network.state_dict(), "steps": 3}, folder / "best_netG.pt")
    return network.eval()


def nvidia_bigvgan(folder: Path, **settings: Any) -> Any:
    bigvgan = pytest.importorskip("bigvgan.bigvgan")
    environment = pytest.importorskip("bigvgan.env")
    told = {**BIGVGAN, "resblock": "1", "use_tanh_at_final": False, "use_bias_at_final": False, **settings}
    network = bigvgan.BigVGAN(environment.AttrDict(told))
    folder.mkdir(parents=True, exist_ok=True)
    network._save_pretrained(folder)
    return network.eval()
