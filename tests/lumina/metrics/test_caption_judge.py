"""Real captioned pictures as judges: which captions are of others, which pictures are real, how far features lie."""

from zlib import crc32

import pytest
import torch
from torch.nn.functional import normalize

from lumina.metrics.caption_judge import CaptionJudge
from lumina.metrics.caption_maps import folds_of
from lumina.metrics.captioned_pictures import CaptionedPictures
from lumina.metrics.frechet import frechet_distance

WIDTH, COMPONENTS = 16, 4
CAPTIONS = [f"caption {number}" for number in range(60)]


def embed(captions):
    """A unit vector of its own for every caption."""
    rows = [torch.randn(6, generator=torch.Generator().manual_seed(crc32(caption.encode()))) for caption in captions]
    return normalize(torch.stack(rows).double())


@pytest.fixture
def pictures():
    """Of each caption one, but of the first two."""
    return CaptionedPictures(torch.randn(62, WIDTH), [*CAPTIONS, *CAPTIONS[:2]])


@pytest.fixture
def judge(pictures):
    return CaptionJudge(pictures, embed, COMPONENTS)


def test_each_caption_is_a_candidate_once(judge):
    assert judge.captions == CAPTIONS
    torch.testing.assert_close(judge.text, embed(CAPTIONS))


def test_a_stranger_is_always_another_caption_and_always_the_same(judge):
    asked = [*CAPTIONS, "a caption that no real picture has"]
    others = judge.other_captions(asked)
    assert set(others) <= set(CAPTIONS)
    assert all(other != caption for other, caption in zip(others, asked, strict=True))
    assert judge.other_captions(asked[::-1]) == others[::-1]
    assert len(set(others)) > 20


def test_real_pictures_of_captions(judge, pictures):
    found, known = judge.real(["nothing", CAPTIONS[7], CAPTIONS[5]])
    assert known == [CAPTIONS[7], CAPTIONS[5]]
    assert torch.equal(found, pictures.features[[7, 5]])
    found, known = judge.real(["nothing"])
    assert found.shape == (0, WIDTH) and known == []


def test_the_distance_is_taken_from_half_of_the_pictures_on_their_main_axes(judge, pictures):
    """Components are uncorrelated, of falling variance, and their distance is at most that of all features."""
    half, other = pictures.features.tensor_split(2)
    assert judge.frechet(half) == pytest.approx(0, abs=1e-9)
    assert torch.equal(judge.other_half, other)
    projected = judge.project(half)
    covariance = projected.T.cov()
    assert projected.mean(0).abs().max() < 1e-9
    assert (covariance - covariance.diag().diag()).abs().max() < 1e-9
    assert (covariance.diag().diff() < 0).all()
    leading = torch.linalg.eigvalsh(half.double().T.cov()).flip(0)[:COMPONENTS]
    torch.testing.assert_close(covariance.diag(), leading)
    assert 0 < judge.frechet(other) < frechet_distance(other, half)


def test_a_shift_along_the_main_axes_is_its_squared_length(judge, pictures):
    half, _ = pictures.features.tensor_split(2)
    axis = torch.linalg.svd(half.double() - half.double().mean(0), full_matrices=False).Vh[0]
    assert judge.frechet(half.double() + 3 * axis) == pytest.approx(9, rel=1e-6)


def test_a_claimed_caption_is_ranked_in_the_place_of_the_own_one(judge, pictures):
    """What is read off does not depend on the claim; a claim that no real picture has is embedded afresh."""
    features, asked = pictures.features[:3], CAPTIONS[:3]
    own = judge.retrieve(features, asked)
    torch.testing.assert_close(judge.retrieve(features, asked, asked), own)
    claimed = ["unheard of", CAPTIONS[9], CAPTIONS[1]]
    said = judge.maps.read(features, folds_of(asked))
    expected = (said * normalize(embed(claimed) - judge.maps.centre)).sum(1)
    torch.testing.assert_close(judge.retrieve(features, asked, claimed).cosine, expected)
