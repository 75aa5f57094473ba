"""Single views of objects."""

from __future__ import annotations

from typing import Any

from torch import Generator

from datamodules.multiview import MultiViewFolder
from lumina.values import Item


class SingleViews(MultiViewFolder):
    """One view of each object as a picture, to train an autoencoder on: a random one in training, else the first.

    References are not shown. Objects are held out as by `MultiViewFolder`, so that an autoencoder has not seen what a
    model of views is tested with.

    Args:
        options: of `datamodules.multiview.MultiViewFolder`, apart from ``views`` and ``reference``.
    """

    batch_keys = ("image", "caption", "name")

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, views=1, reference="none")

    def transform(self, item: Item, generator: Generator | None = None) -> Item:
        """``image`` is the view ``[3, size, size]`` in [-1, 1]."""
        shown = super().transform(item, generator)
        return {name: value for name, value in {**shown, "image": shown["views"][0]}.items() if name in self.batch_keys}
