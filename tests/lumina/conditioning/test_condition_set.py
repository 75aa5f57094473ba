"""All conditions as one: routes merged, each dropped with its own chance."""

from __future__ import annotations

import pytest
import torch
from tiny_text import Letters

from lumina.conditioning.condition_set import ConditionerSet
from lumina.conditioning.label import LabelConditioner
from lumina.conditioning.text import TextConditioner
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Conditioning


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


def test_no_conditions_at_all():
    nothing = ConditionerSet([], 8)
    assert nothing.conditions({}, 2, torch.device("cpu")) == Conditioning()
    assert nothing.train_conditions({}, 2, keyed_generator(Purpose.TRAINING, 0)) == Conditioning()
    assert nothing.words({}) == []


def test_texts_lie_one_behind_the_other():
    """A mask of one is a mask of all: the other text is real as a whole."""
    both = ConditionerSet([TextConditioner(Letters()), TextConditioner(Letters(), key="title")], 8)
    batch = {"caption": ["ab", ""], "title": ["xyz", "xyz"]}
    caption, title = (part(batch[part.key], torch.tensor([True, True])) for part in both)
    merged = both.conditions(batch, 2, torch.device("cpu"))
    assert torch.equal(merged.cross, torch.cat((caption.cross, title.cross), 1))
    assert merged.cross_mask.tolist() == [[True] * 7, [True, False, False] + [True] * 4]
    assert both.conditions({**batch, "caption": ["ab", "cd"]}, 2, torch.device("cpu")).cross_mask is None


@pytest.mark.parametrize("dropout", [0.0, 1.0])
def test_dropout_of_never_and_always(dropout):
    label = LabelConditioner(4, dropout=dropout)
    batch = {"label": torch.arange(4).repeat(50)}
    pooled = ConditionerSet([label], 8).train_conditions(batch, 200, keyed_generator(Purpose.TRAINING, 0)).pooled
    expected = label.table.weight[batch["label"]] if dropout == 0 else label.table.weight[[4] * 200]
    assert torch.equal(pooled, expected)


@pytest.mark.parametrize("dropout", [-0.1, 1.1, float("nan")])
def test_a_dropout_that_is_no_chance_is_refused(dropout):
    with pytest.raises(ValueError, match=r"LabelConditioner: dropout=.* must be a probability"):
        ConditionerSet([LabelConditioner(4, dropout=dropout)], 8)


def test_words_of_all_conditions_stand_together():
    conditions = ConditionerSet([LabelConditioner(classes=["cat", "dog"]), TextConditioner(Letters())], 8)
    assert conditions.batch_keys == ("label", "caption")
    assert conditions.words({"label": torch.tensor([1, 0]), "caption": ["red", "blue"]}) == ["dog, red", "cat, blue"]


def dropped(*texts):
    """Of 4000 samples whether each text is dropped, ``[texts, 4000]``."""
    conditions = ConditionerSet(texts, 8)
    parts = [lambda value, keep, at=at: kept.__setitem__(at, keep) or Conditioning() for at in range(len(texts))]
    kept = [None] * len(texts)
    for text, part in zip(texts, parts, strict=True):
        text.forward = part
    conditions.train_conditions({text.key: [] for text in texts}, 4000, keyed_generator(Purpose.TRAINING, 0))
    return ~torch.stack(kept)


@pytest.mark.parametrize(
    ("chances", "groups", "alone", "both"),
    [
        ((0.2, 0.2), (None, None), (0.16, 0.16), 0.04),
        ((0.2, 0.2), ("text", "text"), (0.0, 0.0), 0.2),
        ((0.2, 0.5), ("text", "text"), (0.0, 0.3), 0.2),
        ((0.2, 0.0), ("text", "text"), (0.2, 0.0), 0.0),
        ((0.2, 0.2), ("text", "other"), (0.16, 0.16), 0.04),
    ],
)
def test_texts_are_dropped_alone_or_together(chances, groups, alone, both):
    one, other = dropped(
        *(
            TextConditioner(Letters(), dropout=chance, key=key, drop_group=group)
            for chance, key, group in zip(chances, ("caption", "title"), groups, strict=True)
        )
    )
    shares = [(one & ~other), (other & ~one), (one & other)]
    assert [share.float().mean().item() for share in shares] == pytest.approx([*alone, both], abs=0.03)


def test_what_two_conditions_say_is_read_once():
    texts = ConditionerSet([TextConditioner(Letters()), TextConditioner(Letters(), key="title")], 8)
    assert texts.words({"caption": ["red", "blue"], "title": ["red", "sky"]}) == ["red", "blue, sky"]


def test_texts_of_two_widths_are_joined_at_one():
    both = [TextConditioner(Letters(4), width=6), TextConditioner(Letters(8), key="title", width=6)]
    cross = ConditionerSet(both, 8).conditions({"caption": ["ab"], "title": ["xyz"]}, 1, torch.device("cpu")).cross
    assert cross.shape == (1, 7, 6)


class Halved(LabelConditioner):
    """Numbers that are halved first, which counts as expensive."""

    latent_key = "half"

    def compress(self, value):
        return value // 2


def test_what_is_compressed_already_is_taken_instead():
    conditions = ConditionerSet([Halved(4, dropout=0.0), LabelConditioner(3, dropout=0.0, key="style")], 8)
    style = {"style": torch.tensor([2])}
    whole = conditions.conditions({**style, "label": torch.tensor([2])}, 1, torch.device("cpu"))
    cached = conditions.conditions({**style, "half": torch.tensor([1])}, 1, torch.device("cpu"))
    assert torch.equal(whole.pooled, cached.pooled)
    assert conditions.fields(["label", "style", "half"]) == ("half", "style")
    assert conditions.fields(["label", "style"]) == ("label", "style")
    assert conditions.words({**style, "half": torch.tensor([1])}) == conditions.words(style)
