"""Figure 12(b): time of one evaluation over resolution, with and without context drop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from statistics import mean
from typing import Any, Literal

import torch

from lumina.analysis.cost import Cost, costs
from lumina.analysis.figures import COLOURS, drawn, plain_log, write_table
from lumina.analysis.subject import Subject
from lumina.backbone import NextDiT, NextDiTConfig
from lumina.config.device import choose_device
from lumina.values import Conditioning, ContextDrop, Tokens

TEXT_TOKENS = 128  # text length for random weights that take text
TOKEN_DIM = 16  # token width of random weights: four channels in 2x2 patches


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A network to be timed.

    Attributes:
        backbone: the network.
        cond: conditions of one picture.
        canvas: maps a side in pixels to the tokens of one empty picture.
    """

    backbone: NextDiT
    cond: Conditioning
    canvas: Callable[[int], Tokens]


def analyze(
    weights: str | None = None,
    backbone: NextDiTConfig | None = None,
    context_drop: ContextDrop | None = None,
    sizes: tuple[int, ...] = (256, 512, 768, 1024),
    cell: int = 16,
    times: tuple[float, ...] = (0.125, 0.375, 0.625, 0.875),
    rounds: int = 5,
    prompt: list[str] | None = None,
    dtype: Literal["float32", "bfloat16"] = "float32",
    device: str = "auto",
    output: Path = Path("analysis/time.png"),
) -> None:
    """Draws the time of one evaluation of a square picture, with and without context drop (figure 12(b)).

    Each round runs every variant once; the figure shows medians.

    Args:
        weights: a model in any form that `lumina sample` accepts; None = random weights.
        backbone: architecture of the random weights, which take as long as trained ones; None = width 384, 12 blocks.
        context_drop: options of context drop; None = the default method.
        sizes: sides of the pictures in pixels.
        cell: pixels along the side of a token; for random weights.
        times: flow times of the evaluations with context drop; the figure shows their mean and range.
        rounds: evaluations of each variant.
        prompt: text for a model that takes text.
        dtype: of weights and activations.
        device: auto (a GPU if there is one), cpu, cuda, cuda:1, ...
        output: the PNG; a CSV of the same name is written beside it.
    """
    precision: torch.dtype = getattr(torch, dtype)
    chosen = choose_device(device)
    case = _trained(weights, prompt, device) if weights else _random(backbone, cell, chosen)
    network, cond = case.backbone.eval().to(precision), _cast(case.cond, precision)
    results: list[Cost] = []
    for size in sizes:
        tokens = case.canvas(size)
        tokens = tokens.with_features(torch.randn_like(tokens.features).to(precision)).to(chosen)
        results += costs(network, tokens, cond, context_drop or ContextDrop(), times, rounds, size)
        print(f"  {size} x {size} pixels, {results[-1].tokens} tokens: {results[-1 - len(times)].milliseconds:.1f} ms")
    draw(results, output)
    rows = (["" if value is None else value for value in astuple(cost)] for cost in results)
    write_table(output, [field.name for field in fields(Cost)], rows)


def draw(results: Sequence[Cost], output: Path) -> None:
    """Plots time over size on the left and the speed-up by context drop, measured and predicted, on the right.

    Args:
        results: costs at every size.
        output: the PNG.
    """
    sizes = sorted({cost.size for cost in results})
    plain = {cost.size: cost for cost in results if not cost.context_drop}
    dropped = {size: [cost for cost in results if cost.context_drop and cost.size == size] for size in sizes}
    with drawn(output, 7.2, 3.0) as figure:
        left, right = figure.subplots(1, 2)
        times = [[cost.milliseconds for cost in dropped[size]] for size in sizes]
        left.plot(
            sizes, [plain[size].milliseconds for size in sizes], "-o", color=COLOURS[0], markersize=4, label="without"
        )
        left.plot(sizes, [mean(row) for row in times], "-o", color=COLOURS[1], markersize=4, label="with context drop")
        left.fill_between(sizes, [min(row) for row in times], [max(row) for row in times], color=COLOURS[1], alpha=0.2)
        left.set(ylabel="time per evaluation (ms)", yscale="log")
        plain_log(left.yaxis)
        for label, colour, cost_of in (("measured", COLOURS[1], _time), ("operations", "0.5", _operations)):
            ratios = [cost_of(plain[size]) / mean(map(cost_of, dropped[size])) for size in sizes]
            right.plot(sizes, ratios, "-o", color=colour, markersize=4, label=label)
        right.axhline(1, color="0.4", linewidth=0.8, linestyle=":")
        right.set(ylabel="speed-up by context drop")
        for panel in (left, right):
            _sides(panel, sizes)


def _sides(axes: Any, sizes: Sequence[int]) -> None:
    axes.set(xlabel="picture (pixels)", xscale="log")
    axes.set_xticks(sizes, [f"{size}²" for size in sizes])
    axes.minorticks_off()
    axes.legend()


def _time(cost: Cost) -> float:
    return cost.milliseconds


def _operations(cost: Cost) -> float:
    return cost.attention_gflop + cost.linear_gflop


def _trained(weights: str, prompt: list[str] | None, device: str) -> Case:
    subject = Subject.load(weights, device)
    cond = next(subject.draws(1, 1, prompt)).cond
    layout = subject.module.modality.layout
    return Case(backbone=subject.module.backbone, cond=cond, canvas=lambda size: layout(1, {"size": (size, size)}))


def _cast(cond: Conditioning, dtype: torch.dtype) -> Conditioning:
    floating = {name: getattr(cond, name) for name in ("cross", "pooled", "grouped")}
    return replace(cond, **{name: value.to(dtype) for name, value in floating.items() if value is not None})


def _random(config: NextDiTConfig | None, cell: int, device: torch.device) -> Case:
    config = config or NextDiTConfig(dim=384, num_layers=12, num_heads=6)
    config = replace(config, token_dim=config.token_dim or TOKEN_DIM, position_axes=2)
    with device:
        backbone = NextDiT(config)
        text = torch.randn(1, TEXT_TOKENS, config.text_dim) if config.text_dim else None

    def canvas(size: int) -> Tokens:
        if size < cell or size % cell:
            raise ValueError(f"size={size} must be a multiple of cell={cell}, the side of a token in pixels.")
        side = torch.arange(size // cell)
        return Tokens(
            features=torch.zeros(1, len(side) ** 2, config.token_dim or 0),
            positions=torch.cartesian_prod(side, side)[None],
        )

    return Case(backbone=backbone, cond=Conditioning(cross=text), canvas=canvas)
