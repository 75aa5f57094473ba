"""Schedules and solvers at few steps: distance from the fine solution, caption retrieval, similarity to real pictures.

``python -m benchmarks.few_steps [--weights emoji] [--prompts 32] [--device cpu|cuda]``
"""

from __future__ import annotations

import argparse
import time
from itertools import product
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure
from torch import Tensor

from benchmarks.bootstrap import Estimate
from benchmarks.quality import TITLES, Judge, Quality, best, comparison, rounded, table
from benchmarks.report import machine, save
from benchmarks.subject import Drawn, Trained, add_options
from lumina.interfaces import Solver, TimeSchedule
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Cosine, Rational, Sigmoid, Uniform
from lumina.sampling.solvers import RK3, RK4, Euler, Heun, Midpoint

SCHEDULES: tuple[type[TimeSchedule], ...] = (Uniform, Rational, Sigmoid, Cosine)
SOLVERS: tuple[type[Solver], ...] = (Euler, Midpoint, Heun, RK3, RK4)
MEASURES = ("error", "cosine", "recall_10", "frechet")
PAPER = "Sigmoid + Midpoint"


class Setting(NamedTuple):
    """One way to sample.

    Attributes:
        evaluations: of the velocity (under guidance each is two of the network).
        schedule: where the steps fall.
        solver: how a step is taken.
    """

    evaluations: int
    schedule: TimeSchedule
    solver: Solver

    @property
    def name(self) -> str:
        """Schedule and solver."""
        return f"{type(self.schedule).__name__} + {type(self.solver).__name__}"


def settings(evaluations: list[int]) -> list[Setting]:
    """All combinations in which the evaluations make whole steps."""
    ways = product(evaluations, (schedule() for schedule in SCHEDULES), (solver() for solver in SOLVERS))
    return [Setting(*way) for way in ways if way[0] % way[2].calls_per_step == 0]


class FewSteps:
    """One run.

    Args:
        options: of the command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.start = time.perf_counter()
        self.subject = Trained(options)
        self.judge = Judge(self.subject.data, self.subject.captions, self.subject.device, options.cache)
        self.settings, self.fine_steps = settings(options.evaluations), options.fine_steps
        self.rows: dict[int, dict[str, Quality]] = {evaluations: {} for evaluations in options.evaluations}

    def run(self) -> dict[str, Quality]:
        """Fills ``rows``; what to compare them with."""
        fine = self._draw(Uniform(), Midpoint(), self.fine_steps)
        anchors: dict[str, Quality] = {
            "real": {**self.judge.whole(self.subject.pictures), **self.judge.held_out()},
            "real, through the VAE": self.judge.whole(self.subject.round_trip()),
            "real, with the captions of others": self.judge.mismatched(self.subject.pictures),
            f"{2 * self.fine_steps} evaluations, Uniform + Midpoint": self.judge.whole(fine.pictures),
        }
        for setting in self.settings:
            evaluations, schedule, solver = setting
            drawn = self._draw(schedule, solver, evaluations // solver.calls_per_step)
            error = self._error(drawn.latents, fine.latents)
            self.rows[evaluations][setting.name] = {"error": error, **self.judge.whole(drawn.pictures)}
            print(f"[{time.perf_counter() - self.start:4.0f} s] {evaluations} {setting.name}: {error:.3g}", flush=True)
        return anchors

    def _draw(self, schedule: TimeSchedule, solver: Solver, steps: int) -> Drawn:
        return self.subject.draw(Sampler(schedule, solver, steps, self.subject.objective.sampler.guidance))

    def _error(self, latents: Tensor, fine: Tensor) -> Estimate:
        """Mean over prompts of the distance from the fine solution, relative to its length."""
        relative = ((latents - fine).flatten(1).norm(dim=1) / fine.flatten(1).norm(dim=1)).double()
        return self.judge.bootstrap(lambda chosen: relative[chosen].mean().item())


def verdict(rows: dict[str, Quality]) -> list[str]:
    """For each measure: the best setting, those not distinguishable from it, and the rank of the paper's choice."""
    lines = []
    for measure in MEASURES:
        line, (first, tied) = comparison(rows, measure), best(rows, measure)
        if PAPER in rows and PAPER != first:
            how = "not told apart from the best" if PAPER in tied else "worse than the best"
            line += f"; {PAPER} {how} (by {rows[PAPER][measure] - rows[first][measure]:.2g})"
        lines.append(line)
    return lines


def markdown(anchors: dict[str, Quality], rows: dict[int, dict[str, Quality]]) -> str:
    """Tables and verdicts."""
    parts = [table(anchors, MEASURES[1:], "to compare with")]
    for evaluations, found in rows.items():
        parts.append(f"{evaluations} evaluations\n\n{table(found, MEASURES, 'schedule + solver')}")
        parts.append("\n".join(f"* {line}" for line in verdict(found)))
    return "\n\n".join(parts)


def draw_chart(rows: dict[int, dict[str, Quality]], path: Path) -> None:
    """Error and caption cosine over evaluations: colours are schedules, line styles are solvers."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    styles = dict(zip((solver.__name__ for solver in SOLVERS), ("-", "--", ":", "-.", (0, (1, 4))), strict=True))
    for axes, measure in zip(figure.subplots(1, 2), ("error", "cosine"), strict=True):
        for colour, schedule in enumerate(SCHEDULES):
            for solver, style in styles.items():
                name = f"{schedule.__name__} + {solver}"
                points = [(at, found[name][measure]) for at, found in rows.items() if name in found]
                if points:
                    where, values = zip(*points, strict=True)
                    errors = [value.error for value in values]
                    options = {"linestyle": style, "color": f"C{colour}", "marker": "o", "markersize": 3, "capsize": 2}
                    axes.errorbar(where, [value.value for value in values], errors, label=name, **options)
        axes.set(xscale="log", xlabel="evaluations of the velocity", ylabel=TITLES[measure], xticks=list(rows))
        axes.set_xticklabels(map(str, rows))
        axes.minorticks_off()
    figure.axes[0].set_yscale("log")
    figure.axes[1].legend(fontsize=7, ncols=2)
    figure.savefig(path, dpi=130)


def main() -> None:
    """Parses the command line, runs, prints the tables and writes the files."""
    parser = argparse.ArgumentParser("python -m benchmarks.few_steps", description="Schedules and solvers.")
    add_options(parser, prompts=32)
    parser.add_argument("--evaluations", type=int, nargs="+", default=[5, 10, 20, 50], help="default: 5 10 20 50")
    parser.add_argument("--fine_steps", type=int, default=200, help="midpoint steps of the reference (default: 200)")
    options = parser.parse_args()
    benchmark = FewSteps(options)
    described = {**machine(benchmark.subject.device), "weights": str(options.weights), **benchmark.subject.described()}
    described["components of FD-lite0"] = benchmark.judge.components
    anchors = benchmark.run()
    text = markdown(anchors, benchmark.rows)
    print(f"\n{', '.join(f'{key} {value}' for key, value in described.items())}\n\n{text}")
    options.output.mkdir(parents=True, exist_ok=True)
    draw_chart(benchmark.rows, options.output / "few_steps.png")
    rows = {str(evaluations): rounded(found) for evaluations, found in benchmark.rows.items()}
    verdicts = {str(evaluations): verdict(found) for evaluations, found in benchmark.rows.items()}
    document = {"about": described, "anchors": rounded(anchors), "rows": rows, "verdicts": verdicts}
    save(document, options.output / "few_steps.json")


if __name__ == "__main__":
    main()
