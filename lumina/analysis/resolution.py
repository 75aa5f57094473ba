"""Figure 20: recognition accuracy over image resolution."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from tqdm import tqdm

from lumina.analysis.figures import COLOURS, drawn, model_names, write_table
from lumina.backbone.rope import Rule
from lumina.checkpoints.pretrained import load_pretrained
from lumina.config.device import choose_device
from lumina.config.parser import ShortErrorParser
from lumina.config.trust import shared
from lumina.data.batches import move, select
from lumina.files.yaml_file import load
from lumina.interfaces import DataModule
from lumina.metrics.accuracy import Accuracy
from lumina.module import LuminaModule
from lumina.randomness import Purpose, keyed_generator
from lumina.runs import config_of
from lumina.survival.checkpoints import newest_checkpoint
from lumina.values import Inference

LINES: dict[Rule, Any] = dict(zip(get_args(Rule), ("-", "--", "-.", ":", (0, (3, 1)), (0, (1, 1))), strict=True))
Curve = dict[int, float]


def analyze(
    runs: list[Path],
    sizes: tuple[int, ...] = (224, 384, 512, 1024),
    rules: tuple[Rule, ...] = ("none", "ntk"),
    share: float = 0.875,
    batch_size: int = 64,
    data: list[str] | None = None,
    names: list[str] | None = None,
    device: str = "auto",
    output: Path = Path("analysis/resolution.png"),
) -> None:
    """Draws the top-1 accuracy of trained runs over the side of the pictures (figure 20).

    The pictures come from the run's test split; a central crop brings them to each size.

    Args:
        runs: folders or checkpoints of recognition runs.
        sizes: sides of the pictures in pixels, multiples of the patch size.
        rules: scaling rules of the rotary frequencies above the trained size; one curve each.
        share: side of the crop over the short side of the picture.
        batch_size: pictures per batch at the smallest size; larger sizes use fewer, for about as many tokens.
        data: more options of the datamodule, such as ``root=elsewhere``.
        names: names of the runs in the legend; None = names of their folders.
        device: auto (a GPU if there is one), cpu, cuda, cuda:1, ...
        output: the PNG; a CSV of the same name is written beside it.
    """
    labels = model_names([str(run) for run in runs], names)
    curves: dict[tuple[str, Rule], Curve] = {}
    for name, run in zip(labels, runs, strict=True):
        module, config = load_pretrained(run).to(choose_device(device)), stored_config(run)
        for size in sizes:
            module.modality.layout(1, {"size": (size, size)})  # raises if the patch size does not divide the size
        for size in sizes:
            view = crop(size, share)
            loaded = seen_through(view, fitting(batch_size, size, sizes), config, data or [])
            for rule in rules:
                curves.setdefault((name, rule), {})[size] = top1(module, loaded, rule)
    draw({f"{name}, {rule}": (curve, rule, labels.index(name)) for (name, rule), curve in curves.items()}, output)
    rows = [(name, rule, size, value) for (name, rule), curve in curves.items() for size, value in curve.items()]
    write_table(output, ("run", "rule", "size", "top1"), rows)


def stored_config(run: Path) -> Path:
    """The settings of a run, or of the run that wrote a checkpoint.

    Raises:
        FileNotFoundError: the run has no ``config.yaml``.
    """
    return config_of(newest_checkpoint(run) if run.is_dir() else run)


def crop(size: int, share: float) -> str:
    """The framing of DeiT's evaluation, a centre crop, as YAML text."""
    return f"{{class_path: lumina.pictures.framing.CentreCrop, init_args: {{size: {size}, share: {share}}}}}"


def seen_through(view: str, batch_size: int, config: Path, options: Sequence[str] = ()) -> DataModule:
    """Builds the datamodule of a stored config with a different framing of the test pictures.

    Args:
        view: the framing as YAML text.
        batch_size: pictures per batch.
        config: path of the run's config.
        options: more options of the datamodule, such as ``root=elsewhere``.

    Raises:
        ValueError: the datamodule has no ``eval_framing``.
    """
    parser = ShortErrorParser(prog="lumina analyze resolution")
    parser.add_argument("--data", type=DataModule)
    changes = [f"eval_framing={view}", f"eval_batch_size={batch_size}", "max_tokens=null", *options]
    plain = load(config.read_text())["data"]
    if "eval_framing" not in plain.get("init_args", {}):
        raise ValueError(
            f"{config} uses the datamodule {plain['class_path']}, whose pictures have a fixed size; figure 20 needs a "
            "datamodule with eval_framing, such as datamodules.labelled_pictures.LabelledPictures."
        )
    stored = json.dumps(plain)
    words = [f"--data={stored}", *(f"--data.init_args.{change}" for change in changes)]
    with shared(config):
        data: DataModule = parser.instantiate(parser.parse_args(words)).data
    data.prepare_data()
    return data


@torch.no_grad()
def top1(module: LuminaModule, data: DataModule, rule: Rule) -> float:
    """Top-1 accuracy on the test split under a scaling rule for sizes above the trained one."""
    options = Inference(rope_rule=rule, trained_length=module.modality.trained_length)
    accuracy = Accuracy()
    for number, batch in enumerate(tqdm(data.test_dataloader(), rule, leave=False)):
        real = batch["real"]
        batch = move(batch, module.device)
        samples = module.generate(module.tokens(batch), batch, keyed_generator(Purpose.TEST, number), options)
        accuracy.update(
            move(select(samples, real), torch.device("cpu")), select(move(batch, torch.device("cpu")), real)
        )
    return accuracy.compute()["top1"]


def draw(curves: dict[str, tuple[Curve, Rule, int]], output: Path) -> None:
    """Plots one line per curve: the style marks the rule, the colour marks the run."""
    with drawn(output, 5.0, 4.0) as figure:
        axes = figure.subplots()
        for name, (curve, rule, number) in curves.items():
            values = [100 * value for value in curve.values()]
            axes.plot(list(curve), values, color=COLOURS[number], linestyle=LINES[rule], marker="o", ms=3, label=name)
        axes.set(
            xlabel="side of the pictures, pixels",
            ylabel="Top-1, %",
            xticks=sorted({s for c, *_ in curves.values() for s in c}),
        )
        figure.legend(loc="outside lower center", ncols=2)


def fitting(most: int, size: int, sizes: Sequence[int]) -> int:
    """The number of pictures of ``size`` that have at most as many tokens as ``most`` of the smallest size."""
    return max(1, int(most * (min(sizes) / size) ** 2))
