"""Inputs of the blocks that all of them share: positions, text, pooling and caches."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lumina.backbone.config import NextDiTConfig
from lumina.backbone.layout import Layout
from lumina.backbone.pooling import Pool
from lumina.backbone.rope import Table, rotary_angles, time_read, turns
from lumina.backbone.sequence import Sequence
from lumina.backbone.text import Text
from lumina.randomness import Randomness, uniform
from lumina.values import Conditioning, Inference, StepCache, Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Positions and text of a batch, and the pooling, cache and stochastic depth of each layer.

    Attributes:
        layout: of the batch.
        table: cosines and sines from `rotary_table`; None = no rotary positions.
        text: raw features; None = no text.
        pools: one per layer; None = no averaging of keys and values.
        caches: one per layer; None = nothing is cached.
        paths: one per layer, factors ``[2, B]`` of its branches under stochastic depth; None = 1.
    """

    layout: Layout
    table: Table | None
    text: Text | None
    pools: list[Pool | None]
    caches: list[StepCache | None]
    paths: list[Tensor | None]

    @classmethod
    def of(
        cls,
        config: NextDiTConfig,
        sequence: Sequence,
        t: Tensor | None,
        cond: Conditioning,
        inference: Inference,
        cache: StepCache,
    ) -> Context:
        """The context of one prediction; values in ``cache`` from an earlier prediction are reused.

        Args:
            config: the backbone's.
            sequence: the batch.
            t: ``[B]``.
            cond: the conditions.
            inference: options of this prediction.
            cache: shared by the predictions of one sampling run; blocks do not cache while gradients are recorded.
        """
        tokens, groups, canvas = sequence.tokens, sequence.group_count, sequence.canvas
        drop = inference.context_drop
        packed = config.mixed_sizes == "packed" or drop is not None  # averages over squares are packed anyway
        layout = cache.once("layout", lambda: Layout.of(tokens, groups, inference.proportional_base, packed, canvas))
        rotations = cache if tokens.locate is None else StepCache()  # moving tokens need new angles at each prediction
        table, pool = rotations.once(
            "rotation", lambda: _rotation(config, tokens, t, inference, layout), key=time_read(inference, t)
        )
        count = config.num_layers
        chosen = drop.chosen(count, float(t[0])) if drop and t is not None else [False] * count
        cached = not torch.is_grad_enabled()
        return cls(
            layout=layout,
            table=table,
            text=cache.once("text", lambda: Text.of(cond, layout)) if config.text_dim is not None else None,
            pools=[pool if drops else None for drops in chosen],
            caches=[cache.once(f"block {depth}", StepCache) if cached else None for depth in range(count)],
            paths=_paths(config, inference.drop_path, tokens.features),
        )


def _paths(config: NextDiTConfig, generator: Randomness | None, like: Tensor) -> list[Tensor | None]:
    """Factors ``[2, B]`` of each layer's branches: 0 if the sample skips it, else ``1 / (1 - drop probability)``."""
    count = config.num_layers
    if generator is None or not config.drop_path:
        return [None] * count
    drawn = uniform(generator, len(like), count, 2).permute(1, 2, 0)
    rates = torch.linspace(0, config.drop_path, count, device=drawn.device, dtype=drawn.dtype)[:, None, None]
    return list(((drawn >= rates) / (1 - rates)).to(like.device))


def _rotation(
    config: NextDiTConfig, tokens: Tokens, t: Tensor | None, inference: Inference, layout: Layout
) -> tuple[Table | None, Pool | None]:
    """The rotary table of the tokens, and the pooling squares of context drop."""
    drop = inference.context_drop
    pool = None if drop is None else Pool.of(tokens.positions, layout, drop.factor, tokens.groups)
    if not config.rope_dims:
        return None, pool
    angles = rotary_angles(
        tokens.positions, config.rope_dims, config.rope_base, config.rope_layout, inference, t, layout.canvas
    )
    angles = layout.pack(angles)
    if pool is not None and drop is not None and drop.before_rope:
        expanded = angles.expand(layout.shape[0] if layout.indices is None else 1, -1, -1, -1)
        pool = replace(pool, table=turns(pool.mean(expanded)))  # angles are linear in positions, so they average alike
    return turns(angles), pool
