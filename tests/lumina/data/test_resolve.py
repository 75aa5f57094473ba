"""What a model takes from its data is stored, and inherited by what goes on from it."""

from __future__ import annotations

from jsonargparse import Namespace
from torch import nn

from lumina.data.resolve import inherit, resolve, store


class Part(nn.Module):
    def __init__(self, **taken):
        super().__init__()
        self.taken, self.asked = taken, []

    def resolve(self, data, *others):
        self.asked.append((data, *others))
        return self.taken


def test_parts_are_asked_in_turn_and_their_arguments_nested():
    modality, head, first, second = Part(size=[8, 8]), Part(num_classes=10), Part(classes=["a"]), Part()
    found = resolve(modality, [first, second], head, "data")
    assert found == {
        "modality": {"init_args": {"size": [8, 8]}},
        "conditioners": {0: {"init_args": {"classes": ["a"]}}, 1: {"init_args": {}}},
        "objective": {"init_args": {"num_classes": 10}},
    }
    assert modality.asked == [("data",)] and head.asked == [("data", modality)]


def test_stored_where_the_config_has_them_and_nowhere_else():
    config = {"modality": Namespace(class_path="a"), "conditioners": [{"init_args": {"key": "label"}}, {}], "other": 1}
    store({"modality": {"init_args": {"size": 8}}, "conditioners": {0: {"init_args": {"n": 2}}, 1: {}}}, config)
    assert config["modality"] == Namespace(class_path="a", init_args={"size": 8})
    assert config["conditioners"] == [{"init_args": {"key": "label", "n": 2}}, {}] and config["other"] == 1


def test_only_what_was_left_out_is_inherited():
    stored = {"head": {"num_classes": 10, "width": 8}, "conditioners": [{"classes": ["a", "b"]}, {"classes": ["c"]}]}
    config = {
        "head": Namespace(num_classes=None, width=None),
        "conditioners": [{"classes": ["own"]}, {"classes": None}, {"classes": None}],
    }
    inherit(config, stored)
    assert config["head"] == Namespace(num_classes=10, width=None)
    assert [part["classes"] for part in config["conditioners"]] == [["own"], ["c"], None]
