"""Curves of a run, read back from what its loggers have written."""

from __future__ import annotations

import csv
import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from lumina.errors import importing
from lumina.files.yaml_file import load
from lumina.reports.config import WANDB_ID
from lumina.reports.wandb_file import read_history
from lumina.runs import CONFIG, newest_run, run_of

Points = dict[int, float]
"""Values by optimizer step."""

Curves = dict[str, Points]


def read_curves(run: Path) -> Curves:
    """All metrics of a run and of those that it goes on from.

    Where a run was resumed before the end of the earlier one, its own values hold.

    Args:
        run: its folder, or a folder of several versions, of which the newest is taken.

    Raises:
        FileNotFoundError: nothing that can be read lies there.
    """
    chain = list(_chain(newest_run(run)))
    curves: Curves = {}
    for folder in reversed(chain):
        own = _own_curves(folder)
        begin = min((step for points in own.values() for step in points), default=math.inf)
        for name in {**curves, **own}:
            first = min(own.get(name, {}), default=begin)
            earlier = {step: value for step, value in curves.get(name, {}).items() if step < first}
            curves[name] = earlier | own.get(name, {})
    if not any(curves.values()):
        raise FileNotFoundError(
            f"no metrics lie in {chain[0]}: looked for metrics.csv (CSVLogger), events.out.tfevents.* "
            "(TensorBoardLogger) and the files of an offline WandbLogger. A run of fewer steps than "
            "trainer.log_every_n_steps has none. The curves of an online W&B run are on its page; log with a CSVLogger "
            "as well to draw them here."
        )
    return curves


def _chain(run: Path) -> Iterator[Path]:
    """The run and those before it, the newest first."""
    seen: list[Path] = []
    while run.resolve() not in seen:
        seen.append(run.resolve())
        yield run
        config = run / CONFIG
        earlier = load(config.read_text(encoding="utf-8")).get("ckpt_path") if config.is_file() else None
        if not earlier:
            return
        checkpoint = Path(earlier)
        if not checkpoint.exists():
            warnings.warn(
                f"{run} goes on from {checkpoint}, which is not there: earlier steps are missing.", stacklevel=2
            )
            return
        run = run_of(checkpoint)


def _own_curves(run: Path) -> Curves:
    curves: Curves = {}
    for name, step, value in (point for read in READERS for point in read(run)):
        curves.setdefault(name, {})[step + 1] = value  # loggers count steps from 0
    return curves


def _from_csv(run: Path) -> Iterator[tuple[str, int, float]]:
    for path in run.glob("metrics.csv"):
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                step = int(row.pop("step"))
                yield from ((name, step, float(value)) for name, value in row.items() if value)


def _from_tensorboard(run: Path) -> Iterator[tuple[str, int, float]]:
    if not any(run.glob("events.out.tfevents.*")):
        return
    with importing("tensorboard", "a run logged to TensorBoard"):
        from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    events = EventAccumulator(str(run), size_guidance={SCALARS: 0})
    events.Reload()
    for name in events.Tags()[SCALARS]:
        yield from ((name, point.step, point.value) for point in events.Scalars(name))


def _from_wandb(run: Path) -> Iterator[tuple[str, int, float]]:
    if not (run / WANDB_ID).is_file():
        return
    name = (run / WANDB_ID).read_text(encoding="utf-8").strip()
    for path in sorted(run.parent.parent.glob(f"wandb/*run-*-{name}/run-{name}.wandb")):
        for row in read_history(path):
            step = row.pop("trainer/global_step", None)
            numbers = {key: value for key, value in row.items() if isinstance(value, int | float) and key[0] != "_"}
            if step is not None:
                yield from ((key, step, float(value)) for key, value in numbers.items())


READERS: tuple[Callable[[Path], Iterator[tuple[str, int, float]]], ...] = (_from_csv, _from_tensorboard, _from_wandb)
