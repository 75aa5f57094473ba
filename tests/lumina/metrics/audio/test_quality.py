"""Frechet distance, divergence and Inception Score of sounds."""

import pytest
import torch
from tiny_features import Tiny, tones

from lumina.metrics.audio.divergence import kl_divergence
from lumina.metrics.audio.quality import SoundQuality
from lumina.metrics.frechet import frechet_distance
from lumina.metrics.inception_score import inception_score_of_splits

CPU = torch.device("cpu")


def measured(generated, batch, **options):
    metric = SoundQuality(Tiny(**options))
    metric.update(generated, batch)
    metric.taken += len(generated)
    return metric.compute(), metric.failures


def test_the_results_are_those_of_the_features():
    batch, other = tones(20), tones(20, seed=5)["sound"]
    found, failures = measured(other, batch)
    assert not failures
    network = Tiny()
    rows = {name: network.listen(list(sounds), 16_000, CPU) for name, sounds in (("a", other), ("b", batch["sound"]))}
    features = {name: torch.cat([one.features for one in heard]) for name, heard in rows.items()}
    tags = {name: torch.stack([one.tags.mean(0) for one in heard]) for name, heard in rows.items()}
    assert found["tiny_frechet"] == pytest.approx(frechet_distance(features["a"], features["b"]))
    assert found["tiny_frechet_windows"] == found["tiny_frechet_windows_real"] == 20 * 4
    assert found["kl_tiny"] == pytest.approx(kl_divergence(tags["b"], tags["a"]).mean().item())
    bounds = inception_score_of_splits(tags["a"], 1).mean
    assert 1 <= found["is_tiny"] <= bounds * 1.5 and found["is_tiny_std"] >= 0


def test_the_real_sounds_are_at_no_distance():
    batch = tones(20)
    found, _ = measured(batch["sound"], batch)
    assert found["tiny_frechet"] == pytest.approx(0, abs=1e-6)
    assert found["kl_tiny"] == pytest.approx(0, abs=1e-4)


def test_pairs_are_kept_together():
    """Other pairs of the same sounds have the same distance and another divergence."""
    batch = tones(20)
    found, _ = measured(batch["sound"].roll(1, 0), batch)
    assert found["tiny_frechet"] == pytest.approx(0, abs=1e-6)
    assert found["kl_tiny"] > 0.1


def test_principal_components_shrink_the_distance():
    batch, other = tones(20), tones(20, seed=5)["sound"] * 0.9
    few, all_ = (measured(other, batch, components=count)[0]["tiny_frechet"] for count in (2, None))
    assert 0 < few < all_


def test_networks_without_tags_report_the_distance_alone():
    batch = tones(20)
    found, _ = measured(batch["sound"], batch, tags=False)
    assert found.keys() == {"tiny_frechet", "tiny_frechet_windows", "tiny_frechet_windows_real"}


def test_too_few_sounds_are_told():
    batch = {name: value[:1] for name, value in tones(2, length=10).items()}
    found, failures = measured(batch["sound"], batch)
    assert found["tiny_frechet_windows"] == 1
    assert "at least 2" in failures["tiny_frechet"]
    assert "at least 10 rows" in failures["is_tiny"]
