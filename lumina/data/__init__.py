"""Data: which sample is next (`sampler`), reading it (`samples`), loaders (`module`), unreadable files (`corrupt`)."""

from lumina.data.corrupt import CorruptSample
from lumina.data.module import DataModule, Split
from lumina.data.sampler import Key, RankSampler
from lumina.data.samples import Item

__all__ = ["CorruptSample", "DataModule", "Item", "Key", "RankSampler", "Split"]
