"""Labels and the set of all conditions."""

from __future__ import annotations

import pytest
import torch

from lumina.conditioning.condition_set import ConditionerSet
from lumina.conditioning.label import LabelConditioner
from lumina.randomness import Purpose, keyed_generator


@pytest.fixture
def conditions():
    return ConditionerSet([LabelConditioner(4, dropout=0.25), LabelConditioner(3, dropout=0.0, key="style")], 8)


def test_pooled_conditions_add_up(conditions):
    batch = {"label": torch.tensor([0, 3]), "style": torch.tensor([2, 1])}
    pooled = conditions.conditions(batch, 2, torch.device("cpu")).pooled
    expected = conditions[0].table.weight[[0, 3]] + conditions[1].table.weight[[2, 1]]
    torch.testing.assert_close(pooled, expected)


def test_null_condition_does_not_depend_on_the_label(conditions):
    batches = [{"label": torch.tensor([i]), "style": torch.tensor([0])} for i in (0, 3)]
    nulls = [conditions.conditions(batch, 1, torch.device("cpu"), keep=False).pooled for batch in batches]
    assert torch.equal(*nulls)


def test_dropout_has_its_own_chance_for_each_condition(conditions):
    count = 4000
    batch = {"label": torch.zeros(count, dtype=torch.long), "style": torch.zeros(count, dtype=torch.long)}
    pooled = conditions.train_conditions(batch, count, keyed_generator(Purpose.TRAINING, 0)).pooled
    kept = conditions[0].table.weight[0] + conditions[1].table.weight[0]
    share = (pooled == kept).all(1).float().mean().item()
    assert share == pytest.approx(0.75, abs=0.03)


def test_label_outside_the_table(conditions):
    with pytest.raises(ValueError, match=r"Got label 4, but the LabelConditioner has num_classes=4, labels 0 to 3"):
        conditions.conditions({"label": torch.tensor([4]), "style": torch.tensor([0])}, 1, torch.device("cpu"))


def test_no_conditions_at_all():
    assert ConditionerSet([], 8).conditions({}, 2, torch.device("cpu")).pooled is None
