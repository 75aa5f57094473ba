"""A step of each optimizer beside the gradients that it needs, in one run.

``python -m benchmarks.optimizers [--device cpu|cuda] [--size NAME ...] [--output FILE.json]``

All update copies of one backbone by the same gradients. How long a training step takes is the time of the gradients and
that of the update; the last column is this sum over AdamW's.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

from benchmarks.report import facts_of, machine, save
from benchmarks.timing import interleave
from lumina.backbone import NextDiT, NextDiTConfig
from lumina.optimizers.muon import Muon
from lumina.values import Conditioning, Tokens

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
GRADIENTS, PEER, TEXT_TOKENS = "gradients", "torch.optim.AdamW, fused", 8
Step = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Size:
    """A backbone and a batch.

    Attributes:
        dim: width.
        layers: blocks.
        heads: of attention.
        samples: in the batch.
        tokens: of every sample.
    """

    dim: int
    layers: int
    heads: int
    samples: int
    tokens: int

    @property
    def config(self) -> NextDiTConfig:
        """The architecture."""
        return NextDiTConfig(
            dim=self.dim, num_layers=self.layers, num_heads=self.heads, token_dim=16, position_axes=1, text_dim=384
        )


SIZES = {
    "views": Size(dim=256, layers=6, heads=4, samples=12, tokens=144),  # experiments/toy/views.yaml
    "600m": Size(dim=1152, layers=24, heads=24, samples=16, tokens=1024),
    "quick": Size(dim=32, layers=1, heads=2, samples=2, tokens=8),
}


def gradients(model: NextDiT, size: Size, dtype: torch.dtype, device: torch.device) -> Step:
    """Forward and backward pass of a batch; the gradients stay in the parameters."""
    draw = torch.Generator().manual_seed(0)
    features = torch.randn(size.samples, size.tokens, 16, generator=draw).to(device)
    text = torch.randn(size.samples, TEXT_TOKENS, 384, generator=draw).to(device)
    positions = torch.arange(size.tokens, device=device)[None, :, None].expand(size.samples, -1, -1)
    tokens, t = Tokens(features=features, positions=positions), torch.linspace(0.1, 0.9, size.samples, device=device)

    def step() -> None:
        model.zero_grad()
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            output = model.predict(tokens, t, Conditioning(cross=text))
        (output.float() - features).square().mean().backward()

    return step


def update(model: NextDiT, build: Callable[[list[nn.Parameter]], torch.optim.Optimizer]) -> Step:
    """A step of an optimizer on a copy of a model, by the gradients that the model has."""
    own = copy.deepcopy(model)
    for mine, theirs in zip(own.parameters(), model.parameters(), strict=True):
        mine.grad = None if theirs.grad is None else theirs.grad.clone()
    return build([parameter for parameter in own.parameters() if parameter.grad is not None]).step


OPTIMIZERS: Mapping[str, Callable[[list[nn.Parameter]], torch.optim.Optimizer]] = {
    PEER: lambda parameters: torch.optim.AdamW(parameters, 1e-4, fused=True),
    "torch.optim.Muon, matrices alone": lambda parameters: torch.optim.Muon(
        [parameter for parameter in parameters if parameter.ndim == 2], 1e-4
    ),
    "lumina's Muon": lambda parameters: Muon(parameters, 1e-4, fused=True),
}


def measured(size: Size, precision: str, device: torch.device) -> dict[str, Any]:
    """Milliseconds of the gradients and of each update, and a whole step over AdamW's."""
    torch.manual_seed(0)
    model = NextDiT(size.config).to(device)
    with torch.no_grad():
        for parameter in model.parameters():  # nothing is zero at its start, so that all gradients are there
            parameter.add_(0.02 * torch.randn_like(parameter))
    first = gradients(model, size, PRECISIONS[precision], device)
    first()
    steps = {GRADIENTS: first} | {name: update(model, build) for name, build in OPTIMIZERS.items()}
    for step in steps.values():
        step()
    samples = interleave(steps, device)
    whole = {name: [sum(pair) for pair in zip(samples[GRADIENTS], samples[name], strict=True)] for name in OPTIMIZERS}
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "ms": {name: median(times) for name, times in samples.items()},
        "step_over_adamw": {
            name: median(ours / theirs for ours, theirs in zip(times, whole[PEER], strict=True))
            for name, times in whole.items()
        },
    }


def run(names: list[str], device: torch.device) -> dict[str, Any]:
    """All sizes in all precisions of the device, as a JSON document."""
    described = machine(device)
    rows = [
        {"size": name, "precision": precision, **measured(SIZES[name], precision, device)}
        for name in names
        for precision in PRECISIONS
    ]
    return {"machine": described, "rows": rows}


def markdown(result: Mapping[str, Any]) -> str:
    """The table of a result."""
    lines = [
        facts_of(result["machine"]),
        "",
        "| size | precision | | ms | step over AdamW's |",
        "|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        for name, milliseconds in row["ms"].items():
            ratio = f"{row['step_over_adamw'][name]:.2f}" if name in row["step_over_adamw"] else ""
            lines.append(f"| {row['size']} | {row['precision']} | {name} | {milliseconds:.1f} | {ratio} |")
    return "\n".join(lines)


def main() -> None:
    """Parses the command line, runs, prints the table and writes the JSON document."""
    parser = argparse.ArgumentParser("python -m benchmarks.optimizers", description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="where to run (default: cpu)")
    parser.add_argument("--size", choices=SIZES, nargs="+", default=["views"], help="default: views")
    parser.add_argument("--output", type=Path, help="default: benchmarks/results/optimizers_DEVICE.json")
    options = parser.parse_args()
    result = run(options.size, torch.device(options.device))
    print(markdown(result))
    output = options.output or Path(__file__).parent / f"results/optimizers_{options.device}.json"
    save(result, output)


if __name__ == "__main__":
    main()
