"""Figure 4: the truncation error of Euler's method over time, and the steps of each schedule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from lumina.analysis.figures import COLOURS, drawn, write_table
from lumina.analysis.subject import Subject
from lumina.interfaces import TimeSchedule
from lumina.sampling.schedules import Rational, Sigmoid, Uniform
from lumina.sampling.solvers import Euler
from lumina.values import Velocity

SCHEDULES: tuple[type[TimeSchedule], ...] = (Uniform, Rational, Sigmoid)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalErrors:
    """Local truncation error and curvature along a path of N steps, as mean L2 norms over samples.

    Attributes:
        times: ``[N + 1]``.
        truncation: ``[N]``, error of one Euler step from each time except the last.
        curvature: ``[N - 1]``, at each time except the first and the last.
    """

    times: Tensor
    truncation: Tensor
    curvature: Tensor


def analyze(
    weights: str,
    steps: int = 50,
    substeps: int = 20,
    count: int = 16,
    batch_size: int = 16,
    schedule_steps: int = 10,
    prompt: list[str] | None = None,
    seed: int = 0,
    device: str = "auto",
    output: Path = Path("analysis/truncation.png"),
) -> None:
    """Draws the error of Euler steps, the curvature of the path and the steps of each schedule over time (figure 4).

    Args:
        weights: a model in any form that `lumina sample` accepts.
        steps: uniform steps from noise to data.
        substeps: Euler steps within each step; their result is the reference solution.
        count: number of samples to average over.
        batch_size: samples per batch.
        schedule_steps: steps of the schedules in the lower panel.
        prompt: texts for a model that takes text, used in turn.
        seed: of noise and conditions.
        device: auto (a GPU if there is one), cpu, cuda, cuda:1, ...
        output: the PNG; a CSV of the same name is written beside it.
    """
    subject = Subject.load(weights, device)
    start, end = subject.objective.time_range
    times = torch.linspace(start, end, steps + 1, dtype=torch.float64)
    sums = torch.zeros(2, steps, dtype=torch.float64)
    for draw_ in subject.draws(count, batch_size, prompt, seed):
        errors = local_errors(subject.velocity(draw_), draw_.noise, times, substeps, progress=True)
        sums[0] += errors.truncation * len(draw_.noise) / count
        sums[1, 1:] += errors.curvature * len(draw_.noise) / count
    result = LocalErrors(times=times, truncation=sums[0], curvature=sums[1, 1:])
    schedules = {kind.__name__.lower(): start + (end - start) * kind().times(schedule_steps) for kind in SCHEDULES}
    draw(result, schedules, output)
    write_table(output, ["quantity", "t", "value"], _rows(result, schedules))


@torch.no_grad()
def local_errors(
    velocity: Velocity, noise: Tensor, times: Tensor, substeps: int, progress: bool = False
) -> LocalErrors:
    """Compares one Euler step with many small ones on the path that starts at ``noise`` (Lumina-Next, section 2.3).

    The reference path advances from ``x_i`` to ``x_{i+1}`` with ``substeps`` Euler steps. The truncation error is
    ``x_{i+1}`` minus the result of one Euler step from ``x_i``; the curvature is ``x_i - (x_{i+1} + x_{i-1}) / 2``.

    Args:
        velocity: ``(x [B, L, F], t []) -> dx/dt``.
        noise: ``[B, L, F]`` at ``times[0]``.
        times: ``[N + 1]`` float64, uniform.
        substeps: Euler steps in each interval.
        progress: show a progress bar.

    Raises:
        ValueError: there are fewer than two intervals or substeps.
    """
    if len(times) < 3 or substeps < 2:
        raise ValueError(f"got {len(times) - 1} steps of {substeps} substeps, expected at least 2 steps of 2 substeps.")
    euler, path, truncation = Euler(), [noise], []
    curvature: list[Tensor] = []
    for t, t_next in tqdm(pairwise(times), total=len(times) - 1, disable=not progress):
        one_step = euler.step(velocity, path[-1], t, t_next)
        x = path[-1]
        for fine, fine_next in pairwise(torch.linspace(float(t), float(t_next), substeps + 1, dtype=torch.float64)):
            x = euler.step(velocity, x, fine, fine_next)
        truncation.append(_norm(x - one_step))
        path = [*path[-2:], x]
        if len(path) == 3:
            curvature.append(_norm(path[1] - (path[2] + path[0]) / 2))
    return LocalErrors(times=times, truncation=torch.stack(truncation), curvature=torch.stack(curvature))


def draw(errors: LocalErrors, schedules: Mapping[str, Tensor], output: Path) -> None:
    """Plots error and curvature over t, and the times of each schedule below them on the same axis.

    Args:
        errors: of the path.
        schedules: times of each schedule.
        output: the PNG.
    """
    with drawn(output, 7.2, 3.6) as figure:
        panels = figure.subplots(2, 2, sharex=True, height_ratios=[3, 1])
        length = float(errors.times[1] - errors.times[0])
        panels[0, 0].plot(errors.times[:-1], errors.truncation, "-o", color=COLOURS[0], markersize=2.5)
        panels[0, 0].set(ylabel="truncation error (L2 norm)", title=f"one Euler step of length {length:g} from t")
        panels[0, 1].plot(errors.times[1:-1], errors.curvature, "-o", color=COLOURS[1], markersize=2.5)
        panels[0, 1].set(ylabel="curvature (L2 norm)", title="bend of the path at t")
        for panel in panels[0]:
            panel.set_ylim(bottom=0)
        for panel in panels[1]:
            _ticks(panel, schedules)


def _ticks(axes: Any, schedules: Mapping[str, Tensor]) -> None:
    axes.eventplot(list(schedules.values()), colors="0.25", linelengths=0.7, linewidths=1.0)
    axes.set_yticks(range(len(schedules)), list(schedules))
    axes.set(xlabel="t (0 = noise, 1 = data)", ylim=(len(schedules) - 0.4, -0.6))
    axes.tick_params(axis="y", length=0)
    axes.grid(False)
    axes.spines["left"].set_visible(False)


def _rows(errors: LocalErrors, schedules: Mapping[str, Tensor]) -> Iterator[tuple[object, ...]]:
    for t, value in zip(errors.times[:-1], errors.truncation, strict=True):
        yield "truncation_error", float(t), float(value)
    for t, value in zip(errors.times[1:-1], errors.curvature, strict=True):
        yield "curvature", float(t), float(value)
    for name, times in schedules.items():
        for t, t_next in pairwise(times.tolist()):
            yield f"step_of_{name}", t, t_next - t


def _norm(x: Tensor) -> Tensor:
    return x.flatten(1).double().norm(dim=1).mean().cpu()
