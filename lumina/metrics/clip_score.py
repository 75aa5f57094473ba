"""CLIP score; needs a local copy of CLIP's weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lumina.errors import importing
from lumina.frozen.network import Frozen
from lumina.metrics.robust import RobustMetric
from lumina.pictures.sheet import as_rgb, to_uint8
from lumina.values import Batch

FILES = "config.json, model.safetensors, preprocessor_config.json, tokenizer.json, vocab.json, merges.txt"


class ClipScore(RobustMetric):
    """``clip_score``: 100 times the mean cosine of pictures and captions in CLIP's space (Hessel et al., 2021).

    Clipped at 0, as in torchmetrics (whose CLIPScore, in 1.9, does not run with transformers 5). Captions are truncated
    to CLIP's 77 tokens. Published numbers depend on the model: most use ``openai/clip-vit-large-patch14`` or
    ``openai/clip-vit-base-patch16``. A picture with NaN or infinity counts as a cosine of 0.

    Args:
        path: folder of a CLIP model in Hugging Face's format, or its model id.
        key: field of the captions.
    """

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, path: str, key: str = "caption") -> None:
        super().__init__()
        self.path, self.key = path, key
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self._network = Frozen(self._load)
        self._processor: Any = None

    @torch.no_grad()
    def update(self, generated: Tensor | Sequence[Tensor], batch: Batch) -> None:
        """Adds pictures in [-1, 1], ``[B, 3, H, W]`` or a list of ``[3, H, W]``, generated from ``batch[key]``.

        Raises:
            FileNotFoundError: CLIP is neither a local folder nor available from the hub.
            ImportError: transformers is not installed.
        """
        network = self._network.on(self.device)
        inputs = self._processor(
            text=list(batch[self.key]),
            images=[to_uint8(as_rgb(image)).cpu() for image in generated],
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=network.config.text_config.max_position_embeddings,
        ).to(self.device)
        with torch.autocast(self.device.type, enabled=False):
            output = network(**inputs)
        self.total += (output.image_embeds * output.text_embeds).sum(1).double().sum()
        self.count += len(output.image_embeds)

    def results(self) -> dict[str, float]:
        """``clip_score``, averaged over all pictures."""
        return {"clip_score": max(100 * (self.total / (self.count + self.missed)).item(), 0.0)}

    def _load(self) -> Any:
        with importing("transformers", "the CLIP score"):
            from transformers import CLIPModel, CLIPProcessor
        try:
            self._processor = CLIPProcessor.from_pretrained(self.path)
            return CLIPModel.from_pretrained(self.path)
        except (OSError, ValueError) as error:  # ValueError: neither a folder nor a valid id
            raise FileNotFoundError(
                f"CLIP {self.path} cannot be read from a folder or the Hugging Face hub: download {FILES} of "
                "openai/clip-vit-large-patch14 into one folder, and set path to that folder."
            ) from error
