"""A linear classifier on frozen features."""

import pytest
import torch

from lumina.metrics.audio.probe import Probe


def rows(count=60, seed=0):
    labels = torch.arange(count) % 3
    centres = torch.tensor([[3.0, 0.0], [0.0, 300.0], [-3.0, -300.0]])  # of different scales
    return centres[labels] + torch.randn(count, 2, generator=torch.Generator().manual_seed(seed)), labels


def test_classes_are_learnt():
    probe = Probe(*rows())
    features, labels = rows(seed=1)
    assert torch.equal(probe.predict(features), labels)
    found = probe.log_probabilities(features, 5)
    torch.testing.assert_close(found.exp().sum(1), torch.ones(60, dtype=torch.float64))
    assert torch.equal(found.argmax(1), labels)
    assert found[:, 3:].isinf().all()


def test_two_classes():
    features, labels = rows()
    probe = Probe(features[labels < 2], 4 * labels[labels < 2])
    assert set(probe.predict(features).tolist()) == {0, 4}
    assert probe.log_probabilities(features, 5)[:, [1, 2, 3]].isinf().all()


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="needs sounds of two classes or more, got 1"):
        Probe(torch.randn(4, 2), torch.zeros(4, dtype=torch.int64))
