"""Data: which sample is next (`sampler`, `buckets`), reading it (`samples`, `sources`), loaders, unreadable files."""

from lumina.data.buckets import BucketSampler
from lumina.data.corrupt import CorruptSample
from lumina.data.module import DataModule, Split
from lumina.data.sampler import Key, RankSampler
from lumina.data.samples import Item

__all__ = ["BucketSampler", "CorruptSample", "DataModule", "Item", "Key", "RankSampler", "Split"]
