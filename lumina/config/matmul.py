"""Precision of float32 matrix products on a GPU."""

from __future__ import annotations

from typing import Literal

import torch
from lightning.pytorch.utilities import rank_zero_info

MatmulPrecision = Literal["highest", "high", "medium"]
MEANING = {"highest": "float32 itself", "high": "TF32", "medium": "bfloat16"}


def choose_matmul_precision(precision: MatmulPrecision, device: torch.device) -> None:
    """Sets the precision if a run uses a GPU, and prints it; a CPU always multiplies in float32.

    Args:
        precision: PyTorch's name for it.
        device: of the run.
    """
    if device.type == "cuda":
        torch.set_float32_matmul_precision(precision)
        rank_zero_info(f"Products of float32 matrices use {MEANING[precision]} (float32_matmul_precision: {precision})")
