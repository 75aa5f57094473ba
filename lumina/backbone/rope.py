"""Rotary position embedding on n axes, and scaling rules for untrained sizes (Lumina-Next, section 2.2).

Notation, for one axis: b is the rotary base, s the ratio of sampled to trained length, and u in [0, 1) the normalised
exponent of a frequency. The unscaled frequencies are ``theta_u = b ** -u``.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from lumina.values import Inference, is_shared, on_device

Rule = Literal["none", "interpolation", "ntk", "frequency_aware", "time_aware", "watershed"]
Table = tuple[Tensor, Tensor]
WATERSHED = 0.3  # the released sampler interpolates below this time and is NTK-aware above it


def axis_frequencies(
    rule: str,
    dim: int,
    base: float,
    scale: float | Tensor,
    t: float | Tensor,
    trained_length: float,
    head_dim: int | None = None,
) -> Tensor:
    """Angular frequencies of one axis (Lumina-Next, eqs. 1 to 3 and figure 6).

    Args:
        rule: "none" (extrapolation), "interpolation", "ntk", "frequency_aware", "time_aware" or "watershed".
        dim: real dimensions of the head that this axis rotates; there are ``dim / 2`` frequencies.
        base: b.
        scale: s, a number or ``[B]``; every rule returns the unscaled frequencies at 1.
        t: flow time, 0 = noise, 1 = data; for "time_aware" and "watershed".
        trained_length: positions on this axis during training; for "frequency_aware".
        head_dim: width of the whole head, for "time_aware"; None = ``dim``.

    Returns:
        theta ``[dim / 2]``, or ``[B, dim / 2]`` for several scales; float64, decreasing.

    Raises:
        ValueError: the rule is unknown, or the trained length is too small for "frequency_aware".
    """
    u = torch.arange(0, dim, 2, dtype=torch.float64) / dim
    plain = float(base) ** -u
    if rule != "frequency_aware":
        return scaled_frequencies(rule, plain, u, scale, t, head_dim or dim)
    s = torch.as_tensor(scale, dtype=torch.float64).unsqueeze(-1)
    exponent = 1.0 if bool((s == 1).all()) else _target_exponent(base, trained_length)
    return _stretched(plain, u, s, exponent)


def scaled_frequencies(
    rule: str, plain: Tensor, u: Tensor, scale: float | Tensor, t: float | Tensor, width: int
) -> Tensor:
    """Scales frequencies by a rule that does not need the trained length; for RoPE and for Fourier features of points.

    "interpolation" gives ``theta / s``, "ntk" ``theta s^-u``, "time_aware" the maximum of ``theta / s`` and
    ``theta s^(-u / u_t)`` with ``u_t = ((D_head - 1) t + 1) / D_head``, and "watershed" interpolation below
    t = `WATERSHED` and NTK above it.

    Args:
        rule: a rule of `axis_frequencies` except "frequency_aware".
        plain: ``[K]`` unscaled frequencies, decreasing with ``u``.
        u: ``[K]``, their normalised exponents.
        scale: s, a number or ``[B]``.
        t: flow time.
        width: D_head, real dimensions of all frequencies, for "time_aware".

    Returns:
        ``[K]``, or ``[B, K]`` for several scales; ``plain`` at scale 1.

    Raises:
        ValueError: the rule is unknown.
    """
    _check_rule(rule)
    if rule == "none":
        return plain
    s = torch.as_tensor(scale, dtype=torch.float64).unsqueeze(-1)
    if rule == "time_aware":
        return _stretched(plain, u, s, ((width - 1) * float(t) + 1) / width)
    interpolate = rule == "interpolation" or (rule == "watershed" and float(t) < WATERSHED)
    return plain / s if interpolate else plain * s**-u


def _stretched(plain: Tensor, u: Tensor, s: Tensor, exponent: float) -> Tensor:
    """``max(theta s^(-u / exponent), theta / s)``: NTK scaling up to ``exponent``, interpolation above it."""
    # in exp-log form, because s ** (1 / exponent) overflows for small exponents
    return plain * torch.maximum(torch.exp(-u * s.log() / exponent), 1 / s)


def _check_rule(rule: str) -> None:
    if rule not in get_args(Rule):
        raise ValueError(f"rope rule {rule!r} is unknown; choose one of {', '.join(get_args(Rule))}.")


def _target_exponent(base: float, trained_length: float) -> float:
    """The exponent u of the frequency whose wavelength is the trained length: ``log_b(length / 2 pi)``."""
    if trained_length <= 2 * math.pi:
        raise ValueError(
            f"rope rule 'frequency_aware' needs a trained length above 2 pi positions, got {trained_length:g}: "
            "no frequency completes a turn; use 'ntk' or 'time_aware'."
        )
    return math.log(trained_length / (2 * math.pi), base)


def rotary_angles(
    positions: Tensor,
    dims: tuple[int, ...],
    base: float,
    layout: Literal["interleaved", "concatenated"],
    inference: Inference | None = None,
    t: Tensor | None = None,
    canvas: int | None = None,
) -> Tensor:
    """Rotation angles ``position * theta``.

    Args:
        positions: ``[B, L, A]``.
        dims: real dimensions of each axis's share of the head, ``(A,)``; an axis without any is skipped.
        base: b.
        layout: order of the axes' shares in the head.
        inference: scaling rule and trained lengths; None = unscaled frequencies.
        t: ``[B]`` times; time-dependent rules use the first entry.
        canvas: the size of a sample is that of its first ``canvas`` tokens; None = of all tokens.

    Returns:
        ``[B, L, 1, head_dim / 2]`` float32; B is 1 if all samples share their positions.
    """
    if is_shared(positions):
        positions = positions[:1]
    frequencies = _axes_frequencies(positions[:, :canvas], dims, base, inference, t)
    thetas = [on_device(theta, positions.device, torch.float32) for theta in frequencies]
    axes = [axis for axis, dim in enumerate(dims) if dim]
    angles = [positions[..., axis, None].float() * theta for axis, theta in zip(axes, thetas, strict=True)]
    joined = torch.stack(angles, -1).flatten(-2) if layout == "interleaved" else torch.cat(angles, -1)
    return joined.unsqueeze(-2)


def rotary_table(
    positions: Tensor,
    dims: tuple[int, ...],
    base: float,
    layout: Literal["interleaved", "concatenated"],
    inference: Inference | None = None,
    t: Tensor | None = None,
) -> Table:
    """Cosines and sines of `rotary_angles`, each ``[B, L, 1, head_dim / 2]`` float32."""
    return turns(rotary_angles(positions, dims, base, layout, inference, t))


def turns(angles: Tensor) -> Table:
    """Cosines and sines of angles, each of their shape."""
    return angles.cos(), angles.sin()


def time_read(inference: Inference | None, t: Tensor | None) -> float | None:
    """The time-dependent input of the scaling rule, a cache key: equal values give equal angles."""
    if inference is None or inference.trained_length is None or t is None:
        return None
    if inference.rope_rule == "watershed":
        return float(t[0] >= WATERSHED)
    return float(t[0]) if inference.rope_rule == "time_aware" else None


def _axes_frequencies(
    positions: Tensor, dims: tuple[int, ...], base: float, inference: Inference | None, t: Tensor | None
) -> list[Tensor]:
    """Frequencies of each axis with any, ``[dim / 2]``, or ``[B, 1, dim / 2]`` if every sample has its own scale."""
    rule = inference.rope_rule if inference else "none"
    if inference is None or inference.trained_length is None or rule == "none":
        return [axis_frequencies(rule, dim, base, 1.0, 1.0, 1.0) for dim in dims if dim]
    lengths = positions.amax(1).cpu().double() + 1
    time = 1.0 if t is None else float(t[0])
    scales = [  # at least 1: positions inside the trained range need no scaling
        (length / trained).clamp(min=1) for length, trained in zip(lengths.T, inference.trained_length, strict=True)
    ]
    return [
        axis_frequencies(rule, dim, base, scale, time, trained, sum(dims)).unsqueeze(1)
        for dim, scale, trained in zip(dims, scales, inference.trained_length, strict=True)
        if dim
    ]


def rotate(x: Tensor, table: Table) -> Tensor:
    """Rotates neighbouring pairs of ``x [B, L, H, d]`` by the angles of `rotary_table`, in float32."""
    cos, sin = table
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2).type_as(x)


def sincos_table(positions: Tensor, dim: int) -> Tensor:
    """Sine-cosine embedding ``[B, L, dim]`` of ``positions [B, L, A]`` with equal shares per axis (DiT, SiT)."""
    share = dim // positions.shape[-1]
    theta = 10000.0 ** -(torch.arange(0, share, 2, device=positions.device, dtype=torch.float32) / share)
    angles = positions.float().unsqueeze(-1) * theta
    return torch.cat((angles.sin(), angles.cos()), -1).flatten(-2)
