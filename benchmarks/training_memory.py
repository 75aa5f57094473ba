"""Memory to train the published 2B model: a calculated table and, on a GPU, the measured peak; and the stages of views.

``python -m benchmarks.training_memory [--measure]``, ``python -m benchmarks.training_memory --views``
"""

from __future__ import annotations

import argparse
from dataclasses import fields, replace

import torch

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.backbone.lora import Lora, add_adapters, lower_base
from lumina.reports.training_memory import Plan, TrainingMemory, training_memory
from lumina.values import Conditioning, Tokens

GIB = 2**30
PIXELS = 16  # side of a token: 8 (VAE) x 2 (patch)
TWO_BILLION = NextDiTConfig(
    dim=2304,
    num_layers=24,
    num_heads=32,
    num_kv_heads=8,
    token_dim=16,
    position_axes=2,
    text_dim=2048,
    learn_sigma=True,
    pad_token=True,
)
OF_VIEWS = NextDiTConfig(
    dim=1536, num_layers=16, num_heads=32, token_dim=16, position_axes=3, axes_dims=(0, 24, 24), text_dim=2048
)
STAGES = {"mv_256_n4.yaml": (256, 4, 32), "mv_512_n4.yaml": (512, 4, 16), "mv_512_n8.yaml": (512, 8, 4)}
"""Pixels of a side, views and objects a step, on each of 8 GPUs."""
ADAPTERS = Lora(rank=16, base="bfloat16")
EIGHT_BIT = Plan(batch=1, tokens=1, text_tokens=256, precision="bf16-true", optimizer="adamw_8bit")
MIXED = Plan(batch=1, tokens=1, text_tokens=256, average=True)
PLANS = {
    "all weights, AdamW, averaged": MIXED,
    "... checkpointing": replace(MIXED, checkpointing=True),
    "all weights in bfloat16, 8-bit AdamW": EIGHT_BIT,
    "... checkpointing (full_2b_24gb.yaml)": replace(EIGHT_BIT, checkpointing=True),
    "LoRA of rank 16, AdamW, averaged": replace(MIXED, lora=ADAPTERS),
    "... checkpointing (lora_2b.yaml)": replace(MIXED, lora=ADAPTERS, checkpointing=True),
}


def table(side: int, batch: int, measure: bool) -> str:
    """A Markdown table in GiB.

    Args:
        side: of the pictures in pixels.
        batch: pictures a step.
        measure: whether to train on this machine's GPU too.
    """
    parts = [field.name for field in fields(TrainingMemory)]
    head = [f"{batch} picture(s) of {side}x{side}", *(part.replace("_", " ") for part in parts), "sum", "in 24 GiB"]
    lines = [head + ["measured"] * measure, ["---"] * (len(head) + measure)]
    for name, plan in PLANS.items():
        plan = replace(plan, batch=batch, tokens=(side // PIXELS) ** 2)
        memory = training_memory(TWO_BILLION, plan)
        numbers = [f"{value / GIB:.1f}" for value in (*(getattr(memory, part) for part in parts), memory.total)]
        lines.append([name, *numbers, str(largest_batch(plan))] + ([measured(plan)] if measure else []))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table_of_views() -> str:
    """A Markdown table in GiB, of the stages that train the 600M model on views."""
    lines = [["stage", "tokens an object", "objects", "with checkpointing", "without"], ["---"] * 5]
    for name, (side, views, batch) in STAGES.items():
        plan = replace(MIXED, grouped=True, tokens=(views + 1) * (side // PIXELS) ** 2)  # a reference is one more
        for objects in (1, batch):
            plans = [replace(plan, batch=objects, checkpointing=checkpointing) for checkpointing in (True, False)]
            totals = [f"{training_memory(OF_VIEWS, plan).total / GIB:.1f}" for plan in plans]
            lines.append([name, f"{plan.tokens:,}", str(objects), *totals])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def largest_batch(plan: Plan, budget: float = 23 * GIB) -> int:
    """Pictures a step that fit; a gibibyte of the 24 is left to the device's context and fragmentation."""
    one, two = (training_memory(TWO_BILLION, replace(plan, batch=batch)).total for batch in (1, 2))
    return max(0, int((budget - one) // (two - one) + 1))


def measured(plan: Plan) -> str:
    """Peak of allocated memory over two steps on the GPU, in GiB; "-" where it does not fit."""
    device = torch.device("cuda")
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    try:
        train(TWO_BILLION, plan, device)
    except torch.OutOfMemoryError:
        return "-"
    return f"{torch.cuda.max_memory_allocated() / GIB:.1f}"


def train(config: NextDiTConfig, plan: Plan, device: torch.device, steps: int = 2) -> None:
    """Steps on random data, as the plan says.

    Args:
        config: of the backbone.
        plan: how to train it; the average is kept but not updated.
        device: where.
        steps: of the optimizer.
    """
    model = _model(config, plan, device)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    average = [parameter.detach().float().clone() for parameter in trained] if plan.average else []
    optimizer = _optimizer(trained, plan)
    dtype = next(model.parameters()).dtype
    features = torch.randn(plan.batch, plan.tokens, config.token_dim or 0, device=device, dtype=dtype)
    side = torch.arange(int(plan.tokens**0.5), device=device)
    tokens = Tokens(features=features, positions=torch.cartesian_prod(side, side).expand(plan.batch, -1, -1))
    cross = torch.randn(plan.batch, plan.text_tokens, config.text_dim or 0, device=device, dtype=dtype)
    for _ in range(steps):
        with torch.autocast(device.type, torch.bfloat16, plan.precision == "bf16-mixed", cache_enabled=False):
            out = model.predict(tokens, torch.rand(plan.batch, device=device), Conditioning(cross=cross))
        out.float().square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    del average


def _model(config: NextDiTConfig, plan: Plan, device: torch.device) -> NextDiT:
    with device:
        model = NextDiT(config, activation_checkpointing=plan.checkpointing)
    if plan.lora is not None:
        add_adapters(model, plan.lora)
        lower_base(model, plan.lora.base)
    return model.bfloat16() if plan.precision == "bf16-true" else model


def _optimizer(parameters: list[torch.nn.Parameter], plan: Plan) -> torch.optim.Optimizer:
    if plan.optimizer == "adamw":
        return torch.optim.AdamW(parameters, fused=True)
    from lumina.optimizers.adamw_8bit import AdamW8bit

    return AdamW8bit(parameters)


def main() -> None:
    """Prints one table a size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training_memory", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", help="sides of the pictures in pixels; 512 and 1024")
    parser.add_argument("--batch", type=int, help="pictures a step; 1")
    parser.add_argument("--views", action="store_true", help="show the stages of views instead")
    parser.add_argument("--measure", action="store_true", help="train a step on this machine's GPU as well")
    options = parser.parse_args()
    if options.views and (options.sizes or options.batch or options.measure):
        parser.error("--views shows the paper's stages as they are, without --sizes, --batch and --measure")
    if options.measure and not torch.cuda.is_available():
        parser.error("--measure needs a CUDA device, and PyTorch sees none")
    print("GiB; not counted: the device's context (about 0.5), text encoder and VAE (none with cached data).\n")
    if options.views:
        print(table_of_views())
        return
    for side in options.sizes or (512, 1024):
        print(table(side, options.batch or 1, options.measure), end="\n\n")


if __name__ == "__main__":
    main()
