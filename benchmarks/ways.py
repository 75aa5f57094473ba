"""Traces a value through the project in five scenarios on toy data, each in a separate process.

``python -m benchmarks.ways NAME [--root DIR]`` prints the stops of one; `benchmarks.follow` says what a stop is. Each
way is a command line of `lumina`, so that checkouts with other files inside can be compared.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.follow import Follower, Moment, Trip

HERE = Path(__file__).parents[1]
PACKAGES = ("lumina", "modalities", "datamodules")
COMMANDS = "lumina/commands/"
FOLLOWED = "followed"  # begins the names of the files that are followed
QUIET = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false", "--trainer.callbacks=null"]
ONE_STEP = [*QUIET, "--trainer.max_steps=1", "--trainer.limit_val_batches=0", "--trainer.val_check_interval=1"]
TINY = [f"--model.backbone.{option}" for option in ("dim=16", "num_layers=2", "num_heads=2", "multiple_of=8")]
PICTURES = """
model:
  metrics: null
  modality: {init_args: {channels: 3}}
  objective: {init_args: {head: {init_args: {num_classes: 2}}}}
data:
  class_path: datamodules.labelled_pictures.LabelledPictures
  init_args:
    sources: [pictures]
    train_framing: {class_path: lumina.pictures.framing.CentreCrop, init_args: {size: 8}}
    eval_framing: {class_path: lumina.pictures.framing.CentreCrop, init_args: {size: 8}}
    batch_size: 2
    eval_batch_size: 2
    cache: null
