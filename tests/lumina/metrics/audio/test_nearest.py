"""Nearest neighbours by the angle."""

import torch
from sklearn.neighbors import NearestNeighbors

from lumina.metrics.audio import nearest as module
from lumina.metrics.audio.nearest import Nearest, copies, nearest, nearest_other


def test_as_scikit_learn(monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 7)
    generator = torch.Generator().manual_seed(0)
    rows, reference = (torch.randn(count, 5, generator=generator, dtype=torch.float64) for count in (20, 30))
    theirs = NearestNeighbors(metric="cosine").fit(reference.numpy())
    distance, place = theirs.kneighbors(rows.numpy(), 1)
    found = nearest(rows, reference)
    torch.testing.assert_close(found.distance, torch.from_numpy(distance[:, 0]))
    assert found.place.tolist() == place[:, 0].tolist()
    distance, place = theirs.kneighbors(n_neighbors=1)  # each among the others
    found = nearest_other(reference)
    torch.testing.assert_close(found.distance, torch.from_numpy(distance[:, 0]))
    assert found.place.tolist() == place[:, 0].tolist()


def test_the_length_of_a_row_does_not_matter():
    found = nearest(torch.tensor([[10.0, 1.0]]), torch.tensor([[0.0, 1.0], [0.1, 0.0]]))
    assert found.place.tolist() == [1]


def test_copies_are_nearer_than_real_sounds_are_to_each_other():
    places = torch.zeros(101, dtype=torch.int64)
    among = Nearest(torch.linspace(0, 1, 101, dtype=torch.float64), places)
    assert copies(Nearest(torch.tensor([0.0, 0.04, 0.06, 0.5]).double(), places[:4]), among) == 2
    assert copies(among, among) == 5  # as many as there are by nature
