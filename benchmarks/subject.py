"""A text-to-image model with prompts that always samples from the same noise."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datamodules.image_text import ImageText
from lumina.checkpoints.pretrained import load_pretrained
from lumina.module import LuminaModule
from lumina.objectives.generative import Generative
from lumina.randomness import Purpose, keyed_generator
from lumina.sampling.sampler import Sampler
from lumina.values import Conditioning, Inference
from modalities.image import Image

EMOJI = Path(__file__).parents[1] / "datamodules/data/fluent_emoji/train.parquet"
HELD_OUT = EMOJI.with_name("test.parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Samples, one per prompt.

    Attributes:
        latents: ``[N, L, F]``, as the solver leaves them.
        pictures: ``[N, 3, H, W]`` in [-1, 1].
        seconds: that the solver took.
    """

    latents: Tensor
    pictures: Tensor
    seconds: float


class Trained:
    """The model and its prompts.

    Args:
        options: those of `add_options`.

    Raises:
        ValueError: the model makes no pictures, or there are fewer prompts than asked for.

    Attributes:
        data: captioned pictures.
        captions: N of them, the prompts.
        pictures: ``[N, 3, H, W]``, the real ones.
        size: height and width that the model was trained at.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.device, self._batch, self._seed = torch.device(options.device), options.batch_size, options.seed
        self.module: LuminaModule = load_pretrained(options.weights).to(self.device)
        modality, objective = self.module.modality, self.module.objective
        if not isinstance(modality, Image) or not isinstance(objective, Generative):
            raise ValueError(f"{options.weights} makes no pictures; give the weights of a text-to-image model.")
        self.modality, self.objective, self.size = modality, objective, modality.size
        held_out = [HELD_OUT] if options.data == [EMOJI] else None
        self.data = ImageText(
            batch_size=64,
            sources=options.data,
            eval_sources=held_out,
            size=self.size[0],
            cell=modality.cell,
            cache=None,
        )
        samples = self.data.samples(options.split)
        if len(samples) < options.prompts:
            raise ValueError(f"got --prompts {options.prompts}, but the split {options.split} has {len(samples)}.")
        chosen = torch.randperm(len(samples), generator=keyed_generator(Purpose.CHOICE, options.seed))[
            : options.prompts
        ].tolist()
        batch = self.data.collate([samples[index].item for index in chosen])
        self.captions: list[str] = batch["caption"]
        self.pictures: Tensor = batch["image"]
        self._conditions = [self._conditions_of(part) for part in self._parts()]

    def draw(self, sampler: Sampler, size: tuple[int, int] | None = None, inference: Inference | None = None) -> Drawn:
        """Samples every prompt; the noise depends only on the seed, the prompt's number and the size."""
        latents, pictures, seconds = [], [], 0.0
        for number, part in enumerate(self._parts()):
            canvas = self.modality.layout(len(part), {"size": size}).to(self.device)
            shape = canvas.features.shape[1:]
            noise = torch.stack(
                [torch.randn(shape, generator=keyed_generator(Purpose.SAMPLE, self._seed, index)) for index in part]
            )
            start = time.perf_counter()
            options: dict[str, Any] = {"conditions": self._conditions[number], "noise": noise.to(self.device)}
            with torch.no_grad():
                tokens = self.module.outputs(canvas, {}, None, inference, sampler=sampler, **options)
            latents.append(tokens.features.cpu())  # waits for the device
            seconds += time.perf_counter() - start
            with torch.no_grad():
                pictures.append(torch.as_tensor(self.modality.decode(tokens, {})).cpu())
        return Drawn(latents=torch.cat(latents), pictures=torch.cat(pictures), seconds=seconds)

    @torch.no_grad()
    def round_trip(self) -> Tensor:
        """The real pictures through the VAE, as good as the model can be: ``[N, 3, H, W]``."""
        batch = {"image": self.pictures.to(self.device)}
        decoded = self.modality.decode(self.modality.tokenize(self.modality.compress(batch), batch), batch)
        return torch.as_tensor(decoded).cpu()

    def described(self) -> dict[str, Any]:
        """Facts for the report."""
        guidance = self.objective.sampler.guidance
        scale = getattr(guidance, "scale", None)
        return {
            "prompts": len(self.captions),
            "trained size": "x".join(map(str, self.size)),
            "guidance": f"{type(guidance).__name__} {scale}" if guidance else "none",
            "seed": self._seed,
        }

    def _parts(self) -> list[range]:
        count = len(self.captions)
        return [range(start, min(start + self._batch, count)) for start in range(0, count, self._batch)]

    @torch.no_grad()
    def _conditions_of(self, part: range) -> tuple[Conditioning, Conditioning]:
        batch: dict[str, Any] = {"caption": [self.captions[index] for index in part]}
        conditions = self.module.conditioners.conditions
        known = conditions(batch, len(part), self.device)
        return known, conditions(batch, len(part), self.device, keep=False)


def add_options(parser: argparse.ArgumentParser, prompts: int) -> None:
    """Options that the benchmarks of pictures share; ``prompts`` is the default number of prompts."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--weights", default="emoji", help="name of a bundled model, or what `lumina sample` takes")
    parser.add_argument("--data", type=Path, nargs="+", default=[EMOJI], help="captioned pictures (default: the emoji)")
    parser.add_argument("--split", choices=("train", "test"), default="train", help="whose captions (default: train)")
    parser.add_argument("--prompts", type=int, default=prompts, help=f"how many captions (default: {prompts})")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of captions and of the noise")
    parser.add_argument("--batch_size", type=int, default=16, help="samples drawn at once (default: 16)")
    parser.add_argument("--device", default=device, help=f"cpu, cuda, ... (default: {device})")
    parser.add_argument("--cache", type=Path, default=Path("runs/references"), help="keeps the real pictures' features")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results", help="folder for the files")
