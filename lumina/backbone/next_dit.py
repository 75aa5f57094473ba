"""The Next-DiT network: maps tokens, time and conditions to a velocity or to features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lumina.backbone.block import Block
from lumina.backbone.config import NextDiTConfig
from lumina.backbone.context import Context
from lumina.backbone.embedding import LinearEmbedding, PooledText, TimeEmbedding
from lumina.backbone.initialisation import zero_linear
from lumina.backbone.layout import Layout
from lumina.backbone.line_tokens import LineTokens
from lumina.backbone.rope import sincos_table
from lumina.backbone.sequence import Sequence, before, check_prefix, group_count, join
from lumina.values import Conditioning, Inference, Prefix, StepCache, Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class _Encoded:
    x: Tensor
    vectors: Tensor
    layout: Layout
    origin: Tensor | None  # index of each token after the insertion of line tokens


class NextDiT(nn.Module):
    """Next-DiT (Lumina-Next, section 2).

    A transformer with sandwich norms, tanh gates, scale-only adaLN, n-axis RoPE and gated cross-attention to text.

    At initialisation each block is the identity and the network returns 0. A batch of mixed sizes is padded and has a
    mask; the network packs it internally (see ``config.mixed_sizes``), so padding costs nothing and cannot influence
    the result. Parameter names are those of the released weights.

    Args:
        config: the architecture, with ``token_dim`` and ``position_axes``.
        input_embedding: see `lumina.interfaces.Modality.input_embedding`; None = linear.
        activation_checkpointing: recompute each block's activations in the backward pass instead of storing them.

    Raises:
        ValueError: the config lacks ``token_dim`` or ``position_axes``.
    """

    def __init__(
        self, config: NextDiTConfig, input_embedding: nn.Module | None = None, activation_checkpointing: bool = False
    ) -> None:
        super().__init__()
        if config.token_dim is None or config.position_axes is None:
            raise ValueError(
                f"NextDiT needs token_dim and position_axes, got token_dim={config.token_dim}, "
                f"position_axes={config.position_axes}; "
                "set both in the config (LuminaModule sets them from the modality)."
            )
        self.config = config
        self.activation_checkpointing = activation_checkpointing
        self.x_embedder = LinearEmbedding(config.token_dim, config.dim) if input_embedding is None else input_embedding
        self.t_embedder = TimeEmbedding(config.cond_dim) if config.has_time else None
        self.cap_embedder = PooledText(config.text_dim, config.cond_dim) if config.text_dim is not None else None
        self.line_tokens = LineTokens(config.dim, config.position_axes > 2) if config.line_tokens else None
        self.layers = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        skips = config.num_layers // 2 if config.long_skip else 0
        self.skips = nn.ModuleList(LongSkip(config.dim) for _ in range(skips))
        self.final_layer = FinalLayer(config) if config.has_time else None
        # no real token attends to it, so it is never trained; it exists to load and save released weights completely
        self.pad_token = nn.Parameter(torch.randn(config.dim) * 0.02, requires_grad=False) if config.pad_token else None

    def features(
        self, tokens: Tokens, t: Tensor | None, cond: Conditioning, inference: Inference | None = None
    ) -> Tensor:
        """The output of the last block, ``[B, L, D]``; padding is zero.

        Args:
            tokens: the batch.
            t: ``[B]``; None for a network without time.
            cond: the conditions.
            inference: options of this prediction.
        """
        encoded = self._encode(tokens, t, cond, inference)
        return self._original_order(encoded.layout.unpack(encoded.x), encoded.origin)

    def predict(self, tokens: Tokens, t: Tensor, cond: Conditioning, inference: Inference | None = None) -> Tensor:
        """Predicts the objective's target, such as the velocity, ``[B, L, F]``; padding is zero.

        Args:
            tokens: the batch.
            t: ``[B]``.
            cond: the conditions.
            inference: options of this prediction.

        Raises:
            ValueError: the network has no time.
        """
        if self.final_layer is None:
            raise ValueError(
                "this backbone has modulation=learned, so it has no time and no output layer; use features()."
            )
        encoded = self._encode(tokens, t, cond, inference)
        out = self.final_layer(encoded.x, encoded.vectors, encoded.layout)
        return self._original_order(encoded.layout.unpack(out), encoded.origin)

    def compile_blocks(self) -> None:
        """Compiles each block in place for dynamic lengths; parameter names do not change."""
        # training, evaluation, padded and packed batches each compile; beyond the limit a block silently runs in eager
        torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)
        for layer in self.layers:
            layer.compile(dynamic=True)

    def _encode(self, tokens: Tokens, t: Tensor | None, cond: Conditioning, inference: Inference | None) -> _Encoded:
        dtype = next(self.parameters()).dtype  # noise and text are float32 even if the weights are not
        if cond.cross is not None:
            cond = replace(cond, cross=cond.cross.to(dtype))
        options = inference or Inference()
        cache = StepCache() if options.cache is None or torch.is_grad_enabled() else options.cache
        sequence = replace(self._embed(tokens, t, options), group_count=group_count(cond))
        if cond.prefix is not None:
            check_prefix(cond.prefix, tokens)
            clean = cache.once("prefix", partial(self._embed_prefix, cond.prefix, t, options))
            sequence = join(sequence, clean)
        context = Context.of(self.config, sequence, t, cond, options, cache)
        vectors = self._vectors(sequence.x, t, cond, cache)
        x = self._blocks(context.layout.pack(sequence.x), vectors, context)
        return _Encoded(x=x, vectors=vectors, layout=context.layout, origin=sequence.origin)

    def _embed(self, tokens: Tokens, t: Tensor | None, options: Inference) -> Sequence:
        x, origin = self.x_embedder(tokens.features, t, tokens.mask, options), None
        if self.pad_token is not None and self.config.mixed_sizes == "padded" and tokens.mask is not None:
            x = torch.where(tokens.mask.unsqueeze(-1), x, self.pad_token.type_as(x))
        if self.config.positions == "sincos" and self.config.position_axes:
            x = x + sincos_table(tokens.positions, self.config.dim).type_as(x)
        if self.line_tokens is not None:
            x, tokens, origin = self.line_tokens.insert(x, tokens)
        elif self.config.positions == "rope_1d":
            index = torch.arange(x.shape[1], device=x.device)
            tokens = replace(tokens, positions=index[None, :, None].expand(x.shape[0], -1, -1))
        return Sequence(x=x, tokens=tokens, origin=origin)

    def _embed_prefix(self, prefix: Prefix, t: Tensor | None, options: Inference) -> Sequence:
        """Embeds the prefix as clean tokens (t = 1), independently of its ``times``."""
        clean = self._embed(prefix.tokens, None if t is None else torch.ones_like(t), options)
        if self.config.positions == "rope_1d":
            clean = replace(clean, tokens=replace(clean.tokens, positions=before(clean.tokens)))
        return replace(clean, group_count=len(prefix.times))

    def _vectors(self, x: Tensor, t: Tensor | None, cond: Conditioning, cache: StepCache) -> Tensor:
        """Condition vectors ``[B * G, C]``: sum of time, pooled text, pooled conditions and group conditions."""
        pooled = cache.once("pooled", lambda: self._pooled(cond))

        def embed(times: Tensor | None) -> Tensor:
            vectors = x.new_zeros(x.shape[0], self.config.cond_dim)
            if self.t_embedder is not None and times is not None:
                vectors = vectors + self.t_embedder(times)
            return vectors if pooled is None else vectors + pooled

        vectors = embed(t).unsqueeze(1)
        if cond.grouped is not None:
            vectors = vectors + cond.grouped
        if cond.prefix is not None:
            times = [t if time is None or t is None else torch.full_like(t, time) for time in cond.prefix.times]
            clean = torch.stack([embed(time) for time in times], 1)
            vectors = torch.cat((vectors, clean if cond.prefix.grouped is None else clean + cond.prefix.grouped), 1)
        return vectors.flatten(0, 1)

    def _pooled(self, cond: Conditioning) -> Tensor | None:
        if self.cap_embedder is None or cond.cross is None:
            return cond.pooled
        text: Tensor = self.cap_embedder(cond.cross, cond.cross_mask)
        return text if cond.pooled is None else text + cond.pooled

    def _blocks(self, x: Tensor, vectors: Tensor, context: Context) -> Tensor:
        early: list[Tensor] = []
        recomputed = self.activation_checkpointing and torch.is_grad_enabled()
        in_segments = context.layout.pairs is not None or (context.text is not None and context.text.pairs is not None)
        for depth, layer in enumerate(self.layers):
            if depth >= len(self.layers) - len(self.skips):
                x = self.skips[len(early) - 1](x, early.pop())
            cache, pool = context.caches[depth], context.pools[depth]
            arguments = (x, vectors, context.table, context.layout, context.text, pool, cache, context.paths[depth])
            if (
                recomputed and in_segments
            ):  # attention within segments breaks the graph, so it cannot be recomputed inside
                x = checkpoint(layer, *arguments, use_reentrant=False)
            else:
                x = layer(*arguments, recomputed)
            if depth < len(self.skips):
                early.append(x)
        return x

    def _original_order(self, x: Tensor, origin: Tensor | None) -> Tensor:
        if origin is None:
            return x
        x = nn.functional.pad(x, (0, 0, 0, 1))  # padding reads the added row of zeros
        return x.gather(1, origin.unsqueeze(-1).expand(-1, -1, x.shape[-1]))


class FinalLayer(nn.Module):
    """The output layer: LayerNorm without weights, adaptive scale (and shift), zero-initialised linear layer.

    Args:
        config: the backbone's.
    """

    def __init__(self, config: NextDiTConfig) -> None:
        super().__init__()
        self.learn_sigma, self.shift = config.learn_sigma, config.final_shift
        token_dim = config.token_dim or 0
        self.linear = zero_linear(config.dim, token_dim * (2 if config.learn_sigma else 1))
        self.adaLN_modulation = nn.Sequential(
            nn.SiLU(), zero_linear(config.cond_dim, config.dim * (2 if self.shift else 1))
        )

    def forward(self, x: Tensor, vectors: Tensor, layout: Layout) -> Tensor:
        """Maps ``x [B, L, D]`` to ``[B, L, F]``; with ``learn_sigma``, only the first half of the output."""
        x = nn.functional.layer_norm(x, x.shape[-1:], eps=1e-6)
        modulation = layout.spread(self.adaLN_modulation(vectors))
        if self.shift:
            shift, scale = modulation.chunk(2, -1)
            x = x * (1 + scale) + shift
        else:
            x = x * (1 + modulation)
        out = self.linear(x)
        return out.chunk(2, -1)[0] if self.learn_sigma else out


class LongSkip(nn.Module):
    """A long skip connection (U-ViT): a linear layer on the concatenation of a late input and an early output.

    At initialisation it returns the late input.

    Args:
        dim: D.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.join = zero_linear(2 * dim, dim)
        with torch.no_grad():
            self.join.weight[:, :dim].fill_diagonal_(1)

    def forward(self, x: Tensor, early: Tensor) -> Tensor:
        """Joins ``x`` and ``early``, both ``[B, L, D]``, to ``[B, L, D]``."""
        return self.join(torch.cat((x, early), -1))
