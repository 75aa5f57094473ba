"""A text-to-image model without pretrained parts: seeded random weights, letters as text features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.cli import instantiate_module

from lumina.checkpoints.export import save_export
from lumina.config.trust import trusting
from lumina.interfaces import TextEncoder
from lumina.module import LuminaModule


class Letters(TextEncoder):
    """A token a letter, with features that its code decides; the empty text is one token."""

    def __init__(self, dim: int = 8) -> None:
        self.dim = dim

    def encode(self, captions, device):
        return [self._features(f"^{caption}").to(device) for caption in captions]

    def _features(self, text):
        codes = torch.tensor([ord(letter) for letter in text], dtype=torch.float32)[:, None]
        return torch.sin(codes * torch.arange(1, self.dim + 1))


MODEL = {
    "modality": {"class_path": "modalities.image.Image", "init_args": {"size": [8, 8], "channels": 3, "patch_size": 2}},
    "backbone": {"dim": 32, "num_layers": 2, "num_heads": 2, "multiple_of": 16},
    "conditioners": [
        {
            "class_path": "lumina.conditioning.text.TextConditioner",
            "init_args": {"encoder": {"class_path": "tiny_text.Letters"}},
        }
    ],
    "objective": {
        "class_path": "lumina.objectives.flow_matching.FlowMatching",
        "init_args": {
            "sampler": {
                "class_path": "lumina.sampling.sampler.Sampler",
                "init_args": {
                    "schedule": {"class_path": "lumina.sampling.schedules.Sigmoid"},
                    "solver": {"class_path": "lumina.sampling.solvers.Midpoint"},
                    "steps": 2,
                    "guidance": {"class_path": "lumina.sampling.guidance.ClassifierFree", "init_args": {"scale": 3.0}},
                },
            }
        },
    },
}


def text_model(folder: Path, arguments: dict[str, Any] = MODEL) -> Path:
    """An exported model in ``folder``, whose random weights let the prompt be seen in the picture."""
    with trusting():  # `Letters` is a class of the user's own
        module = instantiate_module(LuminaModule, arguments)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    module.save_hyperparameters(arguments)
    save_export(module, folder)
    return folder
