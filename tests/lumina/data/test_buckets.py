import random
import warnings
from itertools import pairwise

import pytest
import torch

from lumina.data.buckets import BucketSampler
from lumina.data.datamodule import SplitDataModule
from lumina.data.sampler import BLANK
from lumina.errors import CorruptSample


def buckets(size=203, kinds=7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(kinds, (size,), generator=generator).clamp(max=kinds - 2)


def ranks(labels, batch_size, world, train, seed=0):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return [
            BucketSampler(labels, batch_size, train=train, seed=seed, rank=rank, world=world) for rank in range(world)
        ]


def batches(sampler, size):
    keys = list(sampler)
    assert len(keys) == len(sampler) and len(keys) % size == 0
    return [keys[start : start + size] for start in range(0, len(keys), size)]


CASES = [(1, 1, 203, 7), (4, 1, 203, 7), (3, 2, 97, 5), (8, 3, 500, 2), (5, 4, 333, 9)]


@pytest.mark.parametrize(("batch_size", "world", "size", "kinds"), CASES)
def test_training_has_one_bucket_in_a_step_and_leaves_out_only_what_fills_none(batch_size, world, size, kinds):
    labels = buckets(size, kinds)
    shares = [batches(sampler, batch_size) for sampler in ranks(labels, batch_size, world, True)]
    assert len({len(share) for share in shares}) == 1
    served = []
    for step in zip(*shares, strict=True):
        samples = [key.sample for batch in step for key in batch]
        assert len(set(labels[samples].tolist())) == 1
        served += samples
    assert len(set(served)) == len(served)
    left_out = torch.bincount(labels) - torch.bincount(labels[served], minlength=int(labels.max()) + 1)
    assert left_out.tolist() == (torch.bincount(labels) % (batch_size * world)).tolist()


@pytest.mark.parametrize(("batch_size", "world", "size", "kinds"), [*CASES, (4, 3, 2, 2), (2, 4, 1, 2)])
def test_evaluation_counts_every_sample_once_in_batches_of_one_bucket(batch_size, world, size, kinds):
    labels = buckets(size, kinds)
    shares = [batches(sampler, batch_size) for sampler in ranks(labels, batch_size, world, False)]
    real = [key.sample for share in shares for batch in share for key in batch if key.real]
    assert sorted(real) == list(range(size))
    for step in zip(*shares, strict=True):
        filled = [[key.sample for key in batch if key.sample != BLANK] for batch in step]
        assert len({len(batch) for batch in filled}) == 1 and filled[0]
        assert len({labels[sample].item() for batch in filled for sample in batch}) == 1
        assert not any(key.real for batch in step for key in batch if key.sample == BLANK)
    fillers = sum(not key.real and key.sample != BLANK for share in shares for batch in share for key in batch)
    assert fillers == sum(-count % world for count in torch.bincount(labels).tolist())


def test_the_order_is_a_function_of_seed_and_epoch():
    labels = buckets()
    first, second = BucketSampler(labels, 4, train=True, seed=3), BucketSampler(labels, 4, train=True, seed=3)
    assert list(first) == list(second)
    second.set_epoch(1)
    later = list(second)
    assert [key.sample for key in later] != [key.sample for key in first]
    assert {key.epoch for key in later} == {1}
    assert list(BucketSampler(labels, 4, train=True, seed=4)) != list(first)


def test_steps_of_all_buckets_are_mixed_and_rests_change():
    labels = buckets(2000, 4)
    sampler = BucketSampler(labels, 8, train=True)
    kinds = labels[[key.sample for key in sampler][::8]].tolist()
    changes = sum(one != other for one, other in pairwise(kinds))
    assert changes > len(kinds) / 3
    left = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        left.append(set(range(2000)) - {key.sample for key in sampler})
    assert left[0] and left[0] != left[1]


@pytest.mark.parametrize("stop", [0, 1, 9, 30, 48])
def test_resumes_exactly(stop):
    labels, step = buckets(), 4
    whole = BucketSampler(labels, 4, train=True, seed=5)
    whole.set_epoch(2)
    order = list(whole)
    assert len(order) >= 49 * step
    resumed = BucketSampler(labels, 4, train=True, seed=5)
    resumed.load_state_dict({"epoch": 2, "samples": stop * step, "step": 4, "past": []})
    assert resumed.state_dict() == {"epoch": 2, "samples": stop * step, "step": 4, "past": []}
    resumed.set_epoch(2)
    assert list(resumed) == order[stop * step :]
    assert list(resumed) == order  # a second pass is a whole one


def test_a_state_goes_on_with_other_processes_and_batch_sizes_more_than_once():
    labels, generator = buckets(900, 6), random.Random(0)
    served, state = [], None
    for batch_size, world in [(4, 2), (5, 1), (2, 3), (2, 3), (7, 1)]:
        samplers = ranks(labels, batch_size, world, True, seed=9)
        for sampler in samplers:
            if state:
                sampler.load_state_dict(state)
            sampler.set_epoch(3)
        steps = list(zip(*(batches_of_rest(sampler, batch_size) for sampler in samplers), strict=True))
        count = generator.randrange(5, 20)
        served += [key.sample for step in steps[:count] for batch in step for key in batch]
        for sampler in samplers:
            sampler.served += count * sampler.step
        state = samplers[-1].state_dict()
        assert all(sampler.state_dict() == state for sampler in samplers)
    assert len(set(served)) == len(served)
    sampler = BucketSampler(labels, 1, train=True, seed=9)
    sampler.load_state_dict(state)
    sampler.set_epoch(3)
    assert sorted(served + [key.sample for key in sampler]) == list(range(900))


def batches_of_rest(sampler, size):
    iterator = iter(sampler)
    start = sampler._start
    keys = list(iterator)
    assert sampler.served == start
    return [keys[place : place + size] for place in range(0, len(keys), size)]


def test_the_state_of_an_epochs_end_begins_the_next():
    sampler = BucketSampler(buckets(), 4, train=True)
    count = len(list(sampler))
    sampler.load_state_dict({"epoch": 0, "samples": count, "step": 4, "past": []})
    assert sampler.state_dict() == {"epoch": 1, "samples": 0, "step": 4, "past": []}
    assert [key.epoch for key in sampler] == [1] * count


def test_what_no_step_can_hold_is_told():
    labels = torch.tensor([0] * 10 + [1] * 3 + [2] * 2)
    with pytest.warns(
        UserWarning, match=r"5 of 15 samples are never trained on: their 2 buckets.*takes 4 \(batch_size 4"
    ):
        BucketSampler(labels, 4, train=True)
    with pytest.raises(ValueError, match=r"largest of 3 buckets has 10 samples, but one step takes 12.*at most 5"):
        BucketSampler(labels, 6, train=True, world=2)
    assert len(BucketSampler(labels, 6, train=False, world=2)) == 18


class Lengths(SplitDataModule):
    """Sample i is a row of i % 3 + 1 numbers i; ``broken`` ones cannot be read."""

    batch_keys = ("row",)

    def __init__(self, batch_size=4, size=40, broken=(), **others):
        super().__init__(batch_size, **others)
        self.size, self.broken = size, broken

    def dataset(self, split):
        return Rows(self.size, self.broken)

    def buckets(self, dataset):
        return torch.arange(len(dataset)) % 3


class Rows(torch.utils.data.Dataset):
    def __init__(self, size, broken):
        self.size, self.broken = size, broken

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        if index in self.broken:
            raise CorruptSample(f"row{index}", "cut off")
        return {"row": torch.full((index % 3 + 1,), index)}


def rows(loader):
    return [batch["row"][:, 0].tolist() for batch in loader]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_stacks_batches_of_one_bucket_and_resumes_exactly(workers):
    whole = rows(Lengths().train_dataloader())
    assert [len(batch) for batch in whole] == [4] * 9  # 14, 13 and 13 samples
    loader = Lengths(num_workers=workers).train_dataloader()
    served = iter(loader)
    before = [next(served)["row"][:, 0].tolist() for _ in range(4)]
    state = loader.state_dict()
    resumed = Lengths(num_workers=2 - workers).train_dataloader()
    resumed.load_state_dict(state)
    assert before + rows(resumed) == whole


def test_a_loader_evaluates_every_sample_once():
    loader = Lengths(eval_batch_size=6).val_dataloader()
    batches = list(loader)
    assert len(batches) == len(loader)
    lengths = [6, 6, 2, 6, 6, 1, 6, 6, 1]
    assert [len(batch["row"]) for batch in batches] == [len(batch["real"]) for batch in batches] == lengths
    assert sorted(number for batch in rows(loader) for number in batch) == list(range(40))
    assert all(batch["real"].all() for batch in batches)


def test_a_corrupt_sample_is_replaced_from_its_bucket():
    with pytest.warns(UserWarning, match="cannot be read"):
        batches = list(Lengths(eval_batch_size=7, broken=(3, 6), max_corrupt=0.5).val_dataloader())
    assert batches[0]["row"][:, 0].tolist() == [0, 9, 9, 9, 12, 15, 18]
    assert batches[0]["real"].tolist() == [True, False, False, True, True, True, True]


@pytest.mark.filterwarnings("ignore")
def test_lightning_predicts_and_overfits_with_buckets():
    from lightning.pytorch import LightningModule, Trainer

    class Recorder(LightningModule):
        def __init__(self):
            super().__init__()
            self.layer, self.seen = torch.nn.Linear(1, 1), []

        def training_step(self, batch, _):
            return self.layer(batch["row"][:, :1].float()).mean()

        def predict_step(self, batch, _):
            self.seen += batch["row"][batch["real"], 0].tolist()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    options = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    model = Recorder()
    Trainer(**options).predict(model, datamodule=Lengths(eval_batch_size=6))
    assert sorted(model.seen) == list(range(40))
    trainer = Trainer(max_epochs=3, limit_val_batches=0, **options)
    trainer.fit(Recorder(), datamodule=Lengths())
    assert trainer.global_step == 27
