"""Table 1 and figure 20 at toy size: Next-DiT against timm's DeiT of the same size, with the same training.

``python -m benchmarks.table1`` trains what is not yet in ``runs/``, evaluates, prints the table and writes
``benchmarks/results/table1.json`` and ``docs/figure20_toy.png``.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.deit import DeiT
from benchmarks.report import machine, save
from lumina.analysis.resolution import Curve, crop, draw, fitting, seen_through, stored_config, top1
from lumina.backbone.rope import Rule
from lumina.commands.train import LuminaCLI, build
from lumina.interfaces import DataModule
from lumina.module import LuminaModule
from lumina.survival.checkpoints import newest_checkpoint
from lumina.weights.source import read_weights

TOY = Path(__file__).parents[1] / "experiments/toy"
PRETRAIN, ANYRES = (("--config", str(TOY / f"table1_{name}.yaml")) for name in ("pretrain", "anyres"))
GRID, PATCH = 8, 16  # of table1_pretrain.yaml
SIZES = (128, 192, 256, 384)
NATIVE = "{class_path: modalities.recognition.DynamicPartition, init_args: {patch_size: 16, max_patches: 256}}"
HEAD = "--model.objective.init_args.head.class_path=benchmarks.deit.ClassToken"


@dataclass(frozen=True, kw_only=True)
class Training:
    """A model of the table and its training.

    Attributes:
        name: for the table and, with ``run``, the folder.
        run: folder below ``runs``.
        configs: ``--config`` options.
        deit: whether timm's network stands in the place of the backbone.
        start: run whose weights it starts from; None = random ones.
    """

    name: str
    run: str
    configs: Sequence[str]
    deit: bool = False
    start: str | None = None

    def built(self, more: Sequence[str]) -> LuminaCLI:
        """Module, data and trainer."""
        options = [f"--trainer.logger.init_args.name={self.run}", "--model.weights=null", *more]
        cli = build([*self.configs, *options, *([HEAD] if self.deit else [])])
        if self.deit:
            config = cli.model.backbone.config
            network = DeiT(
                GRID, PATCH, embed_dim=config.dim, depth=config.num_layers, num_heads=config.num_heads,
                drop_path_rate=config.drop_path,
            )  # fmt: skip
            cli.model.register_module("backbone", network)
        return cli

    def trained(self, folder: Path, more: Sequence[str]) -> LuminaModule:
        """The averaged weights at the end of the run, which goes on from where it is."""
        cli, own = self.built(more), folder / self.run
        started = any(own.rglob("last.ckpt"))
        if self.start is not None and not started:
            cli.model.load_state_dict(read_weights(folder / self.start).tensors)
        cli.trainer.fit(cli.model, cli.datamodule, ckpt_path=newest_checkpoint(own) if started else None)
        cli.model.load_state_dict(read_weights(own).tensors)
        module: LuminaModule = cli.model
        return module.eval()


DEIT = Training(name="DeiT", run="table1_toy_deit", configs=PRETRAIN, deit=True)
NEXT = Training(name="Next-DiT", run="table1_toy_pretrain", configs=PRETRAIN)
TRAININGS = (
    DEIT,
    NEXT,
    Training(
        name="DeiT, any resolution", run="table1_toy_deit_anyres", configs=(*PRETRAIN, *ANYRES), deit=True,
        start=DEIT.run,
    ),
    Training(name="Next-DiT, any resolution", run="table1_toy_anyres", configs=(*PRETRAIN, *ANYRES), start=NEXT.run),
)  # fmt: skip


def rules_of(training: Training) -> tuple[Rule, ...]:
    """How positions are treated at larger sizes; DeiT's are interpolated whatever the rule says."""
    return ("none",) if training.deit else ("none", "ntk")


def evaluate(training: Training, module: LuminaModule, views: dict[str, DataModule]) -> dict[str, dict[Rule, float]]:
    """Top-1 through every view."""
    return {name: {rule: top1(module, data, rule) for rule in rules_of(training)} for name, data in views.items()}


def main() -> None:
    """Trains, evaluates, prints, draws."""
    parser = argparse.ArgumentParser("python -m benchmarks.table1", description="Table 1 and figure 20 at toy size.")
    parser.add_argument("--folder", type=Path, default=Path("runs"), help="of the runs (default: runs)")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results/table1.json")
    parser.add_argument("--figure", type=Path, default=Path("docs/figure20_toy.png"))
    parser.add_argument("more", nargs="*", help="further options of every training, after --")
    options = parser.parse_args()
    torch.manual_seed(0)
    more = [f"--trainer.logger.init_args.save_dir={options.folder}", *options.more]
    modules = {training: training.trained(options.folder, more) for training in TRAININGS}
    config = stored_config(options.folder / NEXT.run)
    squares = {f"{size}": seen_through(crop(size, 0.875), fitting(128, size, SIZES), config) for size in SIZES}
    views = {**squares, "flexible": seen_through(NATIVE, 64, config)}
    rows = []
    for training, module in modules.items():
        count = sum(parameter.numel() for parameter in module.parameters())
        rows.append({"model": training.name, "parameters": count, "top1": evaluate(training, module, views)})
        print(json.dumps(rows[-1]), flush=True)
    test = len(views["flexible"].dataset("test"))
    found = {"machine": machine(torch.device("cpu")), "test_pictures": test, "rows": rows}
    save(found, options.output)
    print(markdown(rows, test))
    draw(curves(rows), options.figure)


def markdown(rows: Sequence[dict[str, Any]], test: int) -> str:
    """The table, in percent with a standard error."""
    lines = [f"| model | parameters | {' | '.join(rows[0]['top1'])} |", "|---" * (2 + len(rows[0]["top1"])) + "|"]
    for row in rows:
        for rule in row["top1"]["flexible"]:
            values = [f"{100 * found[rule]:.1f} ± {error(found[rule], test):.1f}" for found in row["top1"].values()]
            lines.append(f"| {named(row, rule)} | {row['parameters'] / 1e6:.2f} M | {' | '.join(values)} |")
    return "\n".join(lines)


def error(share: float, count: int) -> float:
    """Standard error of a share, in percent."""
    return 100 * math.sqrt(share * (1 - share) / count)


def curves(rows: Sequence[dict[str, Any]]) -> dict[str, tuple[Curve, Rule, int]]:
    """Lines of figure 20."""
    return {
        named(row, rule): ({size: row["top1"][str(size)][rule] for size in SIZES}, rule, place)
        for place, row in enumerate(rows)
        for rule in row["top1"]["flexible"]
    }


def named(row: dict[str, Any], rule: Rule) -> str:
    """A model under a rule, where there are several."""
    return f"{row['model']}, {rule}" if len(row["top1"]["flexible"]) > 1 else row["model"]


if __name__ == "__main__":
    main()
