"""``lumina compare``: two folders of sounds against each other."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from lumina.audio.reading import SUFFIXES, read_sound
from lumina.config.device import choose_device
from lumina.config.locate import locate
from lumina.config.parser import ShortErrorParser
from lumina.data.sources.listing import files_below
from lumina.errors import CorruptSample
from lumina.metrics.audio.divergence import kl_divergence
from lumina.metrics.audio.features import Heard, SoundFeatures
from lumina.metrics.audio.nearest import copies, nearest, nearest_other
from lumina.metrics.audio.quality import distance_of, tagged
from lumina.reports.sample_folder import drawn

Report = dict[str, float]


def main(arguments: list[str]) -> None:
    """Parses the folders and the options, and compares."""
    parser = ShortErrorParser(prog="lumina compare")
    parser.add_argument("real", type=Path, help="folder of the real sounds")
    parser.add_argument("generated", type=Path, help="folder of the sounds to judge")
    parser.add_function_arguments(compare, as_positional=False, skip={"real", "generated"})
    compare(**vars(parser.instantiate(parser.parse_args(arguments))))


def compare(
    real: Path,
    generated: Path,
    features: SoundFeatures,
    seconds: float | None = None,
    output: Path | None = None,
    device: str = "auto",
) -> None:
    """Compares a folder of generated sounds with a folder of real ones.

    Prints the Frechet distance and how many windows went into it; beside it, as a measure, the distance of two halves
    of the real sounds, every second one. Where the network has tags and files of both folders have the same names: the
    mean KL divergence of these pairs. Also the share of generated sounds that are nearer to a real one than 95 % of the
    real ones are to each other.

    Args:
        real: folder of the real sounds.
        generated: folder of the sounds to judge.
        features: the network: lumina.metrics.audio.aisfx.Aisfx say, or lumina.metrics.audio.vggish.VGGish with
            --features.weights.
        seconds: how much of each sound counts, from its start; None = all.
        output: a JSON file for the numbers.
        device: auto, cpu, cuda, ...

    Raises:
        ValueError: a folder holds no sounds.
        FileNotFoundError: the network's weights are missing; the message says where to get them.
    """
    where = choose_device(device)
    features.ready(where)
    of_real, of_generated = (listen(folder, features, seconds, where) for folder in (real, generated))
    report = compared(of_real, of_generated, features)
    width = max(map(len, report))
    print("\n".join(f"  {name:{width}}  {value:.4g}" for name, value in report.items()))
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Listened:
    """What a network says of a folder of sounds.

    Attributes:
        heard: by the files' names below the folder.
    """

    heard: dict[str, Heard]

    @property
    def windows(self) -> Tensor:
        """``[W, D]``, of all sounds."""
        return torch.cat([one.features for one in self.heard.values()])

    @property
    def means(self) -> Tensor:
        """``[N, D]``, a row for each sound."""
        return torch.stack([one.features.mean(0) for one in self.heard.values()])


def listen(folder: Path, features: SoundFeatures, seconds: float | None, device: torch.device) -> Listened:
    """Listens to every sound below a folder; files that cannot be read are named and left out.

    Of a folder that `lumina sample` wrote, the samples alone count, not the sound that they start from.

    Raises:
        ValueError: there is none.
    """
    place = locate(folder)
    files = [file for file in files_below(place) if file.lower().endswith(SUFFIXES)] if place.is_dir() else []
    samples = drawn(place)
    if samples is not None:
        files = [file for file in files if file in samples]
    heard: dict[str, Heard] = {}
    for file in tqdm(files, str(folder), unit="sound", disable=None):
        try:
            sound = read_sound(place / file, features.rate, seconds=seconds)
        except CorruptSample as error:
            warnings.warn(f"left out: {error}", stacklevel=2)
            continue
        (heard[file],) = features.listen([sound], features.rate, device)
    if not heard:
        raise ValueError(f"{folder} holds no sounds that can be read; give a folder of {', '.join(SUFFIXES)}.")
    return Listened(heard)


def compared(real: Listened, generated: Listened, features: SoundFeatures) -> Report:
    """The numbers, by the names that the metrics give them."""
    windows, of_real, distance = generated.windows, real.windows, features.distance
    report: Report = {"sounds": len(generated.heard), "sounds_real": len(real.heard)}
    report |= {f"{distance}_windows": len(windows), f"{distance}_windows_real": len(of_real)}
    if min(len(windows), len(of_real)) > 1:
        report[distance] = distance_of(windows, of_real, features.components)
    if len(real.heard) > 3:
        rows = [one.features for one in real.heard.values()]
        half, other = torch.cat(rows[::2]), torch.cat(rows[1::2])
        report[f"{distance}_halves_of_real"] = distance_of(other, half, features.components)
    named = {Path(file).with_suffix(""): one for file, one in generated.heard.items()}
    found = ((one, named.get(Path(file).with_suffix(""))) for file, one in real.heard.items())
    pairs = [(one, other) for one, other in found if other is not None]
    of_pairs = [tagged(list(side)) for side in zip(*pairs, strict=True)]
    if len(of_pairs) == 2 and of_pairs[0] is not None and of_pairs[1] is not None:
        report[f"kl_{features.name}"] = kl_divergence(of_pairs[0], of_pairs[1]).mean().item()
        report[f"kl_{features.name}_pairs"] = len(pairs)
    if len(real.heard) > 1:
        near = copies(nearest(generated.means, real.means), nearest_other(real.means))
        report[f"{features.name}_copies"] = near / len(generated.heard)
    return report
