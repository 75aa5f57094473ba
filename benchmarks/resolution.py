"""Scaling rules of rotary positions at untrained sizes: caption retrieval and similarity to real pictures.

``python -m benchmarks.resolution [--weights emoji] [--prompts 16] [--shapes 2x 4x 1:4] [--device cpu|cuda]``
"""

from __future__ import annotations

import argparse
import time
from itertools import product
from pathlib import Path
from typing import get_args

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from benchmarks.quality import Judge, Quality, comparison, rounded, table
from benchmarks.report import machine, save
from benchmarks.subject import Trained, add_options
from lumina.backbone.rope import Rule
from lumina.generation.how import How
from lumina.pictures.sheet import contact_sheet
from lumina.randomness import Purpose, keyed_generator

SHAPES = {"2x": (2, 2), "4x": (4, 4), "1:4": (1, 4)}
"""Multiples of the trained height and width."""

CROPS = 4
SHOWN = 6  # prompts in the grids
MEASURES = ("cosine", "recall_10", "frechet", "crop_cosine", "crop_recall_10")
COMPARED = MEASURES[:3]  # of crops, more is not better: a motif repeated reads better than the part of a large one


class Resolution:
    """One run.

    Args:
        options: of the command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.start = time.perf_counter()
        self.subject, self.output = Trained(options), options.output
        self.judge = Judge(self.subject.data, self.subject.captions, self.subject.device, options.cache)
        self.sampler = How(steps=options.steps).sampler(self.subject.objective.sampler, self.subject.modality)

    def anchors(self) -> dict[str, Quality]:
        """What to compare with: real pictures, also enlarged, and the model at its trained size."""
        real = self.subject.pictures
        found: dict[str, Quality] = {
            "real": {**self.judge.whole(real), **self.judge.held_out()},
            "real, with the captions of others": self.judge.mismatched(real),
            "the model at its trained size": self.judge.whole(self.subject.draw(self.sampler).pictures),
        }
        for shape, (high, wide) in SHAPES.items():
            if high == wide:
                enlarged = F.interpolate(real, scale_factor=high, mode="bicubic", antialias=True)
                found[f"real, enlarged {shape}"] = self.judge.crops(self._crops(enlarged))
        return found

    def run(self, shape: str) -> dict[str, Quality]:
        """All rules at one shape; draws the grid."""
        height, width = (side * times for side, times in zip(self.subject.size, SHAPES[shape], strict=True))
        rows: dict[str, Quality] = {}
        shown: dict[str, Tensor] = {}
        for rule, proportional in product(get_args(Rule), (False, True)):
            name = f"{rule}, proportional" if proportional else rule
            inference = How(rope=rule, proportional_attention=proportional).inference(self.subject.module)
            pictures = self.subject.draw(self.sampler, (height, width), inference).pictures
            small = F.interpolate(pictures, self.subject.size, mode="area")
            rows[name] = {**self.judge.whole(small), **self.judge.crops(self._crops(pictures))}
            shown[name] = contact_sheet(list(pictures[:SHOWN]), columns=SHOWN)
            print(f"[{time.perf_counter() - self.start:4.0f} s] {shape} {name}", flush=True)
        draw_grid(shown, self.output / f"resolution_{shape.replace(':', '_')}.jpg")
        return rows

    def _crops(self, pictures: Tensor) -> Tensor:
        """``[N, K, 3, H, W]`` of the trained size, at random places that are the same for all rules."""
        height, width = self.subject.size
        generator = keyed_generator(Purpose.CHOICE)
        rows, columns = (
            torch.randint(large - small + 1, (len(pictures), CROPS), generator=generator)
            for large, small in zip(pictures.shape[-2:], (height, width), strict=True)
        )
        return torch.stack(
            [
                torch.stack([picture[:, row : row + height, column : column + width] for row, column in places])
                for picture, places in zip(pictures, torch.stack((rows, columns), -1).tolist(), strict=True)
            ]
        )


def verdict(rows: dict[str, Quality]) -> list[str]:
    """For each measure of the whole picture: the best rule and those not distinguishable from it."""
    return [comparison(rows, measure) for measure in COMPARED]


def draw_grid(sheets: dict[str, Tensor], path: Path) -> None:
    """Draws a grid with one row per rule and one column per prompt."""
    height, width = next(iter(sheets.values())).shape[1:]
    figure = Figure(figsize=(10, 10 * len(sheets) * height / width), layout="constrained")
    for axes, (name, sheet) in zip(figure.subplots(len(sheets), 1), sheets.items(), strict=True):
        axes.imshow(sheet.permute(1, 2, 0).numpy())
        axes.set(xticks=[], yticks=[])
        axes.set_ylabel(name.replace(", ", ",\n"), rotation=0, ha="right", va="center", fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=60)


def markdown(anchors: dict[str, Quality], rows: dict[str, dict[str, Quality]]) -> str:
    """Tables and verdicts."""
    parts = [table(anchors, MEASURES, "to compare with")]
    for shape, found in rows.items():
        parts.append(f"{shape}\n\n{table(found, MEASURES, 'rule')}")
        parts.append("\n".join(f"* {line}" for line in verdict(found)))
    return "\n\n".join(parts)


def main() -> None:
    """Parses the command line, runs, prints the tables and writes the files."""
    parser = argparse.ArgumentParser("python -m benchmarks.resolution", description="Rules of rotary positions.")
    add_options(parser, prompts=16)
    parser.add_argument("--steps", type=int, help="of the model's own sampler (default: as many as it takes itself)")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES), help="default: 2x 4x 1:4")
    options = parser.parse_args()
    benchmark = Resolution(options)
    described = {**machine(benchmark.subject.device), "weights": options.weights, **benchmark.subject.described()}
    described |= {"steps": benchmark.sampler.steps, "components of FD-lite0": benchmark.judge.components}
    anchors = benchmark.anchors()
    rows = {shape: benchmark.run(shape) for shape in options.shapes}
    print(f"\n{', '.join(f'{key} {value}' for key, value in described.items())}\n\n{markdown(anchors, rows)}")
    document = {
        "about": described,
        "anchors": rounded(anchors),
        "rows": {shape: rounded(found) for shape, found in rows.items()},
        "verdicts": {shape: verdict(found) for shape, found in rows.items()},
    }
    save(document, options.output / "resolution.json")


if __name__ == "__main__":
    main()
