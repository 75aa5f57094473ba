import pytest
import torch

from lumina.data.sampler import RankSampler
from lumina.randomness import Purpose, keyed_generator


def epochs(sampler, count):
    for epoch in range(count):
        sampler.set_epoch(epoch)
        yield list(sampler)


@pytest.mark.parametrize("world", [1, 2, 3])
def test_training_slices_are_disjoint_equal_and_drop_only_what_fills_no_step(world):
    samplers = [RankSampler(50, 4, train=True, seed=7, rank=rank, world=world) for rank in range(world)]
    shares = [[key.sample for key in sampler] for sampler in samplers]
    assert {len(share) for share in shares} == {len(sampler) for sampler in samplers} == {50 // (4 * world) * 4}
    together = [sample for share in shares for sample in share]
    assert len(set(together)) == len(together)
    assert all(key.real for sampler in samplers for key in sampler)


def test_every_step_takes_the_next_samples_of_the_global_order():
    samplers = [RankSampler(24, 4, train=True, rank=rank, world=3) for rank in range(3)]
    order = samplers[0].plan(0).tolist()
    shares = [[key.sample for key in sampler] for sampler in samplers]
    for step in range(2):
        batches = [sample for share in shares for sample in share[4 * step : 4 * step + 4]]
        assert sorted(batches) == sorted(order[12 * step : 12 * step + 12])


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 7, 12])
def test_evaluation_counts_every_sample_once_on_equally_long_shares(world, size):
    samplers = [RankSampler(size, 3, train=False, rank=rank, world=world) for rank in range(world)]
    shares = [list(sampler) for sampler in samplers]
    assert {len(share) for share in shares} == {len(sampler) for sampler in samplers} == {-(-size // world)}
    assert sorted(key.sample for share in shares for key in share if key.real) == list(range(size))
    assert all(key.sample < size for share in shares for key in share)


def test_the_order_is_a_function_of_seed_and_epoch():
    first, second = (list(epochs(RankSampler(20, 2, train=True, seed=3), 3)) for _ in range(2))
    assert first == second
    assert [key.sample for key in first[0]] != [key.sample for key in first[1]]
    assert [key.epoch for key in first[2]] == [2] * 20
    assert list(RankSampler(20, 2, train=True, seed=4)) != first[0]


def test_evaluation_repeats_its_order_without_set_epoch():
    sampler = RankSampler(5, 2, train=False)
    assert [key.sample for key in sampler] == [key.sample for key in sampler] == [0, 1, 2, 3, 4]


def test_a_state_goes_on_with_other_processes_and_batch_sizes():
    source = RankSampler(48, 4, train=True, seed=1, rank=1, world=2)
    source.set_epoch(5)
    rest = source.plan(5).tolist()[16:]
    resumed = [RankSampler(48, 2, train=True, seed=1, rank=rank, world=4) for rank in range(4)]
    for sampler in resumed:
        sampler.load_state_dict({"epoch": 5, "samples": 16})
        sampler.set_epoch(5)
    assert sorted(key.sample for sampler in resumed for key in sampler) == sorted(rest)


@pytest.mark.parametrize("samples", [20, 23])
def test_the_state_of_an_epochs_end_begins_the_next(samples):
    sampler = RankSampler(23, 4, train=True)
    sampler.load_state_dict({"epoch": 2, "samples": samples})
    assert sampler.state_dict() == {"epoch": 3, "samples": 0}
    assert [key.sample for key in sampler] == sampler.plan(3).tolist()[:20]


def test_a_training_set_smaller_than_a_step_is_refused():
    with pytest.raises(
        ValueError, match=r"10 samples, but one step takes 16 \(batch_size 8 on 2 processes\).*at most 5"
    ):
        RankSampler(10, 8, train=True, world=2)


@pytest.mark.parametrize(("size", "repeats", "world"), [(60, 3, 1), (61, 3, 4), (50, 2, 2), (7, 9, 1)])
def test_repeated_samples_keep_the_length_and_land_on_different_ranks(size, repeats, world):
    samplers = [RankSampler(size, 1, train=True, rank=rank, world=world, repeats=repeats) for rank in range(world)]
    shares = [list(sampler) for sampler in samplers]
    assert all(len(share) == len(RankSampler(size, 1, train=True, world=world)) for share in shares)
    together = [key for step in zip(*shares, strict=True) for key in step]
    order = torch.randperm(size, generator=keyed_generator(Purpose.ORDER, 0, 0)).tolist()
    expected = [(sample, copy) for sample in order for copy in range(repeats)]
    assert [(key.sample, key.copy) for key in together] == expected[: len(together)]
    if repeats <= world:
        assert all(len({key.sample for key in share}) == len(share) for share in shares)


def test_an_epoch_of_repeated_samples_has_other_ones_each_time():
    sampler = RankSampler(60, 4, train=True, repeats=3)
    seen = [{key.sample for key in keys} for keys in epochs(sampler, 2)]
    assert [len(samples) for samples in seen] == [20, 20] and seen[0] != seen[1]


def test_repeated_samples_resume_exactly():
    whole = list(RankSampler(60, 4, train=True, repeats=3))
    sampler = RankSampler(60, 4, train=True, repeats=3)
    sampler.load_state_dict({"epoch": 0, "samples": 20})
    assert list(sampler) == whole[20:]
