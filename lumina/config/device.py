"""The option ``--device`` of commands that run a network without a trainer."""

from __future__ import annotations

import torch


def choose_device(name: str) -> torch.device:
    """The device of that name; ``auto`` = a GPU if available, else the CPU.

    Raises:
        ValueError: this machine has no such device.
    """
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if name == "auto":
        return accelerator or torch.device("cpu")
    try:
        chosen = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device={name!r} is not a device; use auto, cpu, cuda, cuda:1, ...") from error
    available = chosen.type == "cpu" or (accelerator is not None and accelerator.type == chosen.type)
    if not available or (chosen.index or 0) >= (1 if chosen.type == "cpu" else torch.accelerator.device_count()):
        found = "only a CPU" if accelerator is None else f"{torch.accelerator.device_count()} x {accelerator.type}"
        raise ValueError(f"device={name}: this machine has {found}; use auto, cpu or an available device.")
    return chosen
