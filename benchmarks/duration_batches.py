"""Training on sounds of their own lengths, in batches of one length or of many, against padding each to ten seconds.

``python -m benchmarks.duration_batches [--sources PATH ...] [--size NAME] [--device cpu|cuda] [--output FILE.json]``

All sides train one and the same model on the same durations, those in the headers of ``--sources``, or made-up ones
(log-normal, median 3.3 s, spread 0.8). A step is forward, backward and AdamW on random latents. A sound of more than
ten seconds is cut there on every side. Each round runs one step of every side; the order turns.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.audio_backbone import CHANNELS, SIZES, Size
from benchmarks.report import machine, save
from benchmarks.timing import milliseconds
from lumina.audio.lengths import Grid, grid_lengths, sound_lengths
from lumina.audio.reading import FIELDS, SUFFIXES
from lumina.backbone import NextDiT
from lumina.config.device import choose_device
from lumina.data.buckets import BucketSampler
from lumina.data.sampler import RankSampler
from lumina.data.sources import Wanted, open_sources
from lumina.objectives.flow_matching import FlowMatching
from lumina.values import Conditioning, Tokens

RATE, CELL, SECONDS = 16_000, 512, 10.0
MADE_UP = 4000

Batches = Sequence[Tensor]
"""Of each batch the tokens of its samples, ``[B]`` int64."""


def durations(sources: list[Path]) -> Tensor:
    """``[N]``, samples of every sound that can be read, at most ten seconds; without sources made-up ones."""
    if sources:
        found = open_sources(sources, Wanted(suffixes=SUFFIXES, media=FIELDS, usual=()))
        samples = torch.from_numpy(sound_lengths(found, RATE, None))
    else:
        generator = torch.Generator().manual_seed(0)
        samples = (RATE * torch.exp(1.2 + 0.8 * torch.randn(MADE_UP, generator=generator))).long()
    return samples[samples > 0].clamp(max=round(RATE * SECONDS))


def sides(samples: Tensor, batch: int, fineness: int) -> dict[str, Batches]:
    """The batches of an epoch on each side, by its name."""
    grid = Grid(grid_lengths(RATE, SECONDS, fineness, CELL), CELL)
    numbers = torch.from_numpy(grid.of_all(samples.numpy()))
    tokens = torch.tensor(grid.lengths)[numbers] // CELL
    one_length = BucketSampler(numbers, batch, train=True).plan(0).view(-1, batch)
    order = RankSampler(len(samples), batch, train=True).plan(0)
    any_length = order[: len(order) // batch * batch].view(-1, batch)
    longest = grid.lengths[-1] // CELL
    return {
        "padded to 10 s": [torch.full((batch,), longest) for _ in any_length],
        "one length in a batch": [tokens[members] for members in one_length],
        "any lengths in a batch": [tokens[members] for members in any_length],
    }


def padding(samples: Tensor, fineness: int) -> dict[str, float]:
    """The share of silence among the tokens of all samples: brought to ten seconds, and to their own lengths."""
    grid = Grid(grid_lengths(RATE, SECONDS, fineness, CELL), CELL)
    sizes = torch.tensor(grid.lengths)[torch.from_numpy(grid.of_all(samples.numpy()))]
    heard = float(torch.minimum(samples, sizes).sum())
    return {"10 s": 1 - heard / (len(samples) * grid.lengths[-1]), "own": 1 - heard / float(sizes.sum())}


class Training:
    """A step of one model.

    Args:
        size: of the model.
        device: where to train, under bfloat16 autocast on a GPU.
    """

    def __init__(self, size: Size, device: torch.device) -> None:
        self.size, self.device = size, device
        self.model = NextDiT(size.config).to(device).train()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, fused=device.type == "cuda")
        self.objective = FlowMatching()
        self.generator = torch.Generator(device).manual_seed(0)

    def batch(self, tokens: Tensor) -> tuple[Tokens, Conditioning]:
        """Random latents of so many tokens, and a text."""
        counts = tokens.tolist()
        features = [torch.randn(count, CHANNELS, device=self.device) for count in counts]
        places = [torch.arange(count, device=self.device)[:, None] for count in counts]
        text = torch.randn(len(counts), self.size.text_tokens, self.size.text_dim, device=self.device)
        return Tokens.padded(features, places), Conditioning(cross=text)

    def step(self, batch: tuple[Tokens, Conditioning]) -> None:
        """One optimizer step."""
        bfloat16 = self.device.type == "cuda"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bfloat16):
            loss = self.objective.loss(self.model, *batch, {}, self.generator)["loss"]
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def measured(size: Size, batches: dict[str, Batches], rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Milliseconds of the steps of each side, spread evenly over its epoch."""
    training, names = Training(size, device), list(batches)
    times: dict[str, list[float]] = {name: [] for name in names}
    for name in names:
        training.step(training.batch(batches[name][0]))
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            own = batches[name]
            made = training.batch(own[number * len(own) // rounds])
            times[name].append(milliseconds(partial(training.step, made), device))
    return times


def run(
    sources: list[Path], size: Size, batch: int, rounds: int, device: torch.device, fineness: int = 8
) -> dict[str, Any]:
    """The whole comparison as a JSON document."""
    samples = durations(sources)
    batches = sides(samples, batch, fineness)
    rounds = min(rounds, *(len(own) for own in batches.values()))
    times = measured(size, batches, rounds, device)
    whole = sum(times["padded to 10 s"])
    seconds = samples.double() / RATE
    return {
        "machine": machine(device),
        "sounds": len(samples),
        "seconds": {"median": float(seconds.median()), "mean": float(seconds.mean())},
        "batch": batch,
        "steps": rounds,
        "padding": padding(samples, fineness),
        "sides": {
            name: {"ms": sum(own) / rounds, "speed_up": whole / sum(own), "steps_ms": [round(t, 2) for t in own]}
            for name, own in times.items()
        },
    }


def told(result: dict[str, Any]) -> str:
    """A table of the result."""
    facts = f"{result['sounds']:,} sounds, {result['seconds']['mean']:.2f} s on average; batches of {result['batch']}"
    rows = [f"{facts}, {result['steps']} steps", "", "| batches | padding | ms a step | faster |", "|---|---|---|---|"]
    for name, side in result["sides"].items():
        share = result["padding"]["10 s" if "10 s" in name else "own"]
        rows.append(f"| {name} | {share:.1%} | {side['ms']:.1f} | {side['speed_up']:.2f}x |")
    return "\n".join(rows)


def main() -> None:
    """Parses the command line, runs, prints the table and writes the JSON document."""
    parser = argparse.ArgumentParser("python -m benchmarks.duration_batches", description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=Path, nargs="+", default=[], help="sounds (default: made-up durations)")
    parser.add_argument("--size", choices=SIZES, default="small", help="of the model (default: small)")
    parser.add_argument("--batch", type=int, default=8, help="samples in a batch (default: 8)")
    parser.add_argument("--steps", type=int, default=40, help="at most so many of each side (default: 40)")
    parser.add_argument("--fineness", type=int, default=8, help="lengths from one to twice that (default: 8)")
    parser.add_argument("--device", default="cpu", help="where to run (default: cpu)")
    parser.add_argument("--output", type=Path, help="default: benchmarks/results/duration_batches_DEVICE.json")
    options = parser.parse_args()
    torch.manual_seed(0)
    device = choose_device(options.device)
    result = run(options.sources, SIZES[options.size], options.batch, options.steps, device, options.fineness)
    print(told(result))
    output = options.output or Path(__file__).parent / f"results/duration_batches_{device.type}.json"
    save(result, output)


if __name__ == "__main__":
    main()
