"""One point cloud model at many densities, with and without scaling rules for untrained densities.

``python -m benchmarks.densities --ckpt_path runs/furniture [--points 256 2048] [--clouds 24] [--steps 10]``
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import ArgumentParser
from torch import Tensor

from benchmarks.report import machine, save
from lumina.checkpoints.pretrained import load_pretrained
from lumina.clouds.normalise import frame_of
from lumina.clouds.point_clouds import CloudItems, PointClouds
from lumina.clouds.render import turntable
from lumina.generation.drawing import noise_of
from lumina.generation.requests import Request
from lumina.metrics.points import point_set_metrics
from lumina.module import LuminaModule
from lumina.objectives.generative import Generative
from lumina.pictures.sheet import contact_sheet, save_picture
from lumina.randomness import Purpose, keyed_generator
from lumina.runs import config_of
from lumina.sampling.sampler import Sampler
from lumina.survival.checkpoints import newest_checkpoint
from lumina.values import Inference, Split

SPLITS: tuple[Split, ...] = ("train", "test")
SHOWN, SIDE = 5, 160  # clouds in the picture, pixels of each
WAYS = {
    "plain": Inference(),
    "time_aware": Inference(rope_rule="time_aware"),
    "proportional": Inference(),  # its base is known with the model
}


class Densities:
    """A model and the held-out shapes that it is measured by.

    Args:
        run: folder of the run.
        clouds: how many are drawn, and held out.
        steps: of the model's own solver.
    """

    def __init__(self, run: Path, clouds: int, steps: int) -> None:
        self.module: LuminaModule = load_pretrained(run)
        self.data = _data_of(run)
        self.shapes = {split: self.data.shapes(split) for split in SPLITS}
        self.chosen = {
            split: torch.randperm(len(shapes.names), generator=keyed_generator(Purpose.CHOICE))[:clouds].tolist()
            for split, shapes in self.shapes.items()
        }
        own = self._objective.sampler
        self.sampler = Sampler(own.schedule, own.solver, steps, own.guidance)

    @property
    def _objective(self) -> Generative:
        assert isinstance(self.module.objective, Generative)
        return self.module.objective

    def real(self, split: Split, points: int) -> Tensor:
        """``[N, P, 3]`` of a split, normalised by their boxes."""
        items = CloudItems(self.shapes[split], points, True, "none")
        return _boxed(torch.stack([items[index]["points"] for index in self.chosen[split]]))

    @torch.no_grad()
    def drawn(self, way: str, points: int) -> tuple[Tensor, float]:
        """``[N, P, 3]`` samples with the classes of the held-out shapes, and seconds a cloud.

        A cloud's noise begins with the noise of its sparser versions.
        """
        labels = self.shapes["test"].labels or []
        inference = WAYS[way]
        if way == "proportional":
            inference = replace(inference, proportional_base=self.data.points)
        clouds, start = [], time.perf_counter()
        for number, index in enumerate(self.chosen["test"]):
            canvas = self.module.modality.layout(1, {"points": points})
            batch, noise = {"label": torch.tensor([labels[index]])}, noise_of([Request(seed=number)], canvas)
            drawn = self.module.generate(canvas, batch, None, inference, sampler=self.sampler, noise=noise)
            clouds.append(drawn[0])
        return torch.stack(clouds), (time.perf_counter() - start) / len(clouds)


def _data_of(run: Path) -> PointClouds:
    """The training data of a run."""
    config = config_of(newest_checkpoint(run))
    parser = ArgumentParser()
    parser.add_subclass_arguments(PointClouds, "data")
    given = parser.parse_object({"data": yaml.safe_load(config.read_text())["data"]})
    data: PointClouds = parser.instantiate_classes(given).data
    return data


def _boxed(clouds: Tensor) -> Tensor:
    return frame_of(clouds, "shape_bbox").apply(clouds)


def _told(clouds: Tensor, reference: Tensor) -> dict[str, float]:
    found = point_set_metrics(_boxed(clouds), reference)
    return {"mmd_x1000": 1000 * found["mmd"], "cov": 100 * found["cov"], "one_nna": 100 * found["one_nna"]}


def measure(
    subject: Densities, densities: Sequence[int], ways: Sequence[str], pictures: Path | None
) -> list[dict[str, Any]]:
    """A row for each density; the clouds of each way are also drawn side by side.

    Args:
        subject: the model.
        densities: numbers of points.
        ways: of `WAYS`.
        pictures: folder for them.
    """
    rows: list[dict[str, Any]] = []
    shown: dict[str, list[Tensor]] = {way: [] for way in ways}
    count = min(SHOWN, len(subject.chosen["test"]))
    for points in densities:
        reference = subject.real("test", points)
        row: dict[str, Any] = {"points": points, "train": _told(subject.real("train", points), reference)}
        for way in ways:
            clouds, seconds = subject.drawn(way, points)
            row[way] = {**_told(clouds, reference), "seconds": seconds}
            shown[way] += [turntable(cloud, 1, SIDE) for cloud in clouds[:count]]
            print(points, way, {name: round(value, 3) for name, value in row[way].items()}, flush=True)
        rows.append(row)
    if pictures is not None:
        for way, tiles in shown.items():
            by_cloud = [tile for cloud in range(count) for tile in tiles[cloud::count]]
            save_picture(contact_sheet(by_cloud, len(densities)), pictures / f"densities_{way}.png")
    return rows


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: MMD, COV and 1-NNA at each density, and the seconds that a cloud takes."""
    names = [name for name in rows[0] if name != "points"]
    lines = [["points", *names, "seconds a cloud"], ["---"] * (2 + len(names))]
    for row in rows:
        cells = [f"{row[n]['mmd_x1000']:.2f} / {row[n]['cov']:.0f} / {row[n]['one_nna']:.0f}" for n in names]
        lines.append([f"{row['points']:,}", *cells, f"{row[names[-1]]['seconds']:.2g}"])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    """Parses the command line, measures, prints the table and writes the JSON document."""
    parser = argparse.ArgumentParser("python -m benchmarks.densities", description="One model at many densities.")
    parser.add_argument("--ckpt_path", type=Path, required=True, help="folder of a run on furniture")
    parser.add_argument("--points", type=int, nargs="+", default=[256, 512, 1024, 2048, 4096], help="of a cloud")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="rules (default: all)")
    parser.add_argument("--clouds", type=int, default=24, help="samples, and held-out shapes (default: 24)")
    parser.add_argument("--steps", type=int, default=10, help="of the model's own solver (default: 10)")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each way")
    parser.add_argument("--output", type=Path, help="JSON file")
    options = parser.parse_args()
    described = machine(torch.device("cpu"))
    rows = measure(
        Densities(options.ckpt_path, options.clouds, options.steps), options.points, options.ways, options.pictures
    )
    print(f"\nMMD x 1000 / COV % / 1-NNA %, {options.clouds} clouds, {options.steps} steps\n\n{table(rows)}")
    if options.output:
        result = {"machine": described, "clouds": options.clouds, "steps": options.steps, "rows": rows}
        save(result, options.output)


if __name__ == "__main__":
    main()
