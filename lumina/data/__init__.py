"""Data: which sample is next (`sampler`, `buckets`, `budget`), reading it (`samples`, `sources`), unreadable files."""

from lumina.data.buckets import BucketSampler
from lumina.data.budget import Budget, BudgetSampler
from lumina.data.corrupt import CorruptSample
from lumina.data.module import DataModule, Split
from lumina.data.sampler import Key, RankSampler
from lumina.data.samples import Item

__all__ = [
    "BucketSampler",
    "Budget",
    "BudgetSampler",
    "CorruptSample",
    "DataModule",
    "Item",
    "Key",
    "RankSampler",
    "Split",
]