"""
CLOUDS = """
model: {metrics: null, modality: {init_args: {points: 16}}}
data: {init_args: {root: clouds, classes: null, batch_size: 2, points: 16, eval_points: 16, sampled: 16, cache: null}}
"""


@dataclass(frozen=True, kw_only=True)
class Way:
    """A value to trace, and the command that processes it.

    Attributes:
        title: from what to what.
        command: arguments of ``lumina``; ``{root}`` is the folder of the project.
        end: whether the way ends with this return.
        text: what is followed; None = what ``training_step`` is called with.
        prepare: writes what the command reads into the working directory.
        before: commands that run first and are not followed.
    """

    title: str
    command: list[str]
    end: Callable[[Moment], bool] = lambda moment: False
    text: str | None = None
    prepare: Callable[[], None] = lambda: None
    before: tuple[list[str], ...] = ()


def write_pictures() -> None:
    """Pictures of noise in two classes, one picture to predict, and the settings that read them."""
    rng = np.random.default_rng(0)
    places = [Path("pictures", name, f"{number}.png") for name in ("cat", "dog") for number in range(6)]
    for path in (*places, Path("predicted", f"{FOLLOWED}.png")):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (12, 12, 3), np.uint8)).save(path)
    Path("pictures.yaml").write_text(PICTURES)


def write_clouds() -> None:
    """Clouds of 32 points in two classes as PLY files, and the settings that read them."""
    axes = [f"property float {axis}" for axis in "xyz"]
    head = "\n".join(["ply", "format ascii 1.0", "element vertex 32", *axes, "end_header\n"])
    rng = np.random.default_rng(0)
    for name in ("chair", "table"):
        Path("clouds", name).mkdir(parents=True)
        for number in range(4):
            points = "".join(f"{x:.4f} {y:.4f} {z:.4f}\n" for x, y, z in rng.normal(size=(32, 3)))
            Path("clouds", name, f"{FOLLOWED}_{number}.ply").write_text(head + points)
    Path("clouds.yaml").write_text(CLOUDS)


def built(moment: Moment) -> bool:
    """The whole model arrives at a command."""
    return type(moment.result).__name__ == "LuminaModule" and (moment.caller or "").startswith(COMMANDS)


DIGITS = "{root}/experiments/quickstart/digits.yaml"
RECOGNITION = ["--config={root}/experiments/quickstart/recognition.yaml", "--config=pictures.yaml"]
FURNITURE = ["--config={root}/experiments/toy/furniture.yaml", "--config={root}/experiments/toy/kicad.yaml"]
PROMPT = "a purple heart"
WAYS = {
    "loss": Way(
        title="batch to loss",
        command=["fit", f"--config={DIGITS}", *TINY, *ONE_STEP, "--data.init_args.batch_size=4"],
        end=lambda moment: moment.function == "training_step",
    ),
    "picture": Way(
        title="prompt to PNG",
        command=["sample", "--weights=emoji", f"--prompt={PROMPT}", "--steps=1", "--output=out", "--device=cpu"],
        text=PROMPT,
    ),
    "tokens": Way(
        title="cloud file to tokens",
        command=["fit", *FURNITURE, "--config=clouds.yaml", *TINY, *ONE_STEP],
        end=lambda moment: moment.function == "tokenize" and moment.holds,
        text=FOLLOWED,
        prepare=write_clouds,
    ),
    "network": Way(
        title="`--weights emoji` to network",
        command=["sample", "--weights=emoji", f"--prompt={PROMPT}", "--steps=1", "--output=out", "--device=cpu"],
        end=built,
        text="emoji",
    ),
    "logit": Way(
        title="picture to logit",
        command=["predict", "--ckpt_path=runs/recognition", "--data.init_args.predict=predicted"],
        end=lambda moment: moment.function == "predict_step",
        text=FOLLOWED,
        prepare=write_pictures,
        before=(["fit", *RECOGNITION, *TINY, *ONE_STEP],),
    ),
}


def follow(way: Way, root: Path) -> Trip:
    """Runs a way in this process, in a new folder, and returns where its value went.

    Raises:
        ValueError: if the value went nowhere, or the way did not reach its end.
    """
    sys.path.insert(0, str(root))
    from lumina import __file__ as found
    from lumina.cli import main

    if Path(found).parents[1] != root.resolve():
        raise ValueError(f"lumina was imported from {found}, which is not in {root}: start this from another folder.")
    with tempfile.TemporaryDirectory(prefix="ways-") as folder, contextlib.chdir(folder):
        way.prepare()
        for command in way.before:
            main([word.format(root=root) for word in command])
        follower = Follower(root, PACKAGES, way.text, lambda moment: _starts(way, moment), way.end)
        with follower:
            main([word.format(root=root) for word in way.command])
    if not follower.trip.stops:
        raise ValueError(f"{way.title}: no function was handed {way.text or 'a batch'}.")
    return follower.trip


def _starts(way: Way, moment: Moment) -> bool:
    return moment.function == "training_step" if way.text is None else moment.file.startswith(COMMANDS)


def follow_apart(name: str, root: Path) -> Trip:
    """As `follow`, in a process of its own, which has imported and remembers nothing.

    Raises:
        RuntimeError: with its output, if it fails.
    """
    command = [sys.executable, "-m", "benchmarks.ways", name, f"--root={root}", "--json"]
    settings = {"PYTHONHASHSEED": "0", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "LUMINA_TRACEBACK": "1"}
    done = subprocess.run(command, cwd=HERE, env=os.environ | settings, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{WAYS[name].title}: the command failed in {root}.\n{done.stdout}{done.stderr}")
    return Trip([(source, target) for source, target in json.loads(done.stdout.splitlines()[-1])])


def main() -> None:
    """Prints the stops of one way."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ways", description=__doc__)
    parser.add_argument("name", choices=WAYS)
    parser.add_argument("--root", type=Path, default=HERE, help="a checkout of the project")
    parser.add_argument("--json", action="store_true", help="print nothing but the stops, as a list")
    options = parser.parse_args()
    trip = follow(WAYS[options.name], options.root.resolve())
    if options.json:
        print(json.dumps(trip.stops))
        return
    print(f"{WAYS[options.name].title}: {len(trip.stops)} stops, {len(trip.files)} files, {trip.returns} returns")
    for source, target in trip.stops:
        print(f"  {source} -> {target}")


if __name__ == "__main__":
    main()
