import pickle
import warnings

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from lumina.data.datamodule import SplitDataModule
from lumina.errors import CorruptSample


class Numbers(SplitDataModule):
    """Sample i is the number i; ``broken`` ones cannot be read."""

    batch_keys = ("number", "draw")

    def __init__(self, batch_size=4, size=23, broken=(), **others):
        super().__init__(batch_size, **others)
        self.size = size
        self.broken = broken

    def dataset(self, split):
        return Table(self.size if split == "train" else 7, self.broken)

    def transform(self, item, generator=None):
        return item if generator is None else {**item, "draw": torch.rand((), generator=generator)}


class Table(torch.utils.data.Dataset):
    def __init__(self, size, broken):
        self.size = size
        self.broken = broken

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        if index in self.broken:
            raise CorruptSample(f"file{index}.png", "cut off") from OSError("cut off")
        return {"number": index, "draw": torch.tensor(0.0)}


def content(batches):
    return [list(zip(batch["number"].tolist(), batch["draw"].tolist(), strict=True)) for batch in batches]


def serve(loader, epochs):
    for epoch in range(epochs):
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            yield from content([batch])


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("stop", [1, 3, 5, 7])
def test_resumes_exactly_in_and_between_epochs(workers, stop):
    whole = list(serve(Numbers().train_dataloader(), 3))
    data = Numbers(num_workers=workers)
    loader = data.train_dataloader()
    served = serve(loader, 3)
    before = [next(served) for _ in range(stop)]
    state = loader.state_dict()
    served.close()

    resumed = Numbers(num_workers=2 - workers).train_dataloader()
    resumed.load_state_dict(state)
    after = []
    for epoch in range(resumed.sampler.epoch, 3):
        resumed.sampler.set_epoch(epoch)
        after += content(resumed)
    assert before + after == whole


def test_a_second_pass_after_resuming_is_a_whole_epoch():
    loader = Numbers().train_dataloader()
    loader.load_state_dict({"epoch": 0, "samples": 8})
    assert [len(list(loader)), len(list(loader))] == [3, 5]


def test_augmentation_depends_on_seed_epoch_and_index_alone():
    def draws(seed, workers, batch_size, epochs=2):
        found = {}
        loader = Numbers(batch_size, num_workers=workers, seed=seed).train_dataloader()
        for epoch in range(epochs):
            loader.sampler.set_epoch(epoch)
            found |= {(epoch, number): draw for batch in content(loader) for number, draw in batch}
        return found

    one, other = draws(0, 0, 23), draws(0, 2, 1)
    assert one == other
    assert len(set(one.values())) == len(one) == 46
    assert draws(1, 0, 23) != one


def test_the_copies_of_a_sample_are_augmented_differently():
    data = Numbers(24, size=24)
    data.repeats = 3
    (batch,) = content(data.train_dataloader())
    assert len({number for number, _ in batch}) == 8 and len(set(batch)) == 24
    first = {number: draw for number, draw in batch if (number, draw) in set(batch[::3])}
    (alone,) = content(Numbers(24, size=24).train_dataloader())
    assert first.items() <= dict(alone).items()  # the first copy is the one that there is without copies


def test_evaluation_is_not_augmented_and_keeps_the_order():
    loader = Numbers(eval_batch_size=3).val_dataloader()
    batches = list(loader)
    assert content(batches) == [[(0, 0.0), (1, 0.0), (2, 0.0)], [(3, 0.0), (4, 0.0), (5, 0.0)], [(6, 0.0)]]
    assert all(batch["real"].all() for batch in batches)
    assert content(loader) == content(batches)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_corrupt_samples_are_replaced_by_the_next_readable_one(split):
    data = Numbers(broken=(2, 3), size=24, max_corrupt=0.5)
    with pytest.warns(UserWarning, match=r"cannot be read: file[23]\.png: cut off") as caught:
        batches = list(data.loader(split))
    numbers = [number for batch in content(batches) for number, _ in batch]
    real = torch.cat([batch["real"] for batch in batches]).tolist()
    order = data.loader(split).sampler.plan(0).tolist()
    assert numbers == [4 if number in (2, 3) else number for number in order]
    assert real == [split == "train" or number not in (2, 3) for number in order]
    assert len(caught) == 2 and len(data.corrupt.known) == 2  # each once, though 3 is tried in place of 2 as well


def test_the_last_sample_is_replaced_by_the_first():
    with pytest.warns(UserWarning, match="file6"):
        assert [number for batch in content(Numbers(broken=(6,)).val_dataloader()) for number, _ in batch][-1] == 0


