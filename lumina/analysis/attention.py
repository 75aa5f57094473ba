"""Figure 2: attention maps of a query, with rotary positions on one axis and on two."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lumina.analysis.figures import COLOURS, drawn, model_names, write_table
from lumina.analysis.subject import Draw, Subject, watched
from lumina.backbone.rope import rotary_table, rotate
from lumina.values import Tokens

Cell = tuple[int, int]
AXES = {"1-D RoPE": 1, "2-D RoPE": 2}


def analyze(
    weights: list[str] | None = None,
    names: list[str] | None = None,
    queries: list[tuple[int, int]] | None = None,
    grid: tuple[int, int] = (32, 32),
    head_dim: int = 72,
    base: float = 10000.0,
    t: float = 0.5,
    count: int = 16,
    prompt: list[str] | None = None,
    seed: int = 0,
    device: str = "auto",
    output: Path = Path("analysis/attention.png"),
) -> None:
    """Draws the attention of selected queries over a picture's tokens and its decay with distance (figure 2).

    Without models, the figure shows the contribution of the positions: the scores of equal queries and keys under 1-D
    and 2-D RoPE. With models, it shows their attention after softmax, averaged over samples, heads and layers.

    Args:
        weights: models in any form that `lumina sample` accepts, one map each; None = positions only.
        names: names of the models; None = names of the runs.
        queries: (row, column) of each query; None = the centre.
        grid: rows and columns of tokens; without models.
        head_dim: width of a head; without models.
        base: rotary base; without models.
        t: flow time of the models' input, 0 = noise.
        count: number of samples to average over.
        prompt: texts for models that take text, used in turn.
        seed: of noise and conditions.
        device: auto (a GPU if there is one), cpu, cuda, cuda:1, ...
        output: the PNG; a CSV of the same name is written beside it.
    """
    subjects = [Subject.load(source, device) for source in weights or []]
    samples = [next(subject.draws(count, count, prompt, seed)) for subject in subjects]
    grid = _common_grid([batch.tokens for batch in samples]) if weights else grid
    cells = queries or [(grid[0] // 2, grid[1] // 2)]
    maps = (
        {} if weights else {name: positional_scores(grid, axes, head_dim, base, cells) for name, axes in AXES.items()}
    )
    for name, subject, batch in zip(model_names(weights or [], names), subjects, samples, strict=True):
        maps[name] = attention(subject, batch, t, _indices(cells, grid)).mean((0, 1, 2)).unflatten(-1, grid).cpu()
    draw(maps, cells, "attention" if weights else "score", output)
    rows = (
        (name, *query, row, column, float(values[row, column]))
        for name, stack in maps.items()
        for query, values in zip(cells, stack, strict=True)
        for row in range(values.shape[0])
        for column in range(values.shape[1])
    )
    write_table(output, ["model", "query_row", "query_column", "row", "column", "attention"], rows)


def positional_scores(grid: Cell, axes: int, head_dim: int, base: float, queries: Sequence[Cell]) -> Tensor:
    """Attention scores of queries and keys with identical content, which depend on the positions only.

    The score is the mean of ``cos(theta * distance)`` over the frequencies of all axes (Lumina-Next, eq. 3 with q = k).

    Args:
        grid: rows and columns.
        axes: 1 = positions count along the flattened rows; 2 = rows and columns.
        head_dim: width of a head, shared equally by the axes.
        base: rotary base.
        queries: (row, column) of each query.

    Returns:
        ``[Q, rows, columns]``, 1 at the query.

    Raises:
        ValueError: ``head_dim`` is not divisible by twice the number of axes.
    """
    if head_dim % (2 * axes):
        raise ValueError(f"head_dim={head_dim} must be divisible by {2 * axes}, one pair of dimensions per axis.")
    index = torch.arange(grid[0] * grid[1])
    positions = index[:, None] if axes == 1 else torch.stack((index // grid[1], index % grid[1]), -1)
    cos, sin = rotary_table(positions[None], (head_dim // axes,) * axes, base, "concatenated")
    turned = torch.cat((cos, sin), -1)[0, :, 0].double()
    return (turned[_indices(queries, grid)] @ turned.T / (head_dim // 2)).unflatten(-1, grid)


@torch.no_grad()
def attention(subject: Subject, draw: Draw, t: float, queries: Sequence[int]) -> Tensor:
    """Self-attention of a model at time ``t`` of its own sampling path.

    Args:
        subject: the model.
        draw: its samples.
        t: flow time.
        queries: indices of the query tokens.

    Returns:
        ``[layers, B, H, Q, L]`` after softmax. With line tokens (Flag-DiT) a row sums to less than 1, because they
        receive attention too.
    """
    backbone = subject.module.backbone
    (x,) = subject.states(draw, [t])
    layers: Any = list(backbone.layers)
    with (
        watched([layer.attention.q_norm for layer in layers], lambda _, given, output: output) as q,
        watched([layer.attention.k_norm for layer in layers], lambda _, given, output: output) as k,
        watched([layer.attention for layer in layers], lambda _, given, output: given) as calls,
    ):
        backbone.predict(draw.tokens.with_features(x), torch.full((len(x),), t, device=x.device), draw.cond)
    indices = torch.arange(x.shape[1], device=x.device)
    if backbone.line_tokens is not None:
        inserted = x.new_zeros(*x.shape[:2], backbone.config.dim)
        indices = backbone.line_tokens.insert(inserted, draw.tokens)[2][0]
    chosen = indices[torch.as_tensor(queries, device=x.device)]
    return torch.stack([_probabilities(*parts, chosen)[..., indices] for parts in zip(q, k, calls, strict=True)])


def draw(maps: Mapping[str, Tensor], queries: Sequence[Cell], quantity: str, output: Path) -> None:
    """Plots one row per query: the maps of all models and their profiles through the query.

    Args:
        maps: ``[Q, rows, columns]`` for each model.
        queries: (row, column) of each query.
        quantity: label of the mapped values.
        output: the PNG.
    """
    names = list(maps)
    with drawn(output, 2.1 * len(names) + 5.0, 2.5 * len(queries)) as figure:
        ratios = [1.0] * len(names) + [1.5]
        panels = figure.subplots(len(queries), len(names) + 1, squeeze=False, width_ratios=ratios)
        for row, query in enumerate(queries):
            values = {name: maps[name][row] for name in names}
            limits = {"vmin": min(map(torch.min, values.values())), "vmax": max(map(torch.max, values.values()))}
            for panel, (name, value) in zip(panels[row], values.items(), strict=False):
                image = panel.imshow(value.numpy(), cmap="viridis", **limits)
                _map_axes(panel, name, query)
            figure.colorbar(image, ax=panels[row][: len(names)].tolist(), label=quantity, fraction=0.05, pad=0.02)
            _profiles(panels[row][-1], values, query, quantity)


def _map_axes(axes: Any, name: str, query: Cell) -> None:
    axes.plot(query[1], query[0], "x", color="white", markersize=5)
    axes.set(title=name, xlabel="column (tokens)", ylabel="row (tokens)")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True)


def _profiles(axes: Any, values: Mapping[str, Tensor], query: Cell, quantity: str) -> None:
    for (name, value), colour in zip(values.items(), COLOURS, strict=False):
        row, column = value[query[0]], value[:, query[1]]
        axes.plot(torch.arange(len(row)) - query[1], row, color=colour, label=name)
        axes.plot(torch.arange(len(column)) - query[0], column, "--", color=colour)
    axes.plot([], [], "-", color="0.4", label="along the row")
    axes.plot([], [], "--", color="0.4", label="along the column")
    axes.set(xlabel="distance from the query (tokens)", ylabel=quantity)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _probabilities(q: Tensor, k: Tensor, given: Mapping[str, Any], queries: Tensor) -> Tensor:
    """``softmax(q k^T / sqrt(d))`` ``[B, H, Q, L]`` of ``q [B, L, H, d]`` and ``k [B, L, H_kv, d]`` after QK norm."""
    if given["table"] is not None:
        q, k = rotate(q, given["table"]), rotate(k, given["table"])
    scale = given["layout"].query_scale
    q = (q if scale is None else q * scale)[:, queries].transpose(1, 2)
    k = k.repeat_interleave(q.shape[1] // k.shape[2], 2).transpose(1, 2)
    return (q @ k.mT / math.sqrt(q.shape[-1])).float().softmax(-1)


def _common_grid(canvases: Sequence[Tokens]) -> Cell:
    """Rows and columns of the models' token grids.

    Raises:
        ValueError: the tokens do not have two axes, or the models differ in their grids.
    """
    sides = {tuple((tokens.positions[0].amax(0) + 1).tolist()) for tokens in canvases}
    grid = next(iter(sides))
    if len(sides) > 1 or len(grid) != 2:
        raise ValueError(
            f"the models have grids of {sides} tokens; attention maps need the same two-axis grid in all models."
        )
    return int(grid[0]), int(grid[1])


def _indices(queries: Sequence[Cell], grid: Cell) -> list[int]:
    for row, column in queries:
        if not (0 <= row < grid[0] and 0 <= column < grid[1]):
            raise ValueError(f"the query ({row}, {column}) lies outside the grid of {grid[0]} x {grid[1]} tokens.")
    return [row * grid[1] + column for row, column in queries]
