"""timm's DeiT behind the interfaces of this framework, so only the network differs in a comparison."""

from __future__ import annotations

from typing import Any

import torch
from timm.layers.pos_embed import resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from lumina.conditioning.label import check_count
from lumina.interfaces import Head
from lumina.values import Conditioning, Inference, Tokens


class DeiT(nn.Module):
    """A `lumina.interfaces.Backbone` of timm's layers; positions are interpolated as timm does it for another size.

    Mixed sizes are padded, and padding is masked in attention: timm has no packed form.

    Args:
        grid: patches along a side of the training pictures.
        patch_size: side of a patch in pixels.
        channels: of the pictures.
        **options: of timm's `VisionTransformer`.
    """

    def __init__(self, grid: int, patch_size: int, channels: int = 3, **options: Any) -> None:
        super().__init__()
        size = grid * patch_size
        self.grid = grid
        self.vit = VisionTransformer(size, patch_size, channels, num_classes=0, **options)

    def features(
        self, tokens: Tokens, t: Tensor | None, cond: Conditioning, inference: Inference | None = None
    ) -> Tensor:
        """``[B, 1 + L, D]``, the class token first."""
        vit, projection = self.vit, self.vit.patch_embed.proj
        x = F.linear(tokens.features, projection.weight.flatten(1), projection.bias)
        x = x + self._positions(tokens)
        x = torch.cat((self._class_token().expand(len(x), -1, -1), x), 1)
        mask = None if tokens.mask is None else F.pad(tokens.mask, (1, 0), value=True)[:, None, None, :]
        for block in vit.blocks:
            x = block(x, attn_mask=mask)
        return vit.norm(x)

    def compile_blocks(self) -> None:
        """Compiles block by block, as `lumina.backbone.NextDiT.compile_blocks` does."""
        for block in self.vit.blocks:
            block.compile(dynamic=True)

    def _class_token(self) -> Tensor:
        token, positions = self.vit.cls_token, self.vit.pos_embed
        assert token is not None and positions is not None
        return token + positions[:, :1]

    def _positions(self, tokens: Tokens) -> Tensor:
        if tokens.mask is None:
            rows, columns = (int(side) + 1 for side in tokens.positions[0].amax(0))
            return self._table(rows, columns)
        sides = (tokens.positions.amax(1) + 1).int().tolist()
        tables = {(rows, columns): self._table(rows, columns)[0] for rows, columns in map(tuple, sides)}
        return nn.utils.rnn.pad_sequence([tables[rows, columns] for rows, columns in map(tuple, sides)], True)

    def _table(self, rows: int, columns: int) -> Tensor:
        table: Tensor | None = self.vit.pos_embed
        assert table is not None
        if (rows, columns) != (self.grid, self.grid):
            table = resample_abs_pos_embed(table, [rows, columns], [self.grid, self.grid], num_prefix_tokens=1)
        return table[:, 1:]


class ClassToken(Head):
    """DeiT's head: one linear layer on the class token.

    Args:
        num_classes: K.
    """

    class_rows = ("linear.weight", "linear.bias")

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes

    def build(self, width: int) -> None:
        """Zero bias, weights as timm's."""
        self.linear = nn.Linear(width, check_count(self.num_classes, "ClassToken"))
        nn.init.trunc_normal_(self.linear.weight, std=0.02)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor, mask: Tensor | None) -> Tensor:
        """``[B, 1 + L, D]`` to logits ``[B, K]``."""
        return self.linear(features[:, 0])
