"""Precision and recall: an independent implementation, closed forms and invariances."""

from __future__ import annotations

import pytest
import torch

from lumina.metrics import precision_recall as module
from lumina.metrics.precision_recall import precision_recall


def sets(offset):
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(90, 6, generator=generator), torch.randn(70, 6, generator=generator)
    return 1.2 * x + offset, y


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("offset", [0.0, 0.5, 1.5])
def test_agrees_with_torch_fidelity(k, offset):
    other = pytest.importorskip("torch_fidelity.metric_prc")
    generated, reference = sets(offset)
    expected = other.calculate_precision_recall_full(generated.double(), reference.double(), neighborhood=k)
    assert precision_recall(generated, reference, k) == pytest.approx(expected)


def test_on_a_line():
    reference = torch.tensor([[0.0], [1.0], [2.0], [10.0]])
    # The first neighbours are 1, 1, 1 and 8 away: the balls cover [-1, 3] and [2, 18].
    generated = torch.tensor([[-1.0], [-1.01], [3.5], [18.5]])
    found = precision_recall(generated, reference, k=1)
    assert found.precision == 2 / 4
    # Those of the samples are 0.01, 0.01, 4.5 and 15: they cover [-1.02, -0.99], [-1, 8] and [3.5, 33.5].
    assert found.recall == 1
    # Without the widest only [-1.02, -0.99] and [-1, 8] are left.
    assert precision_recall(generated[:3], reference, k=1).recall == 3 / 4


def test_the_same_pictures_are_perfect_and_others_are_not():
    _, reference = sets(0.0)
    assert precision_recall(reference, reference) == (1, 1)
    assert precision_recall(reference + 100, reference) == (0, 0)


def test_one_good_picture_again_and_again_is_precise_without_recall():
    _, reference = sets(0.0)
    collapsed = reference[:1] + 1e-3 * torch.randn(50, 6)
    found = precision_recall(collapsed, reference)
    assert found.precision == 1
    assert found.recall <= 1 / len(reference)


def test_sets_exchanged_exchange_the_two():
    generated, reference = sets(0.5)
    found = precision_recall(generated, reference)
    assert 0 < found.recall < 1
    assert precision_recall(reference, generated) == (found.recall, found.precision)


def test_blocks_change_nothing(monkeypatch):
    generated, reference = sets(0.5)
    whole = precision_recall(generated, reference)
    monkeypatch.setattr(module, "BLOCK", 500)
    assert precision_recall(generated, reference) == whole


def test_features_far_from_zero_keep_their_distances():
    generated, reference = sets(0.5)
    assert precision_recall(generated.double() + 1e4, reference.double() + 1e4) == precision_recall(
        generated, reference
    )


@pytest.mark.parametrize(
    ("generated", "reference", "message"),
    [((3, 4), (9, 4), "at least 4 of each"), ((9, 4), (9, 5), "expected .N, D"), ((9,), (9,), "expected .N, D")],
)
def test_unusable_features_are_named(generated, reference, message):
    with pytest.raises(ValueError, match=message):
        precision_recall(torch.zeros(generated), torch.zeros(reference))
