"""What the measures of consistency say of true views, and of views that are wrong in known ways.

``python -m benchmarks.views FOLDER [--count 24] [--size 64] [--output FILE.json]``

The first group of each object is 8 views from even azimuths, as by ``lumina render MESHES FOLDER --azimuths=even``.
A view that is 15 degrees off is a true picture whose camera is said to stand 15 degrees further on. Blurred views are
true ones under a Gaussian of so many pixels; their silhouettes are what differs from the background, as
`lumina.metrics.views.consistency.ViewConsistency` sees those of a model.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from benchmarks.report import machine, save
from datamodules.multiview import MultiViewFolder, Objects
from lumina.metrics.views.agreement import agreement
from lumina.metrics.views.foreground import foreground
from lumina.metrics.views.pinholes import Pinholes
from lumina.pictures.background import WHITE

VIEWS = (8, 4)


@dataclass(frozen=True)
class Claim:
    """Pictures, and the cameras that are said to have taken them.

    Attributes:
        pictures: ``[N, 3, H, W]`` in [-1, 1].
        masks: ``[N, H, W]``, the true silhouettes of the pictures.
        cameras: of the N views.
    """

    pictures: Tensor
    masks: Tensor
    cameras: Pinholes

    def of(self, views: list[int]) -> Claim:
        """Other pictures of the object at the same cameras."""
        return replace(self, pictures=self.pictures[views], masks=self.masks[views])

    def blurred(self, pixels: float) -> Claim:
        """The same views under a Gaussian of so many pixels, on white."""
        width = 2 * math.ceil(3 * pixels) + 1
        pictures = gaussian_blur(self.pictures, [width, width], [pixels, pixels])
        return replace(self, pictures=pictures, masks=foreground((pictures + 1) / 2, WHITE))

    def off(self, degrees: float) -> Claim:
        """The second camera stands so many degrees further on around the object."""
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        matrices = self.cameras.camera_to_world.clone()
        matrices[1, :2] = matrices.new_tensor(((cos, -sin), (sin, cos))) @ matrices[1, :2]
        return replace(self, cameras=replace(self.cameras, camera_to_world=matrices))


def read_objects(folder: Path, count: int, size: int) -> list[Claim]:
    """True views of objects that are evenly spread over the folder."""
    data = MultiViewFolder(batch_size=1, root=folder, size=size, views=max(VIEWS), reference="none", cache=None)
    chosen = range(len(data.sets.names))[:: max(1, len(data.sets.names) // count)][:count]
    objects = Objects(data.sets, chosen, {}, None)
    items = [data.transform(objects[place]) for place in range(len(objects))]
    return [
        Claim(item["views"], item["alpha"], Pinholes.of_view(item["camera_to_world"], item["field_of_view"]))
        for item in items
    ]


def claims(objects: list[Claim], number: int) -> dict[str, Claim]:
    """True views of an object, and wrong ones."""
    true, count = objects[number], len(objects[number].pictures)
    others = [objects[(number + 1 + view) % len(objects)] for view in range(count)]
    return {
        "true": true,
        "blurred by 1 pixel": true.blurred(1),
        "blurred by 2 pixels": true.blurred(2),
        "one 15 degrees off": true.off(15),
        "one 45 degrees off": true.off(45),
        "order reversed": true.of([*reversed(range(count))]),
        "copies of the first": true.of([0] * count),
        "other objects": replace(
            true,
            pictures=torch.stack([other.pictures[view] for view, other in enumerate(others)]),
            masks=torch.stack([other.masks[view] for view, other in enumerate(others)]),
        ),
    }


def measure(objects: list[Claim]) -> dict[str, dict[str, float]]:
    """The measures of `lumina.metrics.views.consistency.ViewConsistency`, and the median of the first, by the claim."""
    explained: dict[str, list[float]] = {}
    total: dict[str, Tensor] = {}
    for number in range(len(objects)):
        for name, claim in claims(objects, number).items():
            found = agreement(claim.pictures, claim.masks, claim.cameras)
            explained.setdefault(name, []).append(float(found.explained.mean()))
            colours = found.colours
            seen = (1, colours.difference, colours.shuffled) if colours.points else (0, 0, 0)
            total[name] = total.get(name, torch.zeros(3)) + torch.tensor(seen)
    return {
        name: {
            "silhouettes_explained": mean(explained[name]),
            "silhouettes_explained_median": median(explained[name]),
            "colour_difference": float(difference / count),
            "colour_over_shuffled": float(difference / shuffled),
        }
        for name, (count, difference, shuffled) in total.items()
    }


def thinned(claim: Claim, count: int) -> Claim:
    """So many of its views, evenly spread."""
    chosen = slice(None, None, len(claim.pictures) // count)
    cameras = claim.cameras
    kept = Pinholes(cameras.camera_to_world[chosen], cameras.focal[chosen], cameras.centre[chosen])
    return Claim(claim.pictures[chosen], claim.masks[chosen], kept)


def main() -> None:
    """Parses the command line, measures, prints the tables and writes the JSON document."""
    parser = argparse.ArgumentParser("python -m benchmarks.views", description="Measures of consistency, tried.")
    parser.add_argument("folder", type=Path, help="of objects with 8 views from even azimuths")
    parser.add_argument("--count", type=int, default=24, help="objects, evenly spread over the folder (default: 24)")
    parser.add_argument("--size", type=int, default=64, help="side of the pictures in pixels (default: 64)")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/views_cpu.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    objects = read_objects(arguments.folder, arguments.count, arguments.size)
    document: dict[str, Any] = {
        "machine": machine(torch.device("cpu")),
        "objects": len(objects),
        "size": arguments.size,
    }
    for count in VIEWS:
        document[f"{count}_views"] = measure([thinned(claim, count) for claim in objects])
        print(f"| {count} views of {len(objects)} objects | silhouettes explained | median | colours | over shuffled |")
        print("|---|---|---|---|---|")
        for name, row in document[f"{count}_views"].items():
            print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in row.values()) + " |")
        print()
    save(document, arguments.output)


if __name__ == "__main__":
    main()
