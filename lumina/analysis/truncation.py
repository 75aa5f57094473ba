"""Figure 4: where on the way from noise to data Euler's method errs, and where schedules put their steps."""

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
    """What a path of N steps is like at its steps, as mean L2 norms over samples.

    Attributes:
        times: ``[N + 1]``.
        truncation: ``[N]``, of one Euler step from each time but the last.
        curvature: ``[N - 1]``, at each time but the first and the last.
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
    """Draws over time the error of Euler steps, the curvature of the path and where schedules step (figure 4).

    Args:
        weights: a model as `lumina sample` takes it.
        steps: uniform steps from noise to data, whose errors are drawn.
        substeps: Euler steps inside each of them, which stand for the truth.
        count: samples, over which L2 norms are averaged.
        batch_size: samples in a batch.
        schedule_steps: steps of the schedules drawn below.
        prompt: texts for a model that takes text, each in turn.
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
    found = LocalErrors(times=times, truncation=sums[0], curvature=sums[1, 1:])
    schedules = {kind.__name__.lower(): start + (end - start) * kind().times(schedule_steps) for kind in SCHEDULES}
    draw(found, schedules, output)
    write_table(output, ["quantity", "t", "value"], _rows(found, schedules))


@torch.no_grad()
def local_errors(
    velocity: Velocity, noise: Tensor, times: Tensor, substeps: int, progress: bool = False
) -> LocalErrors:
    """One Euler step against many on the path through ``noise`` (Lumina-Next, section 2.3).

    With ``x_i`` carried on by ``substeps`` Euler steps an interval, the truncation error is ``x_{i+1}`` less one Euler
    step from ``x_i``, and the curvature ``x_i - (x_{i+1} + x_{i-1}) / 2``.

    Args:
        velocity: ``(x [B, L, F], t []) -> dx/dt``.
        noise: ``[B, L, F]`` at ``times[0]``.
        times: ``[N + 1]`` float64, uniform.
        substeps: Euler steps in each interval.
        progress: whether a progress bar is shown.

    Raises:
        ValueError: for less than two intervals or substeps.
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


def draw(found: LocalErrors, schedules: Mapping[str, Tensor], output: Path) -> None:
    """Error and curvature over t, and below, on the same axis, the times of each schedule.

    Args:
        found: the errors.
        schedules: times of each schedule.
        output: the PNG.
    """
    with drawn(output, 7.2, 3.6) as figure:
        panels = figure.subplots(2, 2, sharex=True, height_ratios=[3, 1])
        length = float(found.times[1] - found.times[0])
        panels[0, 0].plot(found.times[:-1], found.truncation, "-o", color=COLOURS[0], markersize=2.5)
        panels[0, 0].set(ylabel="truncation error (L2 norm)", title=f"one Euler step of length {length:g} from t")
        panels[0, 1].plot(found.times[1:-1], found.curvature, "-o", color=COLOURS[1], markersize=2.5)
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


def _rows(found: LocalErrors, schedules: Mapping[str, Tensor]) -> Iterator[tuple[object, ...]]:
    for t, value in zip(found.times[:-1], found.truncation, strict=True):
        yield "truncation_error", float(t), float(value)
    for t, value in zip(found.times[1:-1], found.curvature, strict=True):
        yield "curvature", float(t), float(value)
    for name, times in schedules.items():
        for t, t_next in pairwise(times.tolist()):
            yield f"step_of_{name}", t, t_next - t


def _norm(x: Tensor) -> Tensor:
    return x.flatten(1).double().norm(dim=1).mean().cpu()
