"""The loader's state is a position in the sampler's order: of the batches handed out, whatever workers prefetched."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from datamodules.digits import Digits


def identities(batches):
    return [batch["identity"] for batch in batches]


@pytest.mark.parametrize("workers", [0, 2])
def test_goes_on_after_the_last_batch_handed_out(workers):
    whole = identities(Digits(batch_size=100).train_dataloader())
    loader = Digits(batch_size=100, num_workers=workers).train_dataloader()
    first = identities(islice(loader, 5))
    rest = Digits(batch_size=100).train_dataloader()
    rest.load_state_dict(loader.state_dict())
    assert first + identities(rest) == whole


def test_a_sampler_of_lightning_has_no_state():
    loader = Digits(batch_size=100).train_dataloader()
    other = type(loader)(
        loader.corrupt, "training", dataset=loader.samples, batch_size=3, collate_fn=loader.collate_fn,
        sampler=torch.utils.data.SequentialSampler(loader.samples),
    )  # fmt: skip
    assert other.state_dict() == {}
    other.load_state_dict({"epoch": 3, "samples": 9})
    batch = next(iter(other))
    assert batch["identity"] == [(0, 0), (1, 0), (2, 0)] and "tried" not in batch
