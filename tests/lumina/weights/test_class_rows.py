"""Rows of a label table on their way to other classes: by name, the row of "no class" last."""

import pytest
import torch

from lumina.conditioning.condition_set import ConditionerSet
from lumina.conditioning.label import LabelConditioner
from lumina.objectives.flow_matching import FlowMatching
from lumina.weights.class_rows import rows_by_name

NAME = "conditioners.0.table.weight"


class Trainee:
    """A module with a label table alone."""

    def __init__(self, count, classes=None):
        self.conditioners = ConditionerSet([LabelConditioner(count)], 2)
        self.objective = FlowMatching()
        self.classes = {} if classes is None else {"conditioners.0": classes}

    def state_dict(self):
        return {f"conditioners.{name}": tensor for name, tensor in self.conditioners.state_dict().items()}


def arguments(classes=None):
    label = {"class_path": "lumina.conditioning.label.LabelConditioner", "init_args": {"classes": classes}}
    return {"modality": None, "conditioners": [label]}


def table(*rows):
    return torch.tensor([[row, row] for row in rows])


def arranged(trainee, rows, classes=None):
    state = {NAME: rows, "backbone.x": torch.ones(3)}
    found = rows_by_name(trainee, state, arguments(classes), "SOURCE")
    assert found["backbone.x"] is state["backbone.x"]
    return found.get(NAME)


def test_rows_follow_the_names():
    found = arranged(Trainee(3, ["cow", "ant", "bee"]), table(1.0, 2.0, 3.0, 9.0), ["ant", "bee", "cow"])
    assert torch.equal(found, table(3.0, 1.0, 2.0, 9.0))


def test_new_classes_begin_with_the_modules_rows_and_old_ones_are_left():
    trainee = Trainee(3, ["bee", "dog", "ant"])
    own = trainee.state_dict()[NAME].clone()
    with pytest.warns(UserWarning, match="SOURCE knows the classes ant, bee, cow, emu: dog start anew"):
        found = arranged(trainee, table(1.0, 2.0, 3.0, 4.0, 9.0), ["ant", "bee", "cow", "emu"])
    assert torch.equal(found[[0, 2, 3]], table(2.0, 1.0, 9.0))
    assert torch.equal(found[1], own[1])
    assert torch.equal(trainee.state_dict()[NAME], own)


def test_without_names_equal_numbers_are_the_same_classes():
    rows = table(1.0, 2.0, 9.0)
    assert arranged(Trainee(2), rows) is rows
    with pytest.warns(UserWarning, match="does not name its classes: they are taken to be ant, bee"):
        assert arranged(Trainee(2, ["ant", "bee"]), rows) is rows


def test_without_names_another_number_starts_anew():
    with pytest.warns(UserWarning, match="another number of classes and does not name them"):
        assert arranged(Trainee(3), table(1.0, 2.0, 9.0)) is None


def test_a_table_of_another_width_is_not_touched(recwarn):
    """It does not fit, which whoever compares the tensors says."""
    rows = torch.ones(3, 5)
    assert arranged(Trainee(2, ["ant", "bee"]), rows, ["bee", "ant"]) is rows
    assert not recwarn
