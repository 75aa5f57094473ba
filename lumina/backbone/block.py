"""The transformer block of Next-DiT."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lumina.backbone.attention import Attention, Keys
from lumina.backbone.config import NextDiTConfig
from lumina.backbone.feed_forward import GELUFeedForward, SwiGLU
from lumina.backbone.layout import Layout
from lumina.backbone.modulation import AdaptiveModulation, LearnedGates, Modulation
from lumina.backbone.pooling import Pool
from lumina.backbone.rope import Table
from lumina.backbone.text import Text
from lumina.values import StepCache


def make_norm(config: NextDiTConfig, affine: bool) -> nn.Module:
    """RMSNorm, or LayerNorm for SiT, over D."""
    if config.norm == "layer":
        return nn.LayerNorm(config.dim, config.norm_eps, elementwise_affine=affine)
    return RMSNorm(config.dim, config.norm_eps, elementwise_affine=affine)


class RMSNorm(nn.RMSNorm):
    """RMSNorm in float32. Uses one fused kernel even if autocast mixes bfloat16 inputs with float32 weights."""

    def forward(self, x: Tensor) -> Tensor:
        """``x / sqrt(mean(x^2) + eps) * weight`` over the last axis: ``[..., D] -> [..., D]``."""
        weight = None if self.weight is None else self.weight.float()
        return nn.functional.rms_norm(x.float(), self.normalized_shape, weight, self.eps).type_as(x)


class Block(nn.Module):
    """Attention and feed-forward branches with sandwich norms and tanh gates (Lumina-Next, section 2.1).

    The attention branch computes ``x + tanh(g1) * post(Attention(pre(x) * (1 + s1)))``, the feed-forward branch the
    same with its own norms, scale s2 and gate g2. The gates are zero at initialisation, so the block is the identity.

    Args:
        config: the backbone's.
    """

    def __init__(self, config: NextDiTConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.feed_forward = SwiGLU(config) if config.feed_forward == "swiglu" else GELUFeedForward(config)
        self.attention_norm1 = make_norm(config, config.affine_pre_norm)
        self.ffn_norm1 = make_norm(config, config.affine_pre_norm)
        self.attention_norm2 = make_norm(config, True) if config.post_norm else nn.Identity()
        self.ffn_norm2 = make_norm(config, True) if config.post_norm else nn.Identity()
        if config.text_dim is not None:
            self.attention_y_norm = RMSNorm(config.text_dim, config.norm_eps)
        self.adaLN_modulation = AdaptiveModulation(config) if config.has_time else LearnedGates(config)
        self.tanh_gates = config.tanh_gates

    def forward(
        self,
        x: Tensor,
        vectors: Tensor,
        table: Table | None,
        layout: Layout,
        text: Text | None,
        pool: Pool | None = None,
        cache: StepCache | None = None,
        paths: Tensor | None = None,
        recomputed: bool = False,
    ) -> Tensor:
        """Applies the attention branch, then the feed-forward branch.

        Args:
            x: ``[B, L, D]``, or packed ``[1, N, D]``.
            vectors: condition vectors ``[B * G, C]``.
            table: cosines and sines from `rotary_table`.
            layout: of the batch.
            text: raw text features; None = no text.
            pool: averages keys and values of self-attention; None = no averaging.
            cache: stores this block's text keys and values; None = compute them each time.
            paths: ``[2, B]`` factors of the two branches (stochastic depth); None = 1.
            recomputed: recompute activations in the backward pass. The checkpoint is inside the compiled block, because
                outside it the second pass could use a different compiled graph than the first.

        Returns:
            The output, of the shape of ``x``.
        """
        if recomputed:
            x = checkpoint(self.forward, x, vectors, table, layout, text, pool, cache, paths, use_reentrant=False)
            return x
        attention, feed_forward = self.adaLN_modulation.halves(vectors, layout)
        keys = None if text is None else self._text_keys(text, cache)
        branch = self.attention(attention.apply(self.attention_norm1(x)), table, layout, keys, text, pool)
        x = x + self._gates(attention, layout, paths, 0) * self.attention_norm2(branch)
        branch = self.feed_forward(feed_forward.apply(self.ffn_norm1(x)))
        return x + self._gates(feed_forward, layout, paths, 1) * self.ffn_norm2(branch)

    def _text_keys(self, text: Text, cache: StepCache | None) -> Keys:
        def compute() -> Keys:
            return self.attention.text_keys(self.attention_y_norm(text.features))

        return compute() if cache is None else cache.once("text_keys", compute)

    def _gates(self, modulation: Modulation, layout: Layout, paths: Tensor | None, branch: int) -> Tensor:
        gate = torch.tanh(modulation.gate) if self.tanh_gates else modulation.gate
        return gate if paths is None else gate * layout.of_samples(paths[branch]).type_as(gate)
