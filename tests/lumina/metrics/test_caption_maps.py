"""Caption retrieval on features of which the answer is known."""

import pytest
import torch
from torch.nn import functional as F

from lumina.metrics.caption_maps import FOLDS, CaptionMaps, Retrieval, folds_of


@pytest.fixture
def linear():
    """Features of which the text is a linear function, 200 pictures."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(200, 12, generator=generator)
    text = features @ torch.randn(12, 8, generator=generator, dtype=torch.float32)
    return features, text, torch.arange(200) % FOLDS


def test_a_linear_relation_is_found_and_every_caption_retrieved(linear):
    features, text, folds = linear
    maps = CaptionMaps(features, text, folds, ridge=1e-3)
    found = maps.retrieve(maps.read(features, folds), text, text)
    assert (found.rank == 0).all()
    # only the mean of the captions is known from a sample
    assert found.cosine.min() > 0.9


def test_the_own_caption_and_picture_are_unknown_to_the_map(linear):
    features, text, folds = linear
    others = folds != 2
    spoilt_features, spoilt_text = features.clone(), text.clone()
    spoilt_features[~others] += 100
    spoilt_text[~others] *= -3
    honest = CaptionMaps(features, text, folds).read(features[~others], folds[~others])
    spoilt = CaptionMaps(spoilt_features, spoilt_text, folds).read(features[~others], folds[~others])
    assert torch.equal(honest, spoilt)
    seen = CaptionMaps(spoilt_features, spoilt_text, folds).read(features[others], folds[others])
    assert not torch.allclose(seen, CaptionMaps(features, text, folds).read(features[others], folds[others]))


def test_learning_by_heart_gains_nothing():
    """Where captions have nothing to do with pictures, even the very pictures of the fit are read at chance."""
    generator = torch.Generator().manual_seed(0)
    features, text = (torch.randn(600, 40, generator=generator) for _ in range(2))
    folds = torch.arange(600) % FOLDS
    maps = CaptionMaps(features, text, folds, ridge=1e-3)
    found = maps.retrieve(maps.read(features, folds), text, text)
    # uniform ranks: mean 299.5, standard error 173 / sqrt(600) = 7
    assert abs(found.rank.double().mean().item() - 299.5) < 30
    assert abs(found.cosine.mean().item()) < 0.03


def test_ranks_count_nearer_captions_and_leave_ties_alone():
    text = F.normalize(torch.tensor([[1.0, 0.0], [0.8, 0.6], [-1.0, 0.0], [0.0, -1.0]]).double())
    maps = CaptionMaps(torch.randn(10, 3), torch.cat((text, -text, text[:1], -text[:1])), torch.arange(10) % FOLDS)
    assert torch.allclose(maps.centre, torch.zeros(2).double())
    said = F.normalize(torch.tensor([[1.0, 0.1], [1.0, 0.1], [1.0, 0.1], [0.0, 1.0]]).double())
    candidates = torch.cat((text, text[:1]))
    assert maps.retrieve(said, text, candidates).rank.tolist() == [0, 2, 4, 4]


def test_summary():
    summary = Retrieval(torch.tensor([0, 3, 9, 40]), torch.tensor([1.0, 0.5, 0.0, -0.5]).double()).summary()
    assert summary == {"recall_1": 0.25, "recall_5": 0.5, "recall_10": 0.75, "median_rank": 7.0, "cosine": 0.25}


def test_folds_depend_on_the_caption_alone():
    captions = [f"a {number}" for number in range(500)]
    folds = folds_of(captions)
    assert torch.equal(folds_of(captions[::-1]), folds.flip(0))
    assert folds.bincount(minlength=FOLDS).min() > 70
