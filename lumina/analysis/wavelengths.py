"""Figure 6(a): wavelength of each rotary dimension under the scaling rules for untrained sizes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lumina.analysis.figures import COLOURS, drawn, write_table
from lumina.backbone.rope import axis_frequencies

RULES = {
    "none": "extrapolation",
    "interpolation": "interpolation",
    "ntk": "NTK-aware",
    "frequency_aware": "frequency-aware",
    "time_aware": "time-aware",
}
FINE = 64  # interpolation points between two dimensions


def analyze(
    base: float = 5.0,
    head_dim: int = 24,
    axes: int = 3,
    length: int = 16,
    scale: float = 2.0,
    times: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0),
    output: Path = Path("analysis/wavelengths.png"),
) -> None:
    """Draws the wavelength of each rotary dimension of one axis, in positions, under each rule (figure 6(a)).

    Args:
        base: rotary base b.
        head_dim: width of a head, shared equally by the axes.
        axes: number of position axes.
        length: trained length of the axis.
        scale: sampled length over trained length.
        times: flow times for the time-aware rule, 0 = noise.
        output: the PNG; a CSV of the same name is written beside it.
    """
    if head_dim % (2 * axes):
        raise ValueError(f"head_dim={head_dim} must be divisible by {2 * axes}, one pair of dimensions per axis.")
    options: dict[str, Any] = {"base": base, "length": length, "scale": scale, "head_dim": head_dim}
    dim = head_dim // axes
    curves = {(rule, t): wavelengths(rule, dim, t=t, **options) for rule, t in _cases(times)}
    draw({case: (curve, _fine(*case, dim, options)) for case, curve in curves.items()}, length, scale, output)
    rows = (
        (RULES[rule], "" if t is None else t, d, 2 * d / dim, 2 * math.pi / float(wave), float(wave))
        for (rule, t), curve in curves.items()
        for d, wave in enumerate(curve)
    )
    write_table(output, ["rule", "t", "dimension", "exponent", "theta", "wavelength"], rows)


def wavelengths(
    rule: str, dim: int, base: float, length: float, scale: float, head_dim: int, t: float | None = None
) -> Tensor:
    """Wavelength ``2 pi / theta_d`` in positions of each rotary dimension d of one axis (Lumina-Next, section 2.2).

    Args:
        rule: a rule of `lumina.backbone.rope`.
        dim: real dimensions of the axis.
        base: b.
        length: trained length.
        scale: s.
        head_dim: width of the whole head.
        t: flow time; only the time-aware rule uses it.

    Returns:
        ``[dim / 2]`` float64.
    """
    return 2 * math.pi / axis_frequencies(rule, dim, base, scale, 1.0 if t is None else t, length, head_dim)


def draw(curves: dict[tuple[str, float | None], tuple[Tensor, Tensor]], length: float, scale: float, out: Path) -> None:
    """Plots the rules without time on the left and the time-aware rule from noise to data on the right.

    Args:
        curves: wavelengths ``[N]`` for each rule and time, and the same interpolated to ``[M]``.
        length: trained length.
        scale: s.
        out: the PNG.
    """
    import matplotlib
    from matplotlib.ticker import ScalarFormatter

    with drawn(out, 7.2, 3.1) as figure:
        left, right = figure.subplots(1, 2, sharey=True)
        for (rule, t), (points, line) in curves.items():
            if t is None:
                _curve(left, points, line, COLOURS[list(RULES).index(rule)], RULES[rule])
                if rule in ("interpolation", "ntk"):
                    _curve(right, points, line, "0.6", RULES[rule], "--")
            else:
                _curve(right, points, line, matplotlib.colormaps["plasma"](0.85 * t), f"t = {t:g}")
        left.set(ylabel="wavelength (positions)", title="rules without time")
        left.set_yscale("log", base=2)
        left.yaxis.set_major_formatter(ScalarFormatter())
        right.set(title="time-aware rule, noise (t = 0) to data (t = 1)")
        for panel in (left, right):
            panel.set(xlabel="rotary dimension d")
            panel.xaxis.get_major_locator().set_params(integer=True)
            for value in (length, length * scale):
                panel.axhline(value, color="0.4", linewidth=0.8, linestyle=":")
            panel.legend(loc="lower right", handlelength=1.5, columnspacing=1.0, ncols=1 + (panel is right))
        for value, name in ((length, "trained"), (length * scale, "sampled")):
            style = {"transform": right.get_yaxis_transform(), "va": "center", "fontsize": 8, "color": "0.4"}
            right.text(1.02, value, f"{name}\nlength", **style)


def _cases(times: tuple[float, ...]) -> list[tuple[str, float | None]]:
    return [(rule, None) for rule in RULES if rule != "time_aware"] + [("time_aware", t) for t in times]


def _fine(rule: str, t: float | None, dim: int, options: dict[str, Any]) -> Tensor:
    fine = wavelengths(rule, dim * FINE, t=t, **options)
    return fine[: (dim // 2 - 1) * FINE + 1]


def _curve(axes: Any, points: Tensor, line: Tensor, colour: Any, label: str, style: str = "-") -> None:
    dimensions = torch.arange(len(line)) / max(1, len(line) - 1) * (len(points) - 1)
    axes.plot(dimensions, line, style, color=colour, linewidth=1.1)
    axes.plot(range(len(points)), points, "o", color=colour, markersize=4)
    axes.plot([], [], "o" + style, color=colour, markersize=4, linewidth=1.1, label=label)
