"""Class labels."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lumina.interfaces import Conditioner, Conditioning, Route


class LabelConditioner(Conditioner):
    """A learned vector for each class, and one for "no class", added to the time embedding (DiT)."""

    route: ClassVar[Route] = "pooled"
    table: nn.Embedding

    def __init__(self, num_classes: int, dropout: float = 0.1, key: str = "label") -> None:
        """The table is made by `build`, which knows its width.

        Args:
            num_classes: labels run from 0 to ``num_classes - 1``.
            dropout: chance in training that a label is replaced by "no class".
            key: field of the batch, ``[B]`` integer.

        Raises:
            ValueError: if there is no class.
        """
        super().__init__()
        if num_classes < 1:
            raise ValueError(f"LabelConditioner: num_classes={num_classes} must be at least 1.")
        self.num_classes, self.dropout, self.key = num_classes, dropout, key

    def build(self, width: int) -> None:
        """The table ``[num_classes + 1, width]`` from N(0, 0.02)."""
        self.table = nn.Embedding(self.num_classes + 1, width)
        nn.init.normal_(self.table.weight, std=0.02)

    def forward(self, value: Tensor, keep: Tensor) -> Conditioning:
        """``value [B]`` to ``pooled [B, width]``.

        Raises:
            ValueError: for a label outside the table.
        """
        check_labels(value, self.num_classes, "LabelConditioner")
        return Conditioning(pooled=self.table(torch.where(keep, value, self.num_classes)))

    def example(self, count: int) -> Any:
        """Random labels ``[count]``."""
        return torch.randint(self.num_classes, (count,))


def check_labels(labels: Tensor, num_classes: int, owner: str) -> None:
    """Refuses labels ``[B]`` of classes that there are not.

    Raises:
        ValueError: naming whose ``num_classes`` it is.
    """
    if labels.is_cuda:  # a check that waits for the device would slow every step down
        inside = ((labels >= 0) & (labels < num_classes)).all()
        torch._assert_async(inside, f"a label lies outside the {owner}'s num_classes")
    elif bool(((labels < 0) | (labels >= num_classes)).any()):
        raise ValueError(
            f"labels run from 0 to {num_classes - 1}, got {int(labels.min())} to {int(labels.max())}; "
            f"set num_classes of the {owner} to the number of classes in the data."
        )
