"""From requests to the conditions of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from lumina.conditioning.label import LabelConditioner
from lumina.conditioning.regions import compose
from lumina.conditioning.text import TextConditioner
from lumina.generation.requests import Request
from lumina.interfaces import Conditioner, Modality
from lumina.module import LuminaModule
from lumina.values import Batch, Conditioning, Tokens


def check(module: LuminaModule, text: bool, negative: bool, label: bool) -> None:
    """Refuses what the model does not know, and the lack of what it needs.

    Args:
        module: the model.
        text: whether there are prompts.
        negative: whether there is a text to stay away from.
        label: whether classes were asked for.

    Raises:
        ValueError: saying what the model was trained with.
    """
    keys = " and ".join(repr(conditioner.key) for conditioner in module.conditioners)
    trained = f"this model was trained with {keys or 'no conditions'}"
    for conditioner in module.conditioners:
        if not isinstance(conditioner, (LabelConditioner, TextConditioner)):
            raise ValueError(f"{trained}, and `lumina sample` has no option for {conditioner.key!r}.")
    if (text or negative) and not _has(module, TextConditioner):
        raise ValueError(f"{'--prompt' if text else '--negative'} was given, but {trained}, so it reads no text.")
    if label and not _has(module, LabelConditioner):
        raise ValueError(f"--label was given, but {trained}, so it knows no classes.")
    if not text and _has(module, TextConditioner):
        raise ValueError(f"{trained}: say what to draw with --prompt or --prompts.")


def check_canvas(modality: Modality, requests: Sequence[Request]) -> None:
    """Refuses a wish for a canvas that the modality does not lay out.

    Raises:
        ValueError: naming the wish and the modality.
    """
    for wish in dict.fromkeys(name for request in requests for name in request.canvas):
        if wish not in modality.requests:
            raise ValueError(f"{wish} was given, but this model is of {type(modality).__name__}: leave it out.")


def classes(module: LuminaModule) -> list[str]:
    """Names of the classes in the order of their numbers, or the numbers; none where the model knows no classes."""
    labelled = next((part for part in module.conditioners if isinstance(part, LabelConditioner)), None)
    if labelled is None:
        return []
    return labelled.classes or [str(number) for number in range(labelled.num_classes or 0)]


def conditions(
    module: LuminaModule, requests: Sequence[Request], tokens: Tokens, grid: tuple[int, int] | None
) -> tuple[Conditioning, Conditioning]:
    """Conditions and null conditions of a batch.

    Args:
        module: the model, on the device of the tokens.
        requests: B of them.
        tokens: the canvas of B samples.
        grid: rows and columns of the regions that the prompts of a request are for; None = one prompt for all.
    """
    count, device = len(requests), tokens.features.device

    def told(texts: Sequence[str], keep: bool = True) -> Conditioning:
        return module.conditioners.conditions(fields(module, requests, texts, device), count, device, keep)

    negative = [request.negative for request in requests]
    parts = [told(texts) for texts in zip(*(request.prompts for request in requests), strict=True)] or [told(())]
    null = told(negative, keep=any(negative))
    return parts[0] if grid is None else compose(parts, tokens, grid), null


def fields(module: LuminaModule, requests: Sequence[Request], texts: Sequence[str], device: torch.device) -> Batch:
    """What a batch holds for the conditioners.

    Args:
        module: the model.
        requests: B of them, for their labels.
        texts: B prompts.
        device: of the tensors.
    """
    return {conditioner.key: _field(conditioner, requests, texts, device) for conditioner in module.conditioners}


def _field(conditioner: Conditioner, requests: Sequence[Request], texts: Sequence[str], device: torch.device) -> Any:
    if isinstance(conditioner, LabelConditioner):
        labels = torch.tensor([request.label for request in requests])
        conditioner.check(labels)
        return labels.to(device)
    return list(texts)


def _has(module: LuminaModule, kind: type[Conditioner]) -> bool:
    return any(isinstance(conditioner, kind) for conditioner in module.conditioners)
