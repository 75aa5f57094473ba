"""Small operations on batches."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from datamodules.digits import Digits
from lumina.data.batches import finite_samples, move, of_rows, pick, rows, select, stacked, take, without_fillers


def test_taken_items_are_those_of_the_split():
    data = Digits(batch_size=4)
    batch, dataset = take(data, "test", [3, 1]), data.dataset("test")
    assert torch.equal(batch["image"], torch.stack([dataset[3]["image"], dataset[1]["image"]]))


def test_one_is_picked_and_without_a_generator_the_first():
    assert pick("abc", None) == "a"
    generator = torch.Generator().manual_seed(0)
    assert {pick("abc", generator) for _ in range(50)} == set("abc")


def test_tensors_of_one_shape_are_stacked():
    alike, others = [torch.ones(2, 3), torch.zeros(2, 3)], [torch.ones(2, 3), torch.zeros(3, 2)]
    assert stacked(alike).shape == (2, 2, 3) and stacked(others) is others


def test_everything_moves():
    moved = move({"a": torch.ones(2), "b": ["x", (torch.ones(1),)]}, torch.device("meta"))
    assert moved["a"].is_meta and moved["b"][0] == "x" and moved["b"][1][0].is_meta


def test_single_samples_of_batches_make_another():
    first = rows({"x": torch.arange(3), "name": ["a", "b", "c"]}, [2, 0])
    assert of_rows([*first, *rows({"x": torch.arange(5, 6), "name": ["d"]}, [0])]) == {
        "x": [torch.tensor(2), torch.tensor(0), torch.tensor(5)],
        "name": ["c", "a", "d"],
    }
    assert of_rows([]) == of_rows(rows({}, [0, 1])) == {}


def test_fillers_go_but_never_all_samples():
    batch = {"x": torch.arange(3), "name": ["a", "b", "c"], "real": torch.tensor([True, False, True])}
    left, any_real = without_fillers(batch)
    assert any_real and left["x"].tolist() == [0, 2] and left["name"] == ["a", "c"]
    nothing = {**batch, "real": torch.zeros(3, dtype=torch.bool)}
    assert without_fillers(nothing) == (nothing, False)
    assert without_fillers({"x": 1}) == ({"x": 1}, True)


def test_texts_are_values_and_no_lists():
    assert select({"a": "text", "b": [1, 2], "c": 3}, torch.tensor([False, True])) == {"a": "text", "b": [2], "c": 3}


@dataclass
class Cloud:
    points: torch.Tensor
    name: str = "x"


def test_nan_and_infinity_are_found_in_tensors_and_dataclasses():
    values = torch.tensor([[1.0, 2.0], [torch.nan, 1.0], [torch.inf, 1.0]])
    assert finite_samples(values).tolist() == [True, False, False]
    assert finite_samples([Cloud(row) for row in values]).tolist() == [True, False, False]
