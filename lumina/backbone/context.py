"""What the blocks read beside their input and the condition vectors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lumina.backbone.config import NextDiTConfig
from lumina.backbone.layout import Layout
from lumina.backbone.pooling import Pool
from lumina.backbone.prefix import Sequence
from lumina.backbone.rope import Table, rotary_angles, time_read, turns
from lumina.backbone.text import Text
from lumina.randomness import Randomness, uniform
from lumina.values import Conditioning, Inference, StepCache, Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Positions, text and what each layer pools and remembers.

    Attributes:
        layout: of the batch.
        table: of `rotary_table`; None = no rotary positions.
        text: raw features; None = no text.
        pools: of each layer, None where keys and values stay.
        caches: of each layer, None where nothing is kept.
        paths: of each layer, factors ``[2, B]`` on its branches under stochastic depth; None = all branches count.
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
        """The context of one prediction; what ``cache`` keeps of an earlier one is not computed again.

        Args:
            config: the backbone's.
            sequence: the batch.
            t: ``[B]``.
            cond: the conditions.
            inference: options of this prediction.
            cache: of this run of predictions; blocks keep nothing while gradients are recorded.
        """
        tokens, groups, canvas = sequence.tokens, sequence.group_count, sequence.canvas
        drop = inference.context_drop
        packed = config.mixed_sizes == "packed" or drop is not None  # averages over squares are packed anyway
        layout = cache.once("layout", lambda: Layout.of(tokens, groups, inference.proportional_base, packed, canvas))
        places = cache if tokens.locate is None else StepCache()  # tokens that move are turned anew at each prediction
        table, pool = places.once(
            "rotation", lambda: _rotation(config, tokens, t, inference, layout), key=time_read(inference, t)
        )
        count = config.num_layers
        chosen = drop.chosen(count, float(t[0])) if drop and t is not None else [False] * count
        keep = not torch.is_grad_enabled()
        return cls(
            layout=layout,
            table=table,
            text=cache.once("text", lambda: Text.of(cond, layout)) if config.text_dim is not None else None,
            pools=[pool if drops else None for drops in chosen],
            caches=[cache.once(f"block {depth}", StepCache) if keep else None for depth in range(count)],
            paths=_paths(config, inference.drop_path, tokens.features),
        )


def _paths(config: NextDiTConfig, generator: Randomness | None, like: Tensor) -> list[Tensor | None]:
    """Zero where a sample skips a branch, else one over the chance that it does not."""
    count = config.num_layers
    if generator is None or not config.drop_path:
        return [None] * count
    drawn = uniform(generator, len(like), count, 2).permute(1, 2, 0)
    chances = torch.linspace(0, config.drop_path, count, device=drawn.device, dtype=drawn.dtype)[:, None, None]
    return list(((drawn >= chances) / (1 - chances)).to(like.device))


def _rotation(
    config: NextDiTConfig, tokens: Tokens, t: Tensor | None, inference: Inference, layout: Layout
) -> tuple[Table | None, Pool | None]:
    """The rotary table of the tokens, and their squares under context drop."""
    drop = inference.context_drop
    pool = None if drop is None else Pool.of(tokens.positions, layout, drop.factor)
    if not config.rope_dims:
        return None, pool
    angles = rotary_angles(
        tokens.positions, config.rope_dims, config.rope_base, config.rope_layout, inference, t, layout.canvas
    )
    angles = layout.pack(angles)
    if pool is not None and drop is not None and drop.before_rope:
        everyone = angles.expand(layout.shape[0] if layout.places is None else 1, -1, -1, -1)
        pool = replace(pool, table=turns(pool.mean(everyone)))  # linear: the mean angle is that of the mean place
    return turns(angles), pool
