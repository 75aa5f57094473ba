"""Recognition against timm's DeiT of the same size, and methods to batch mixed sizes, in one run.

``python -m benchmarks.recognition [--device cpu|cuda] [--quick] [--output FILE.json]``
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Literal

import torch
from torch import Tensor

from benchmarks.backbone import difference
from benchmarks.deit import ClassToken, DeiT
from benchmarks.report import machine, save
from benchmarks.timing import interleave
from lumina.backbone import NextDiTConfig
from lumina.module import LuminaModule
from lumina.objectives.recognition import Recognition as Objective
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Batch, Conditioning
from modalities.recognition import PooledHead, Recognition

PATCH, GRID, CLASSES = 16, 14, 1000
FIXED = ((GRID, GRID),) * 16  # 224x224 pixels
MIXED = (
    *((8, 8), (8, 12), (12, 8), (9, 12), (10, 10), (7, 14), (10, 15), (11, 11)),
    *((12, 12), (10, 14), (12, 9), (14, 14), (12, 16), (8, 16), (16, 12), (11, 15)),
)  # 64 to 196 tokens, two thirds of what padding to the longest takes
PEER = "timm"
TOLERANCE = 1e-4
Mode = Literal["inference", "training"]


def next_dit(dim: int, layers: int, mixed_sizes: Literal["packed", "padded"]) -> LuminaModule:
    """Next-DiT with non-zero gates and output layer."""
    torch.manual_seed(0)
    config = NextDiTConfig(
        dim=dim, num_layers=layers, num_heads=dim // 64, modulation="learned", mixed_sizes=mixed_sizes
    )
    module = LuminaModule(Recognition((GRID * PATCH, GRID * PATCH)), config, Objective(PooledHead(CLASSES)))
    for name, parameter in module.named_parameters():
        if "adaLN_modulation" in name:
            torch.nn.init.constant_(parameter, 0.5)
    return module.eval()


def deit(dim: int, layers: int) -> LuminaModule:
    """The backbone replaced by timm's DeiT."""
    torch.manual_seed(0)
    config = NextDiTConfig(dim=dim, num_layers=1, num_heads=dim // 64, modulation="learned")
    module = LuminaModule(Recognition((GRID * PATCH, GRID * PATCH)), config, Objective(ClassToken(CLASSES)))
    module.register_module("backbone", DeiT(GRID, PATCH, embed_dim=dim, depth=layers, num_heads=dim // 64))
    return module.eval()


def batch_of(grids: tuple[tuple[int, int], ...], device: torch.device) -> Batch:
    """Random pictures of these grids of patches; a tensor where all are alike."""
    generator = keyed_generator(Purpose.BASELINE)
    images = [torch.randn(3, rows * PATCH, columns * PATCH, generator=generator).to(device) for rows, columns in grids]
    labels = torch.randint(CLASSES, (len(grids),), generator=generator).to(device)
    return {"image": torch.stack(images) if len(set(grids)) == 1 else images, "label": labels}


def run(module: LuminaModule, mode: Mode, batches: Sequence[Batch]) -> Tensor:
    """Logits ``[B, K]`` of all batches; training adds their backward pass."""
    module.zero_grad(set_to_none=True)
    nothing, found = Conditioning(), []
    with torch.set_grad_enabled(mode == "training"):
        for batch in batches:
            tokens = module.tokens(batch)
            logits = module.objective.outputs(module.backbone, tokens, nothing, nothing)
            if mode == "training":
                torch.nn.functional.cross_entropy(logits, batch["label"], reduction="sum").backward()
            found.append(logits.detach())
    return torch.cat(found)


def measure(models: Mapping[str, LuminaModule], batch: Batch, mode: Mode, device: torch.device) -> dict[str, Any]:
    """Medians of every way to compute a batch, after a check that ways of one model agree.

    Raises:
        ValueError: if they do not.
    """
    single = [{name: values[i : i + 1] for name, values in batch.items()} for i in range(len(batch["label"]))]
    mixed = isinstance(batch["image"], list)
    ways = {name: partial(run, model, mode, [batch]) for name, model in models.items()}
    if mixed:
        ways |= {f"{name}, one by one": partial(run, models[name], mode, single) for name in (PEER, "packed")}
    else:
        del ways["padded"]  # nothing is padded
    outputs = {name: way() for name, way in ways.items()}
    for name, logits in outputs.items():
        reference = PEER if name.startswith(PEER) else "packed"
        if not (off := difference(logits, outputs[reference])) <= TOLERANCE:
            raise ValueError(f"{name} is {off:.1e} off {reference}; {TOLERANCE:.0e} is allowed, so it is not timed.")
    samples = interleave(ways, device)
    ratios = {
        name: median(peer / own for peer, own in zip(samples[PEER], times, strict=True))
        for name, times in samples.items()
    }
    rate = {name: 1000 * len(batch["label"]) / median(times) for name, times in samples.items()}
    return {name: {"pictures_per_second": rate[name], "ratio": ratios[name]} for name in ways}


def main() -> None:
    """Parses the command line, runs, prints a table and writes the JSON document."""
    parser = argparse.ArgumentParser("python -m benchmarks.recognition", description="Recognition against timm's DeiT.")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to run (default: cpu)")
    parser.add_argument("--quick", action="store_true", help="toy sizes, to see that everything runs")
    parser.add_argument("--output", type=Path, help="default: benchmarks/results/recognition_DEVICE.json")
    options = parser.parse_args()
    device = torch.device(options.device)
    dim, layers = (64, 1) if options.quick else (384, 12)
    facts = machine(device)
    models = {PEER: deit(dim, layers), **{way: next_dit(dim, layers, way) for way in ("packed", "padded")}}
    if not options.quick:
        models |= {f"{PEER}, compiled": deit(dim, layers), "packed, compiled": next_dit(dim, layers, "packed")}
        for name in (f"{PEER}, compiled", "packed, compiled"):
            models[name].backbone.compile_blocks()
    parameters = {name: sum(p.numel() for p in model.to(device).parameters()) for name, model in models.items()}
    found: dict[str, Any] = {"machine": facts, "parameters": parameters, "cases": {}}
    for case, grids in {"fixed": FIXED, "mixed": MIXED}.items():
        for mode in ("inference", "training"):
            rows = measure(models, batch_of(grids, device), mode, device)
            found["cases"][f"{case}, {mode}"] = rows
            print(f"\n{case}, {mode}")
            for name, row in rows.items():
                print(f"  {name:<20} {row['pictures_per_second']:8.1f} pictures/s  {row['ratio']:.2f}", flush=True)
    output: Path | None = options.output
    if output is None and not options.quick:
        output = Path(__file__).parent / f"results/recognition_{options.device}.json"
    if output is not None:
        save(found, output)


if __name__ == "__main__":
    main()
