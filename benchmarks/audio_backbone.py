"""The backbone on 312 tokens of sound against diffusers' ``StableAudioDiTModel`` of equal width and depth, one run.

``python -m benchmarks.audio_backbone [--device cpu|cuda] [--size NAME ...] [--output FILE.json]``

The two are other architectures, so their outputs cannot be compared; what is equal is the width, the depth, the heads,
the tokens, the text and the batch. Both are timed as published and compiled, forward, without gradients.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.backbone import PRECISIONS
from benchmarks.flops import forward_flops
from benchmarks.report import machine, markdown, save, summary
from benchmarks.timing import interleave, peak_gflops
from lumina.backbone import NextDiT, NextDiTConfig
from lumina.values import Conditioning, Tokens

TOKENS, CHANNELS = 312, 20  # of ten seconds
Call = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Size:
    """A model and a batch.

    Attributes:
        dim: width.
        layers: blocks.
        heads: of attention, as many for keys and values.
        samples: in the batch.
        text_tokens: of every sample.
        text_dim: their width.
    """

    dim: int
    layers: int
    heads: int
    samples: int
    text_tokens: int
    text_dim: int

    @property
    def config(self) -> NextDiTConfig:
        """The architecture on this side."""
        return NextDiTConfig(
            dim=self.dim,
            num_layers=self.layers,
            num_heads=self.heads,
            token_dim=CHANNELS,
            position_axes=1,
            text_dim=self.text_dim,
        )


SIZES = {
    "paper": Size(dim=768, layers=16, heads=32, samples=8, text_tokens=154, text_dim=1024),
    "small": Size(dim=256, layers=8, heads=8, samples=4, text_tokens=32, text_dim=384),
    "quick": Size(dim=32, layers=1, heads=2, samples=2, text_tokens=4, text_dim=16),
}


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What both sides see: ``features [B, L, F]``, ``t [B]``, ``text [B, S, C]``."""

    features: Tensor
    t: Tensor
    text: Tensor

    @classmethod
    def of(cls, size: Size, device: torch.device) -> Inputs:
        """The same at every call."""
        draw = partial(torch.randn, generator=torch.Generator().manual_seed(0))
        features, text = draw(size.samples, TOKENS, CHANNELS), draw(size.samples, size.text_tokens, size.text_dim)
        t = torch.linspace(0.1, 0.9, size.samples)
        return cls(features=features.to(device), t=t.to(device), text=text.to(device))


def lumina_call(size: Size, inputs: Inputs, compiled: bool) -> tuple[nn.Module, Call]:
    """`NextDiT`; its rotary table is inside the timed call."""
    device = inputs.features.device
    model = NextDiT(size.config).to(device).eval()
    if compiled:
        model.compile_blocks()
    positions = torch.arange(TOKENS, device=device)[None, :, None].expand(size.samples, -1, -1)
    tokens = Tokens(features=inputs.features, positions=positions)
    return model, lambda: model.predict(tokens, inputs.t, Conditioning(cross=inputs.text))


def diffusers_call(size: Size, inputs: Inputs, compiled: bool) -> tuple[nn.Module, Call]:
    """``StableAudioDiTModel``; its rotary table is handed to it, as by its pipeline."""
    from diffusers import StableAudioDiTModel
    from diffusers.models.embeddings import get_1d_rotary_pos_embed

    device, head = inputs.features.device, size.dim // size.heads
    model: Any = StableAudioDiTModel(
        sample_size=TOKENS,
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        num_layers=size.layers,
        attention_head_dim=head,
        num_attention_heads=size.heads,
        num_key_value_attention_heads=size.heads,
        cross_attention_dim=size.dim,
        cross_attention_input_dim=size.text_dim,
        global_states_input_dim=size.dim,
    )
    model = model.to(device).eval()
    table = get_1d_rotary_pos_embed(head // 2, TOKENS + 1, use_real=True, repeat_interleave_real=False)
    rotary = tuple(part.to(device) for part in table)
    latents, pooled = inputs.features.transpose(1, 2).contiguous(), inputs.features.new_zeros(size.samples, 1, size.dim)
    run = torch.compile(model) if compiled else model
    return model, lambda: run(latents, inputs.t, inputs.text, pooled, rotary, return_dict=False)[0]


def measured(size: Size, precision: str, device: torch.device, compiled: bool = True) -> dict[str, Any]:
    """Times of all variants in interleaved rounds, and their numbers of parameters."""
    inputs, dtype = Inputs.of(size, device), PRECISIONS[device.type][precision]  # type: ignore[index]
    torch.compiler.reset()
    sides = {"diffusers": diffusers_call, "lumina": lumina_call}
    built = {name: side(size, inputs, False) for name, side in sides.items()}
    if compiled:
        built |= {f"{name} compiled": side(size, inputs, True) for name, side in sides.items()}

    def call(step: Call) -> object:
        with torch.no_grad(), torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            return step()

    calls = {name: partial(call, step) for name, (_, step) in built.items()}
    for step in calls.values():
        step()
    gflop = forward_flops(size.config, [TOKENS] * size.samples, size.text_tokens) / 1e9
    samples = interleave(calls, device)
    peak = peak_gflops(device, dtype)
    return {
        "peak": peak,
        "gflop": gflop,
        "parameters": {name: sum(p.numel() for p in model.parameters()) for name, (model, _) in built.items()},
        "variants": summary(samples, gflop, peak),
    }


def run(names: list[str], device: torch.device, compiled: bool = True) -> dict[str, Any]:
    """All sizes in all precisions of the device, as a JSON document."""
    described, peaks, timings = machine(device), dict[str, float](), []
    for name in names:
        for precision in PRECISIONS[device.type]:
            size = SIZES[name]
            found = measured(size, precision, device, compiled)
            peaks[precision] = max(peaks.get(precision, 0.0), found.pop("peak"))
            case = f"{name}: {size.samples} of {TOKENS}"
            found |= {"case": case, "kv_heads": size.heads, "mode": "forward", "precision": precision}
            timings.append(found)
    return {"machine": described, "peak_gflops": peaks, "timings": timings, "memory": []}


def main() -> None:
    """Parses the command line, runs, prints the table and writes the JSON document."""
    parser = argparse.ArgumentParser("python -m benchmarks.audio_backbone", description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=PRECISIONS, default="cpu", help="where to run (default: cpu)")
    parser.add_argument("--size", choices=SIZES, nargs="+", default=["paper", "small"], help="default: paper small")
    parser.add_argument("--output", type=Path, help="default: benchmarks/results/audio_backbone_DEVICE.json")
    options = parser.parse_args()
    torch.manual_seed(0)
    result = run(options.size, torch.device(options.device))
    print(markdown(result))
    for timing in result["timings"]:
        print(f"{timing['case']}, {timing['precision']}: parameters {timing['parameters']}")
    output = options.output or Path(__file__).parent / f"results/audio_backbone_{options.device}.json"
    save(result, output)


if __name__ == "__main__":
    main()
