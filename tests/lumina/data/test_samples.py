"""Samples by key: what is transformed, renumbered and replaced."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import default_collate

from lumina.data.sampler import BLANK, Key
from lumina.data.samples import Batcher, Samples
from lumina.errors import CorruptSample


class Numbers:
    """Sample i is the number i; some cannot be read."""

    def __init__(self, *broken, size=6):
        self.broken, self.size = broken, size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        if index in self.broken:
            raise CorruptSample(str(index), "is broken")
        return {"number": index, "label": index % 2}


def transform(item, generator=None):
    return {**item, "draw": None if generator is None else float(torch.rand((), generator=generator))}


def samples(*broken, **options):
    return Samples(Numbers(*broken), 0, transform, **options)


def test_evaluation_is_transformed_without_randomness():
    assert samples()[Key(0, 3)].item == samples()[3].item == {"number": 3, "label": 1, "draw": None}


def test_draws_are_of_epoch_sample_and_copy_alone():
    keys = [Key(epoch, sample, True, copy) for epoch in range(2) for sample in range(3) for copy in range(2)]
    first, again = ([samples(train=True)[key].item["draw"] for key in order] for order in (keys, keys[::-1]))
    assert first == again[::-1] and len(set(first)) == len(keys)


def test_labels_are_numbered_as_the_model_does():
    assert [samples(numbers=[7, 5])[index].item["label"] for index in range(4)] == [7, 5, 7, 5]


def test_what_stands_in_counts_in_training_alone():
    for train in (False, True):
        sample = samples(2, 3, train=train)[Key(0, 2)]
        assert sample.item["number"] == 4 and sample.tried == (2, 3, 4) and set(sample.skipped) == {2, 3}
        assert sample.real == train and sample.identity == (2, 0)


def test_what_cannot_be_read_until_it_is_transformed_is_replaced_as_well():
    def read_late(item, generator=None):
        if item["number"] in (2, 3):
            raise CorruptSample(str(item["number"]), "is broken further on")
        return transform(item, generator)

    sample = Samples(Numbers(), 0, read_late, train=True)[Key(0, 2)]
    assert sample.item["number"] == 4 and sample.tried == (2, 3, 4) and set(sample.skipped) == {2, 3}


def test_what_stands_in_is_of_the_same_bucket_if_there_is_one():
    buckets = torch.tensor([0, 1, 0, 1, 1, 0])
    assert samples(0, buckets=buckets)[0].item["number"] == 2
    assert samples(0, 2, 5, buckets=buckets)[0].item["number"] == 1


def test_data_that_cannot_be_read_at_all_end_the_run():
    with pytest.raises(ValueError, match="None of 6 samples in a row can be read; the first is 4: is broken"):
        samples(*range(6))[4]


def test_blanks_are_left_out_of_the_batch():
    some = samples(1)
    batch = Batcher(lambda items: default_collate([{"number": item["number"]} for item in items]))(
        [some[Key(0, 0)], some[Key(0, 1)], some[Key(0, BLANK, False)]]
    )
    assert batch["number"].tolist() == [0, 2] and batch["real"].tolist() == [True, False]
    assert batch["identity"] == [(0, 0), (1, 0)]
    assert batch["tried"].indices == (0, 1, 2) and list(batch["tried"].skipped) == [1]
