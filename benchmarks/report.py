"""Results as a JSON document and as a Markdown table."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.variants import NAMES

PEER = NAMES[0]


def machine(device: torch.device) -> dict[str, Any]:
    """What the numbers were measured on."""
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
    """Medians of each variant's milliseconds, and the median over the rounds of the ratio to the peer.

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
            "samples_ms": times,
        }
    return rows


def markdown(result: dict[str, Any]) -> str:
    """The tables of a result."""
    facts = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in result["machine"].items())
    peaks = ", ".join(f"{precision} {peak:.0f} GFLOP/s" for precision, peak in result["peak_gflops"].items())
    parts = [f"{facts}; peak {peaks}", *_timings(result["timings"]), *_memory(result["memory"])]
    return "\n".join(parts)


def _timings(timings: list[dict[str, Any]]) -> list[str]:
    lines = [
        "",
        "| batch | kv heads | mode | GFLOP | variant | ms | against diffusers | GFLOP/s | of peak |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for timing in timings:
        head = f"| {timing['case']} | {timing['kv_heads']} | {timing['mode']}, {timing['precision']} | {timing['gflop']:.1f} |"
        lines += [
            f"{head} {name} | {row['ms']:.1f} | {row['speed_up']:.2f} | {row['gflops']:.0f} | {row['share_of_peak']:.0%} |"
            for name, row in timing["variants"].items()
        ]
    return lines


def _memory(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "",
        "| batch | kv heads | training step | variant | peak MiB | diffusers takes |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        head = f"| {row['case']} | {row['kv_heads']} | {row['precision']} |"
        lines += [
            f"{head} {name} | {mib:.0f} | {row['peak_mib'][PEER] / mib:.2f} times as much |"
            for name, mib in row["peak_mib"].items()
        ]
    return lines


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    return names[0] if names else platform.processor()
