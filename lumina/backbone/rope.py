"""Rotary position embedding on n axes, and the rules for sizes never trained on (Lumina-Next, section 2.2).

All rules speak of one axis: ``b`` is the rotary base, ``s`` the ratio of the sampled to the trained length, ``u`` in
[0, 1) the normalised exponent of a frequency, so that the plain table is ``theta_u = b ** -u``.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from lumina.values import Inference

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
        dim: real dimensions of the head that this axis turns; ``dim / 2`` frequencies.
        base: b.
        scale: s, one or ``[B]``; every rule gives the plain table at 1.
        t: flow time, 0 = noise, 1 = data; read by "time_aware" and "watershed".
        trained_length: positions on this axis during training; read by "frequency_aware".
        head_dim: width of the whole head, for "time_aware"; None = ``dim``.

    Returns:
        theta ``[dim / 2]``, or one for each scale ``[B, dim / 2]``; float64, falling.

    Raises:
        ValueError: for an unknown rule, or a trained length that leaves "frequency_aware" undefined.
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
    """The rules that need nothing but the frequencies: of RoPE, and of the Fourier features of points.

    Args:
        rule: one of `axis_frequencies`, without "frequency_aware".
        plain: ``[K]`` frequencies of the trained size, falling with ``u``.
        u: ``[K]`` their normalised exponents.
        scale: s, one or ``[B]``.
        t: flow time.
        width: real dimensions that the frequencies fill (D_head), for "time_aware".

    Returns:
        ``[K]``, or one for each scale ``[B, K]``; ``plain`` at scale 1.

    Raises:
        ValueError: for an unknown rule.
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
    """``max(theta s^(-u / exponent), theta / s)``: interpolation up to the exponent from which NTK would exceed it."""
    # exp-log form: s ** (1 / exponent) overflows for small exponents
    return plain * torch.maximum(torch.exp(-u * s.log() / exponent), 1 / s)


def _check_rule(rule: str) -> None:
    if rule not in get_args(Rule):
        raise ValueError(f"rope rule {rule!r} is unknown; choose one of {', '.join(get_args(Rule))}.")


def _target_exponent(base: float, trained_length: float) -> float:
    """U of the frequency whose wavelength is the trained length."""
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
    """Turning angles, linear in the positions.

    Args:
        positions: ``[B, L, A]``.
        dims: real dimensions of each axis's share of the head, ``(A,)``.
        base: b.
        layout: how the axes' shares are laid out in the head.
        inference: scaling rule and trained lengths; None = the plain table.
        t: ``[B]`` times; the rules that know time read the first.
        canvas: so many tokens, the first, say how large a sample is; None = all.

    Returns:
        ``[B, L, 1, head_dim / 2]`` float32; B is 1 where all samples share their places.
    """
    if positions.stride(0) == 0:  # an expanded tensor: one table serves the batch
        positions = positions[:1]
    frequencies = _axes_frequencies(positions[:, :canvas], dims, base, inference, t)
    thetas = [theta.to(positions.device, torch.float32) for theta in frequencies]
    angles = [positions[..., axis, None].float() * theta for axis, theta in enumerate(thetas)]
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
    """Cosines and sines."""
    return angles.cos(), angles.sin()


def time_read(inference: Inference | None, t: Tensor | None) -> float | None:
    """What the rule reads of the times ``t [B]``: while it stays the same, so do the angles."""
    if inference is None or inference.trained_length is None or t is None:
        return None
    if inference.rope_rule == "watershed":
        return float(t[0] >= WATERSHED)
    return float(t[0]) if inference.rope_rule == "time_aware" else None


def _axes_frequencies(
    positions: Tensor, dims: tuple[int, ...], base: float, inference: Inference | None, t: Tensor | None
) -> list[Tensor]:
    """Of each axis ``[dim / 2]``, or, each sample having its own scale, ``[B, 1, dim / 2]``."""
    rule = inference.rope_rule if inference else "none"
    if inference is None or inference.trained_length is None or rule == "none":
        return [axis_frequencies(rule, dim, base, 1.0, 1.0, 1.0) for dim in dims]
    lengths = positions.amax(1).cpu().double() + 1
    time = 1.0 if t is None else float(t[0])
    scales = [  # shrinking is left alone: positions inside the trained range need no rule
        (length / trained).clamp(min=1) for length, trained in zip(lengths.T, inference.trained_length, strict=True)
    ]
    return [
        axis_frequencies(rule, dim, base, scale, time, trained, sum(dims)).unsqueeze(1)
        for dim, scale, trained in zip(dims, scales, inference.trained_length, strict=True)
    ]


def rotate(x: Tensor, table: Table) -> Tensor:
    """Turns neighbouring pairs of ``x [B, L, H, d]`` by the angles of `rotary_table`, in float32."""
    cos, sin = table
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2).type_as(x)


def sincos_table(positions: Tensor, dim: int) -> Tensor:
    """Absolute sine-cosine embedding ``[B, L, dim]`` of ``positions [B, L, A]``, each axis its share (DiT, SiT)."""
    share = dim // positions.shape[-1]
    theta = 10000.0 ** -(torch.arange(0, share, 2, device=positions.device, dtype=torch.float32) / share)
    angles = positions.float().unsqueeze(-1) * theta
    return torch.cat((angles.sin(), angles.cos()), -1).flatten(-2)
