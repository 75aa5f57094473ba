"""Peak memory of a training step, each variant in a separate process."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from benchmarks.cases import Sizes, inputs_of
from benchmarks.variants import Precision, load_variant

MIB = 2**20
WARM_UP = ((16, 20),)  # leaves gradients, workspaces and compiled code behind, and hardly any activations


def training_peak(name: str, folder: Path, sizes: Sizes, device: torch.device, precision: Precision) -> float:
    """Peak memory of a training step in MiB above that of the process after a small step.

    Resident memory on a CPU (Linux with glibc only), allocated memory on a GPU.

    Args:
        name: of the variant.
        folder: what `save_weights` wrote.
        sizes: of the latents.
        device: where to run.
        precision: "bf16" is autocast.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measure, name, folder, sizes, device, precision).result()


def _measure(name: str, folder: Path, sizes: Sizes, device: torch.device, precision: Precision) -> float:
    variant = load_variant(name, folder, device, precision)
    variant.train(inputs_of(WARM_UP, device))
    inputs = inputs_of(sizes, device)
    before = _forget_peak(device)
    variant.train(inputs)
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else _resident("VmHWM")
    return (peak - before) / MIB


def _forget_peak(device: torch.device) -> int:
    """Starts a new peak; the bytes held now."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # or the step would live in what compilation freed
    Path("/proc/self/clear_refs").write_text("5")
    return _resident("VmRSS")


def _resident(field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"/proc/self/status has no {field}; peak memory on a CPU can be measured on Linux only.")
    return 1024 * int(found[1])
