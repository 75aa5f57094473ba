"""Results as a JSON document and as Markdown tables."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.variants import NAMES

PEER = NAMES[0]


def machine(device: torch.device) -> dict[str, Any]:
    """Description of the machine."""
    described: dict[str, Any] = {
        "cpu": _cpu_model(),
        "threads": torch.get_num_threads(),
        "load_average_before": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "diffusers": version("diffusers"),
    }
    if device.type == "cuda":
        described["gpu"] = torch.cuda.get_device_name(device)
    return described


def summary(samples: dict[str, list[float]], gflop: float, peak: float) -> dict[str, Any]:
    """Medians over the rounds, of each variant's milliseconds and of its ratio to the peer.

    Args:
        samples: milliseconds of each round.
        gflop: useful work of one call.
        peak: GFLOP/s of a large matrix product.
    """
    rows = {}
    for name, times in samples.items():
        rate = 1000 * gflop / median(times)
        rows[name] = {
            "ms": median(times),
            "speed_up": median(theirs / ours for theirs, ours in zip(samples[PEER], times, strict=True)),
            "gflops": rate,
            "share_of_peak": rate / peak,
            "samples_ms": [round(sample, 3) for sample in times],
        }
    return rows


def save(result: Any, output: Path) -> None:
    """Writes a JSON document, and says where."""
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\n{output}")


def facts_of(described: Mapping[str, Any]) -> str:
    """The description of a machine in a line."""
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in described.items())


def markdown(result: dict[str, Any]) -> str:
    """The tables of a result."""
    facts = facts_of(result["machine"])
    peaks = ", ".join(f"{precision} {peak:.0f} GFLOP/s" for precision, peak in result["peak_gflops"].items())
    return "\n".join([f"{facts}; peak {peaks}", *_timings(result["timings"]), *_memory(result["memory"])])


def _timings(timings: list[dict[str, Any]]) -> list[str]:
    lines = ["", *_head("batch", "kv heads", "call", "GFLOP", "variant", "ms", "speed-up", "GFLOP/s", "of peak")]
    for timing in timings:
        mode = f"{timing['mode']}, {timing['precision']}"
        for name, row in timing["variants"].items():
            cells = f"{timing['gflop']:.1f}", name, f"{row['ms']:.1f}", f"{row['speed_up']:.2f}", f"{row['gflops']:.0f}"
            lines.append(_row(timing["case"], timing["kv_heads"], mode, *cells, f"{row['share_of_peak']:.0%}"))
    return lines


def _memory(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    lines = ["", *_head("batch", "kv heads", "training step", "variant", "peak MiB", "times less")]
    for row in rows:
        peer = row["peak_mib"][PEER]
        for name, mib in row["peak_mib"].items():
            lines.append(_row(row["case"], row["kv_heads"], row["precision"], name, f"{mib:.0f}", f"{peer / mib:.2f}"))
    return lines


def _head(*titles: str) -> tuple[str, str]:
    return _row(*titles), "|---" * len(titles) + "|"


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.exists() else None
    return found[1] if found else platform.processor()
