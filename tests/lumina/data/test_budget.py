"""Batches made up to a budget of tokens, against brute force."""

from __future__ import annotations

import random
from itertools import accumulate

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import Dataset

from lumina.data.budget import Budget, BudgetSampler
from lumina.data.datamodule import SplitDataModule
from lumina.data.sampler import BLANK, Key
from lumina.data.samples import Samples
from lumina.errors import CorruptSample


def lengths(size=203, longest=40, seed=0):
    return torch.randint(1, longest + 1, (size,), generator=torch.Generator().manual_seed(seed))


def ranks(budget, batch_size, world, train, seed=0, **options):
    return [
        BudgetSampler(budget, batch_size, train=train, seed=seed, rank=rank, world=world, **options)
        for rank in range(world)
    ]


def batches(sampler):
    """The keys of each batch, without blank ones."""
    keys = list(sampler)
    assert len(keys) % sampler.batch_size == 0
    parts = [keys[first : first + sampler.batch_size] for first in range(0, len(keys), sampler.batch_size)]
    for part in parts:
        blank = [key.sample == BLANK for key in part]
        assert blank == sorted(blank) and not blank[0]
    return [[key for key in part if key.sample != BLANK] for part in parts]


def price(cost, tokens):
    return sum(tokens) if cost == "sum" else max(tokens) * len(tokens)


def by_hand(order, tokens, most, budget, cost):
    """The greedy cut, one sample after the other."""
    parts = [[]]
    for sample in order:
        longer = [*parts[-1], sample]
        if len(longer) > most or price(cost, [tokens[i] for i in longer]) > budget:
            parts.append([sample])
        else:
            parts[-1] = longer
    return parts


CASES = [(cost, *case) for cost in ("sum", "padded") for case in [(64, 8, 1), (100, 50, 2), (100, 3, 3), (40, 9, 4)]]


@pytest.mark.parametrize(("cost", "most", "batch_size", "world"), CASES)
def test_training_is_the_greedy_cut_dealt_to_the_ranks(cost, most, batch_size, world):
    budget = Budget(lengths=lengths(), max_tokens=most, cost=cost)
    samplers = ranks(budget, batch_size, world, True)
    for epoch in range(4):
        for sampler in samplers:
            sampler.set_epoch(epoch)
        shares = [batches(sampler) for sampler in samplers]
        assert {len(share) for share in shares} == {samplers[0].steps}
        assert all(len(sampler) == samplers[0].steps * batch_size for sampler in samplers)
        got = [[key.sample for key in share[step]] for step in range(samplers[0].steps) for share in shares]
        order = samplers[0].plan(epoch).tolist()
        expected = by_hand(order * 2, lengths().tolist(), batch_size, most, cost)
        assert got == expected[: len(got)]
        served = [sample for batch in got for sample in batch]
        assert len(set(served)) == min(len(served), 203)  # at most once each, apart from the wrap
        keys = [(key.sample, key.copy) for share in shares for batch in share for key in batch]
        assert len(set(keys)) == len(keys)  # which has other variations
        if epoch == 0:
            whole = sum(end <= 203 for end in accumulate(len(batch) for batch in expected))
            assert len(got) == whole // world * world


@pytest.mark.parametrize(("cost", "most", "batch_size", "world"), CASES)
@pytest.mark.parametrize("size", [1, 5, 203])
def test_evaluation_keeps_the_order_and_counts_every_sample_once(cost, most, batch_size, world, size):
    budget = Budget(lengths=lengths(size), max_tokens=most, cost=cost)
    shares = [batches(sampler) for sampler in ranks(budget, batch_size, world, False)]
    assert len({len(share) for share in shares}) == 1
    dealt = [batch for step in zip(*shares, strict=True) for batch in step]
    real = [[key.sample for key in batch if key.real] for batch in dealt]
    expected = by_hand(range(size), lengths(size).tolist(), batch_size, most, cost)
    assert [batch for batch in real if batch] == expected
    fillers = [batch for batch in dealt if not batch[0].real]
    assert len(fillers) == -len(expected) % world and all(len(batch) == 1 for batch in fillers)


def test_the_order_is_a_function_of_seed_and_epoch():
    budget = Budget(lengths=lengths(), max_tokens=90)
    one, other = (BudgetSampler(budget, 8, train=True, seed=3) for _ in range(2))
    assert list(one) == list(other) == list(one)
    other.set_epoch(1)
    assert {key.epoch for key in other} == {1} and list(other) != list(one)


@pytest.mark.parametrize("cost", ["sum", "padded"])
def test_a_state_goes_on_with_other_budgets_and_processes(cost):
    """Whatever comes after it, a sample is served once, in the global order, until the epoch ends."""
    draw, state, served = random.Random(0), {"epoch": 2, "samples": 0}, 0
    for most, batch_size, world in [(60, 8, 2), (200, 30, 1), (60, 8, 2), (45, 4, 3)]:
        samplers = ranks(Budget(lengths=lengths(900), max_tokens=most, cost=cost), batch_size, world, True, seed=9)
        for sampler in samplers:
            sampler.load_state_dict(state)
            sampler.set_epoch(2)
        order = samplers[0].plan(2).tolist()
        shares = [batches(sampler) for sampler in samplers]
        count = draw.randrange(10, 20)
        got = [key.sample for step in range(count) for share in shares for key in share[step]]
        assert got == order[served : served + len(got)]
        served += len(got)
        for sampler in samplers:
            for _ in range(count):
                sampler.advance()
            assert sampler.state_dict() == {"epoch": 2, "samples": served}
        state = samplers[0].state_dict()
    assert served > 100


