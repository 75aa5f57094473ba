"""Muon: momentum made orthogonal, so that no direction of a weight matrix learns faster than the others."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

COEFFICIENTS = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
)
"""a, b and c of ``a x + b x^3 + c x^5``, one polynomial a step ("The Polar Express", Amsel et al., 2025)."""

SAFETY = 1.01
"""Singular values are held below ``1 / SAFETY`` of what a polynomial allows: rounding may enlarge them."""

AT_ONCE = 2**26
"""Elements of matrices that are made orthogonal together, which takes some 10 bytes of each."""


class Muon(torch.optim.AdamW):
    """Muon for weight matrices, AdamW for all other parameters.

    A matrix moves along its Nesterov momentum with all singular values set to 1, times ``0.2 sqrt(max(H, W))``. Its
    elements are then as large as those of AdamW's updates, so both use one learning rate ("Muon is scalable for LLM
    training", Liu et al., 2025). Matrices of one shape are made orthogonal together, in bfloat16, or in float32 on CPUs
    with neither AMX nor AVX512-BF16. All parameters with two axes count as matrices, a table of classes too.

    Args:
        params: the parameters to train.
        lr: learning rate.
        momentum: decay rate of the matrices' momentum.
        betas: AdamW's decay rates.
        eps: AdamW's, added to the denominator.
        weight_decay: decoupled weight decay of the matrices.
        fused: use AdamW's fused kernel; None = PyTorch's default.

    Raises:
        ValueError: there are no matrices, they are sharded, or the momentum is out of its range.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = 1e-3,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.05,
        fused: bool | None = None,
    ) -> None:
        parameters = list(params)
        matrices = [p for p in parameters if p.ndim == 2]
        if not matrices or any(isinstance(matrix, DTensor) for matrix in matrices):
            raise ValueError(
                "Muon needs whole matrices, but got sharded, flattened or no matrices: train with DDP or on one "
                "device, or use AdamW."
            )
        if not 0 <= momentum < 1:
            raise ValueError(f"Got momentum {momentum:g}: set a number from 0 and below 1, such as 0.95.")
        groups: list[dict[str, Any]] = [
            {"params": matrices, "momentum": momentum},
            {"params": [p for p in parameters if p.ndim != 2], "weight_decay": 0.0},
        ]
        super().__init__(groups, lr, betas, eps, weight_decay, fused=fused)
        self._step_supports_amp_scaling = False  # a loss scaler skips steps itself: matrices have no fused kernel

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restores the state; AdamW's own way would look for a count of steps in that of matrices."""
        torch.optim.Optimizer.__setstate__(self, state)

    def _init_group(self, group: dict[str, Any], *lists: Any) -> bool:
        """Hands AdamW's step the parameters of a group, and of matrices, which move here, none."""
        if "momentum" not in group:
            complex_: bool = super()._init_group(group, *lists)
            return complex_
        alike = defaultdict[Any, list[Tensor]](list)
        for matrix in group["params"]:
            if matrix.grad is not None:
                alike[matrix.shape, matrix.dtype, matrix.device].append(matrix)
        for (shape, *_), matrices in alike.items():
            count = max(1, AT_ONCE // shape.numel())
            for start in range(0, len(matrices), count):
                self._move(matrices[start : start + count], group)
        return False

    def _move(self, matrices: list[Tensor], group: dict[str, Any]) -> None:
        """Updates matrices of one shape."""
        rate, decay = float(group["lr"]), group["momentum"]
        gradients = [matrix.grad for matrix in matrices if matrix.grad is not None]
        momenta = [self._momentum(matrix) for matrix in matrices]
        torch._foreach_lerp_(momenta, gradients, 1 - decay)
        update = orthogonal(torch.stack(torch._foreach_lerp(gradients, momenta, decay))).to(matrices[0].dtype)
        torch._foreach_mul_(matrices, 1 - rate * group["weight_decay"])
        torch._foreach_add_(matrices, list(update), alpha=-rate * 0.2 * math.sqrt(max(matrices[0].shape)))

    def _momentum(self, matrix: Tensor) -> Tensor:
        state = self.state[matrix]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(matrix)
        found: Tensor = state["momentum"]
        return found


def orthogonal(matrices: Tensor) -> Tensor:
    """The matrices with all singular values near 1 and the same singular vectors, by polynomials of the matrices.

    Args:
        matrices: ``[N, H, W]``.

    Returns:
        ``[N, H, W]``. Singular values above 1 % of the norm are within 0.2 of 1, those below 0.2 % stay lower; a matrix
        of zeros stays one.
    """
    if matrices.shape[-2] > matrices.shape[-1]:
        return orthogonal(matrices.mT).mT
    x = matrices.float()
    x = (x / (SAFETY * x.norm(dim=(-2, -1), keepdim=True)).clamp_min(1e-20)).to(_fastest(x.device))
    for step, (a, b, c) in enumerate(COEFFICIENTS, 1):
        room = SAFETY if step < len(COEFFICIENTS) else 1.0
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b / room**3, alpha=c / room**5), x, beta=a / room)
    return x


def _fastest(device: torch.device) -> torch.dtype:
    """In which products of matrices are fast; CPUs that have to emulate bfloat16 take up to 46 times as long in it."""
    slow = device.type == "cpu" and not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return torch.float32 if slow else torch.bfloat16
