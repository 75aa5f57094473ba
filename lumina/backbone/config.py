"""Configuration of the backbone's architecture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class NextDiTConfig:
    """Architecture of a Next-DiT; other settings give Flag-DiT, SiT and all ablations.

    ``token_dim``, ``position_axes`` and ``text_dim`` describe the data. `LuminaModule` sets them from the modality and
    the conditioners, so leave them out of a YAML.

    Attributes:
        dim: D, the model width.
        num_layers: number of blocks.
        num_heads: query heads.
        num_kv_heads: key/value heads (grouped-query attention); None = ``num_heads``.
        token_dim: F, width of a token.
        position_axes: A, number of position axes.
        text_dim: width of the text features for gated cross-attention; None = no text.
        positions: "rope" = n-axis RoPE, each axis rotates its share of the head; "rope_1d" = RoPE over the index in the
            sequence (Flag-DiT); "sincos" = an absolute embedding added to the input (SiT, DiT).
        rope_layout: "interleaved" = successive pairs of dimensions belong to alternating axes (released weights);
            "concatenated" = the shares of the axes follow one another (the paper).
        axes_dims: real dimensions of the head for each axis; None = equal shares. Positions on an axis of 0 dimensions
            are not encoded.
        rope_base: b, the rotary base.
        line_tokens: add a learned token after each row and each frame (Flag-DiT's [nextline] and [nextframe]).
        norm: "rms", or "layer" as in SiT.
        post_norm: add a second norm after attention and feed-forward (sandwich norm; Lumina-Next, section 2.1).
        affine_pre_norm: whether the norms before attention and feed-forward have weights.
        qk_norm: "layer" = LayerNorm over all heads together, "per_head" = over each head, None = no norm.
        modulation: "scale_gate" (Next-DiT), "shift_scale_gate" (Flag-DiT, SiT) or "learned" gates without time
            (recognition).
        tanh_gates: whether gates pass through tanh.
        feed_forward: "swiglu" (hidden width 8D/3) or "gelu" (4D).
        multiple_of: the hidden width of SwiGLU is rounded up to a multiple of this number.
        bias: whether attention and feed-forward have biases.
        final_shift: whether the output layer's modulation shifts as well as scales.
        learn_sigma: add a second, unused half of the output, as in the released weights.
        pad_token: a learned token at padding positions, which no real token attends to; for the released weights.
        long_skip: skip connections from the first to the second half of the blocks (an ablation that hurts).
        norm_eps: epsilon of the block norms.
        drop_path: stochastic depth (Huang et al., 2016): probability in training that a sample skips a branch of the
            last block; it rises linearly from 0 in the first block.
        mixed_sizes: "packed" = compute only the real tokens of a batch, in one sequence; "padded" = compute the padding
            too and mask it in attention (the paper's recognition). Both give the same outputs.
    """

    dim: int = 768
    num_layers: int = 12
    num_heads: int = 12
    num_kv_heads: int | None = None
    token_dim: int | None = None
    position_axes: int | None = None
    text_dim: int | None = None
    positions: Literal["rope", "rope_1d", "sincos"] = "rope"
    rope_layout: Literal["interleaved", "concatenated"] = "interleaved"
    axes_dims: tuple[int, ...] | None = None
    rope_base: float = 10000.0
    line_tokens: bool = False
    norm: Literal["rms", "layer"] = "rms"
    post_norm: bool = True
    affine_pre_norm: bool = True
    qk_norm: Literal["layer", "per_head"] | None = "layer"
    modulation: Literal["scale_gate", "shift_scale_gate", "learned"] = "scale_gate"
    tanh_gates: bool = True
    feed_forward: Literal["swiglu", "gelu"] = "swiglu"
    multiple_of: int = 256
    bias: bool = False
    final_shift: bool = False
    learn_sigma: bool = False
    pad_token: bool = False
    long_skip: bool = False
    norm_eps: float = 1e-5
    drop_path: float = 0.0
    mixed_sizes: Literal["packed", "padded"] = "packed"

    def __post_init__(self) -> None:
        """Validates the sizes.

        Raises:
            ValueError: a size is invalid; names the field, its value and the expected values.
        """
        for name in ("dim", "num_layers", "num_heads", "kv_heads", "multiple_of"):
            if getattr(self, name) < 1:
                raise ValueError(f"backbone: {name}={getattr(self, name)} must be at least 1.")
        if not self.norm_eps >= 0 or not 1 < self.rope_base < float("inf"):
            raise ValueError(
                f"backbone: norm_eps={self.norm_eps} must be at least 0 and rope_base={self.rope_base} above 1."
            )
        if not 0 <= self.drop_path < 1:
            raise ValueError(f"backbone: drop_path={self.drop_path} must be a probability from 0 to below 1.")
        if self.dim % self.num_heads:
            raise ValueError(
                f"backbone: dim={self.dim} is not divisible by num_heads={self.num_heads}; "
                f"use {self.num_heads * max(1, round(self.dim / self.num_heads))}, for example."
            )
        if self.num_heads % self.kv_heads:
            raise ValueError(
                f"backbone: num_heads={self.num_heads} is not divisible by num_kv_heads={self.kv_heads}; "
                "each key/value head serves the same number of query heads."
            )
        if self.position_axes is not None:
            self._check_positions(self.position_axes)

    def _check_positions(self, axes: int) -> None:
        if self.line_tokens and axes < 2:
            raise ValueError(
                f"backbone: line_tokens need at least 2 position axes, but the tokens have {axes}; "
                "set line_tokens=false."
            )
        if self.line_tokens and self.positions == "rope":
            raise ValueError(
                "backbone: line_tokens have no position on the axes of positions=rope; choose positions=rope_1d."
            )
        if self.positions == "rope_1d" and self.head_dim % 2:
            raise ValueError(
                f"backbone: the head width {self.head_dim} (dim/num_heads) is odd, but positions=rope_1d rotates pairs "
                "of dimensions; change dim or num_heads."
            )
        if self.positions == "sincos" and axes and self.dim % (2 * axes):
            raise ValueError(
                f"backbone: dim={self.dim} must be divisible by {2 * axes} for sincos positions on {axes} axes."
            )
        if self.positions == "rope" and axes:
            self._check_axes(axes)

    def _check_axes(self, axes: int) -> None:
        dims = self.axes_dims
        if dims is None:
            if self.head_dim % (2 * axes):
                raise ValueError(
                    f"backbone: the head width {self.head_dim} (dim/num_heads) is not divisible by {2 * axes}, so it "
                    f"cannot be shared equally by {axes} rotary axes; change dim or num_heads, or give axes_dims."
                )
            return
        if len(dims) != axes or sum(dims) != self.head_dim or any(d < 0 or d % 2 for d in dims):
            raise ValueError(
                f"backbone: axes_dims={dims} must be {axes} even numbers that add up to the head width {self.head_dim}."
            )
        if self.rope_layout == "interleaved" and len(set(dims) - {0}) > 1:
            raise ValueError(f"backbone: axes_dims={dims} are unequal, which needs rope_layout=concatenated.")

    @property
    def kv_heads(self) -> int:
        """Number of key/value heads."""
        return self.num_heads if self.num_kv_heads is None else self.num_kv_heads

    @property
    def head_dim(self) -> int:
        """Width of one head."""
        return self.dim // self.num_heads

    @property
    def cond_dim(self) -> int:
        """Width of the condition vector (time, pooled text, label)."""
        return min(self.dim, 1024)

    @property
    def has_time(self) -> bool:
        """Whether the network takes a time."""
        return self.modulation != "learned"

    @property
    def hidden_dim(self) -> int:
        """Hidden width of the feed-forward: 4 D for GELU; 8 D / 3, rounded up to ``multiple_of``, for SwiGLU."""
        if self.feed_forward == "gelu":
            return 4 * self.dim
        return -(-int(8 * self.dim / 3) // self.multiple_of) * self.multiple_of

    @property
    def weight_count(self) -> int:
        """Parameters in the blocks' large matrices: a lower bound on the size of the network."""
        attention = 2 * self.dim * (self.dim + self.kv_heads * self.head_dim)
        feed_forward = (2 if self.feed_forward == "gelu" else 3) * self.dim * self.hidden_dim
        return self.num_layers * (attention + feed_forward)

    @property
    def rope_dims(self) -> tuple[int, ...]:
        """Real dimensions of the head that each rotary axis rotates."""
        if self.positions == "rope_1d":
            return (self.head_dim,)
        axes = self.position_axes or 0
        if self.positions == "sincos" or not axes:
            return ()
        return self.axes_dims or (self.head_dim // axes,) * axes