def test_the_state_of_an_epochs_end_begins_the_next():
    sampler = BudgetSampler(Budget(lengths=lengths(), max_tokens=90), 8, train=True)
    for _ in batches(sampler):
        sampler.advance()
    resumed = BudgetSampler(Budget(lengths=lengths(), max_tokens=90), 8, train=True)
    resumed.load_state_dict(sampler.state_dict())
    assert resumed.state_dict() == {"epoch": 1, "samples": 0}


def test_repeated_samples_follow_each_other_and_shorten_the_list():
    sampler = BudgetSampler(Budget(lengths=lengths(), max_tokens=90), 8, train=True, repeats=3)
    keys = [(key.sample, key.copy) for batch in batches(sampler) for key in batch]
    first = [sample for sample, copy in keys if copy == 0]
    assert keys == [(sample, copy) for sample in first for copy in range(3)][: len(keys)]


def test_impossible_budgets_are_refused():
    with pytest.raises(ValueError, match=r"A sample has 40 tokens, more than data.max_tokens=39"):
        BudgetSampler(Budget(lengths=torch.tensor([3, 40]), max_tokens=39), 4, train=False)
    with pytest.raises(ValueError, match=r"fills 1 batches of 40 tokens, but one step takes 2: lower data.max_tokens"):
        BudgetSampler(Budget(lengths=torch.full((9,), 8), max_tokens=40), 9, train=True, world=2)


class Strips(SplitDataModule):
    """Sample i is the number i and takes as many tokens as `lengths` says."""

    batch_keys = ("number", "draw")

    def __init__(self, batch_size=8, size=60, most=64, **others):
        super().__init__(batch_size, **others)
        self.size, self.most = size, most

    def dataset(self, split):
        return Numbers(self.size)

    def budget(self, dataset):
        return Budget(lengths=lengths(self.size), max_tokens=self.most, cost="padded")

    def transform(self, item, generator=None):
        return item if generator is None else {**item, "draw": torch.rand((), generator=generator)}


class Numbers(torch.utils.data.Dataset):
    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return {"number": index, "draw": torch.tensor(0.0)}


class Recorder(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.trained, self.evaluated = [], []

    def training_step(self, batch, _):
        self.trained.append(list(zip(batch["number"].tolist(), batch["draw"].tolist(), strict=True)))
        return self.layer(batch["draw"][:, None]).mean()

    def validation_step(self, batch, _):
        self.evaluated += batch["number"][batch["real"]].tolist()

    predict_step = validation_step

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def trainer(*callbacks, **options):
    return Trainer(
        accelerator="cpu",
        logger=False,
        callbacks=list(callbacks),
        enable_checkpointing=bool(callbacks),
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **options,
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("first", "second"), [(0, 2), (2, 0)])
def test_lightning_resumes_exactly_in_and_between_epochs(tmp_path, first, second):
    steps = len(Strips().train_dataloader())
    whole = Recorder()
    trainer(max_epochs=3).fit(whole, datamodule=Strips())
    assert len(whole.trained) == 3 * steps
    assert whole.evaluated == list(range(60)) * 3
    save = ModelCheckpoint(tmp_path, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    trainer(save, max_epochs=2).fit(Recorder(), datamodule=Strips(num_workers=first))
    for stop in (2, steps, steps + 3):
        rest, data = Recorder(), Strips(num_workers=second)
        trainer(max_epochs=3).fit(rest, datamodule=data, ckpt_path=tmp_path / f"step={stop}.ckpt")
        assert rest.trained == whole.trained[stop:]


@pytest.mark.filterwarnings("ignore")
def test_lightning_predicts_and_overfits(tmp_path):
    model = Recorder()
    trainer().predict(model, datamodule=Strips())
    assert model.evaluated == list(range(60))
    model = Recorder()
    options = {"max_epochs": 2, "overfit_batches": 2, "limit_val_batches": 0}
    trainer(ModelCheckpoint(tmp_path), **options).fit(model, datamodule=Strips())
    numbers = [[number for number, _ in batch] for batch in model.trained]
    assert numbers == [list(range(8)), list(range(8, 16))] * 2  # the budget is without effect


class OneCorrupt(Dataset):
    """Gives its indices; one cannot be read."""

    def __init__(self, size, corrupt):
        self.size, self.corrupt = size, corrupt

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        if index == self.corrupt:
            raise CorruptSample(f"{index}.png", "broken")
        return {"index": index}


@pytest.mark.parametrize(
    ("lengths", "corrupt", "stands_in"),
    [([3, 60, 60, 5, 2], 0, 4), ([3, 60, 3, 5, 2], 0, 2), ([60, 3, 3, 60], 2, 1), ([1, 60, 5], 0, 1)],
)
def test_what_stands_in_is_no_longer(lengths, corrupt, stands_in):
    """The shortest sample alone has nothing shorter."""
    samples = Samples(OneCorrupt(len(lengths), corrupt), 0, lambda item, _: item, lengths=torch.tensor(lengths))
    sample = samples[Key(0, corrupt)]
    assert sample.item == {"index": stands_in} and not sample.real and len(sample.skipped) == 1
