"""Exports a recognition model as one file that runs without this package: a `torch.export` program."""

from __future__ import annotations

import json
from pathlib import Path

import torch
import yaml
from torch import Tensor, nn
from torch.export import Dim

from lumina.checkpoints.export import plain_arguments
from lumina.module import LuminaModule

PROGRAM, ARGUMENTS, CLASSES = "model.pt2", "model.yaml", "classes.json"
TOLERANCE = 1e-4


class Recogniser(nn.Module):
    """Computes class probabilities from data; the function to export.

    Args:
        module: in evaluation mode.
    """

    def __init__(self, module: LuminaModule) -> None:
        super().__init__()
        self.module = module
        (self.key,) = module.modality.batch_keys

    def forward(self, data: Tensor) -> Tensor:
        """Class probabilities ``[B, K]`` of ``data [B, C, H, W]`` in [-1, 1]; both sides have two patches or more."""
        batch = {self.key: data}
        logits: Tensor = self.module.outputs(self.module.tokens(batch), batch)
        return logits.softmax(1)


def save_program(module: LuminaModule, folder: Path) -> float:
    """Exports a recognition model for any batch size and pictures of at least two patches per side, and verifies it.

    ``torch.export.load("model.pt2").module()`` returns the function. The file also contains the class names in the
    order of the probabilities (``classes.json``) and the model's arguments (``model.yaml``), which
    ``torch.export.load(path, extra_files=...)`` reads.

    Args:
        module: in evaluation mode.
        folder: the output folder.

    Returns:
        The largest difference of a probability, at a batch size and picture shape other than those of the export.

    Raises:
        ValueError: the model does not output logits, or the program's results differ from those of the model.
    """
    if module.modality.decodes is not Tensor:
        raise ValueError(
            f"--to program writes recognition models; the objective {type(module.objective).__name__} of this one "
            "samples in many steps."
        )
    recogniser = Recogniser(module)
    sides = {axis: Dim.AUTO for axis in (0, 2, 3)}
    with torch.no_grad():
        program = torch.export.export(recogniser, (_data(recogniser, 2),), dynamic_shapes=(sides,))
        data = torch.cat([_data(recogniser, 3)] * 2, -1)
        difference = float((program.module()(data) - recogniser(data)).abs().max())
    if not difference <= TOLERANCE:
        raise ValueError(f"the exported program is {difference:.1e} off the model; {TOLERANCE:.0e} is allowed.")
    folder.mkdir(parents=True, exist_ok=True)
    arguments = yaml.safe_dump(plain_arguments(module), sort_keys=False, allow_unicode=True)
    classes = json.dumps(module.modality.classes, ensure_ascii=False)
    torch.export.save(program, folder / PROGRAM, extra_files={ARGUMENTS: arguments, CLASSES: classes})
    return difference


def _data(recogniser: Recogniser, count: int) -> Tensor:
    weight = next(recogniser.parameters())
    data: Tensor = recogniser.module.modality.example_batch(count)[recogniser.key]
    return data.to(weight.device, weight.dtype)
