"""Peak memory of a training step, each variant in a process of its own."""

from __future__ import annotations

import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from benchmarks.cases import inputs_of
from benchmarks.variants import load_variant

MIB = 2**20
WARM_UP = ((16, 20),)  # leaves gradients, workspaces and compiled code behind, hardly any activations


def training_peak(name: str, folder: Path, sizes: tuple[tuple[int, int], ...], device: str, precision: str) -> float:
    """MiB that a training step takes at its peak beyond what the process held after a small one.

    Resident memory on a CPU (Linux only), allocated memory on a GPU.

    Args:
        name: of the variant.
        folder: what `save_weights` wrote.
        sizes: height and width of each sample's latent.
        device: "cpu" or "cuda".
        precision: "fp32" or "bf16".
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measure, name, folder, sizes, device, precision).result()


def _measure(name: str, folder: Path, sizes: tuple[tuple[int, int], ...], device: str, precision: str) -> float:
    where = torch.device(device)
    variant = load_variant(name, folder, where)
    with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
        variant.train(inputs_of(WARM_UP, where))
        inputs = inputs_of(sizes, where)
        before = _reset_peak(where)
        variant.train(inputs)
    peak = torch.cuda.max_memory_allocated() if where.type == "cuda" else _resident("VmHWM")
    return (peak - before) / MIB


def _reset_peak(device: torch.device) -> int:
    """Forgets the peak so far; bytes held now."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    Path("/proc/self/clear_refs").write_text("5")
    return _resident("VmRSS")


def _resident(field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"/proc/self/status has no {field}; peak memory on a CPU can be measured on Linux only.")
    return 1024 * int(found[1])