def test_corrupt_files_are_named_and_counted_once_in_all_epochs():
    data = Numbers(broken=(2, 3), size=24, max_corrupt=0.5)
    with pytest.warns(UserWarning) as caught:
        loader = data.train_dataloader()
        for epoch in range(5):
            loader.sampler.set_epoch(epoch)
            assert all("tried" not in batch for batch in loader)
    assert len(caught) == 2 and len(data.corrupt.known) == 2 and data.corrupt.seen == 24
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(data.train_dataloader())


def test_too_many_corrupt_files_end_the_run_by_name():
    data = Numbers(broken=range(0, 24, 3), size=24, max_corrupt=0.01)
    with (
        pytest.warns(UserWarning),
        pytest.raises(
            ValueError, match=r"of the first \d+ samples are corrupt .* max_corrupt=1.00%.*file\d+\.png: cut"
        ),
    ):
        list(data.train_dataloader())


def test_data_without_a_readable_sample_ends_the_run():
    with pytest.raises(ValueError, match="None of 23 samples in a row can be read; the first is file"):
        list(Numbers(broken=range(23)).train_dataloader())


def test_empty_data_and_impossible_batch_sizes_are_refused():
    with pytest.raises(ValueError, match="Numbers has no samples in its split 'train'"):
        Numbers(size=0).train_dataloader()
    with pytest.raises(ValueError, match=r"23 samples, but one step takes 24.*batch_size to at most 23"):
        Numbers(24).train_dataloader()
    with pytest.raises(ValueError, match="batch_size 0"):
        Numbers(0)


def test_workers_can_be_started_without_the_trainer():
    data = Numbers()
    data.trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    loader = data.train_dataloader()
    copy = pickle.loads(pickle.dumps((loader.dataset, loader.collate_fn)))
    assert copy[1]([copy[0][3]])["number"].tolist() == [3]
    assert data.trainer is not None


class Recorder(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.trained, self.evaluated = [], []

    def training_step(self, batch, _):
        self.trained += content([batch])
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
        **options,
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("first", "second"), [(0, 2), (2, 0)])
@pytest.mark.parametrize("stop", [3, 5, 8])
def test_lightning_resumes_exactly_with_another_number_of_workers(tmp_path, stop, first, second):
    whole = Recorder()
    trainer(max_steps=12).fit(whole, datamodule=Numbers())
    save = ModelCheckpoint(tmp_path, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    trainer(save, max_steps=9).fit(Recorder(), datamodule=Numbers(num_workers=first))
    rest = Recorder()
    data = Numbers(num_workers=second)
    trainer(max_steps=12).fit(rest, datamodule=data, ckpt_path=tmp_path / f"step={stop}.ckpt")
    assert rest.trained == whole.trained[stop:]


@pytest.mark.filterwarnings("ignore")
def test_lightning_predicts_and_overfits_with_these_loaders(tmp_path):
    model = Recorder()
    trainer().predict(model, datamodule=Numbers(eval_batch_size=3))
    assert model.evaluated == list(range(7))
    model = Recorder()
    trainer(ModelCheckpoint(tmp_path), max_epochs=2, overfit_batches=2, limit_val_batches=0).fit(
        model, datamodule=Numbers()
    )
    assert [[number for number, _ in batch] for batch in model.trained] == [[0, 1, 2, 3], [4, 5, 6, 7]] * 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("injection", [False, True])
def test_two_processes_see_every_sample_once(injection):
    where = torch.multiprocessing.get_context("spawn").Manager().dict()
    options = {"devices": 2, "strategy": "ddp_spawn", "max_epochs": 1, "use_distributed_sampler": injection}
    trainer(**options).fit(Reporter(where), datamodule=Numbers(2, eval_batch_size=2))
    trained = [number for rank in range(2) for number in where["trained", rank]]
    evaluated = [number for rank in range(2) for number in where["evaluated", rank]]
    assert len(trained) == len(set(trained)) == 20
    assert sorted(evaluated) == list(range(7))


class Reporter(Recorder):
    def __init__(self, where):
        super().__init__()
        self.where = where

    def on_validation_start(self):
        self.evaluated = []

    def on_train_end(self):
        numbers = [number for batch in self.trained for number, _ in batch]
        self.where["trained", self.global_rank] = numbers
        self.where["evaluated", self.global_rank] = self.evaluated
