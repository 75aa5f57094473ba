"""Figure 3: the magnitude of activations after each block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lumina.analysis.figures import COLOURS, drawn, model_names, plain_log, write_table
from lumina.analysis.subject import Subject, watched
from lumina.backbone import NextDiT
from lumina.values import Conditioning, Tokens


def analyze(
    weights: list[str],
    names: list[str] | None = None,
    times: tuple[float, ...] = (0.1, 0.5, 0.9),
    count: int = 64,
    batch_size: int = 16,
    prompt: list[str] | None = None,
    seed: int = 0,
    device: str = "auto",
    output: Path = Path("analysis/activations.png"),
) -> None:
    """Draws mean and largest absolute activation after each block, with and without sandwich norms (figure 3).

    The states are taken from each model's own sampling path from noise to data.

    Args:
        weights: models in any form that `lumina sample` accepts; each gets a colour.
        names: names in the legend; None = names of the runs.
        times: increasing flow times, 0 = noise.
        count: number of samples; the paper uses 500.
        batch_size: samples per batch.
        prompt: texts for models that take text, used in turn.
        seed: of noise and conditions.
        device: auto (a GPU if there is one), cpu, cuda, cuda:1, ...
        output: the PNG; a CSV of the same name is written beside it.
    """
    results: dict[str, Tensor] = {}
    for name, source in zip(model_names(weights, names), weights, strict=True):
        results[name] = over_samples(Subject.load(source, device), times, count, batch_size, prompt, seed)
    draw(results, times, output)
    rows = (
        (name, t, block, *map(float, pair))
        for name, values in results.items()
        for t, blocks in zip(times, values, strict=True)
        for block, pair in enumerate(blocks)
    )
    write_table(output, ["model", "t", "block", "mean_absolute", "max_absolute"], rows)


def over_samples(
    subject: Subject, times: Sequence[float], count: int, batch_size: int, prompts: Sequence[str] | None, seed: int
) -> Tensor:
    """`magnitudes` over many samples at several times of the sampling path.

    Returns:
        ``[T, layers + 1, 2]``: mean and maximum over all samples.
    """
    means, peaks = [], []
    for draw in subject.draws(count, batch_size, prompts, seed):
        for t, x in zip(times, subject.states(draw, times), strict=True):
            when = torch.full((len(x),), t, device=x.device)
            mean, peak = magnitudes(subject.module.backbone, draw.tokens.with_features(x), when, draw.cond).unbind(-1)
            means.append(mean * len(x) / count)
            peaks.append(peak)
    by_time = (torch.stack(part).unflatten(0, (-1, len(times))) for part in (means, peaks))
    return torch.stack((next(by_time).sum(0), next(by_time).amax(0)), -1)


@torch.no_grad()
def magnitudes(backbone: NextDiT, tokens: Tokens, t: Tensor, cond: Conditioning) -> Tensor:
    """Absolute values of the residual stream before the first block and after each block.

    Args:
        backbone: the network.
        tokens: the batch.
        t: ``[B]``.
        cond: the conditions.

    Returns:
        ``[layers + 1, 2]``: mean and maximum over samples, tokens and channels.
    """

    def look(_: nn.Module, given: dict[str, Any], output: Tensor) -> Tensor:
        return torch.stack([_size(given["x"]), _size(output)])

    with watched(backbone.layers, look) as seen:
        backbone.features(tokens, t, cond)
    return torch.stack([seen[0][0], *(after for _, after in seen)]).cpu()


def draw(results: Mapping[str, Tensor], times: Sequence[float], output: Path) -> None:
    """Plots the mean on the left and the maximum on the right; colours mark models, shades mark times.

    Args:
        results: ``[T, layers + 1, 2]`` for each model.
        times: T flow times.
        output: the PNG.
    """
    with drawn(output, 7.2, 3.0) as figure:
        panels = figure.subplots(1, 2)
        shades = torch.linspace(0.35, 1.0, len(times)).tolist() if len(times) > 1 else [1.0]
        for panel, column, title in ((panels[0], 0, "mean"), (panels[1], 1, "largest")):
            for (name, values), colour in zip(results.items(), COLOURS, strict=False):
                for shade, line in zip(shades, values[..., column], strict=True):
                    style = {"color": colour, "alpha": shade, "markersize": 3}
                    panel.plot(line, "-o", label=name if shade == shades[-1] else None, **style)
            panel.set(xlabel="after block (0 = input)", ylabel=f"{title} absolute activation", yscale="log")
            plain_log(panel.yaxis)
            panel.xaxis.get_major_locator().set_params(integer=True)
        for t, shade in zip(times, shades, strict=True):
            panels[1].plot([], [], color="black", alpha=shade, label=f"t = {t:g}")
        panels[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _size(x: Tensor) -> Tensor:
    return torch.stack((x.abs().mean(), x.abs().max())).double()
