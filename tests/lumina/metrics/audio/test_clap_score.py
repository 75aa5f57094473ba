"""CLAP score: its mean against the published tools, and on a tiny model."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lumina.metrics.audio.clap_score import ClapScore

ORACLE = dict(np.load(Path(__file__).parents[3] / "data/oracles/clap_score.npz"))


class Stored:
    """Gives the cosines of stored embeddings; sound number n is filled with n."""

    def cosines(self, sounds, rate, captions, device):
        audio, text = (torch.from_numpy(ORACLE[name]).double() for name in ("audio", "text"))
        places = [int(sound[0]) for sound in sounds]
        return torch.nn.functional.cosine_similarity(audio[places], text[[int(caption) for caption in captions]])


def test_the_mean_is_that_of_the_published_tools():
    metric = ClapScore("none")
    metric.features = Stored()
    for part in torch.arange(32.0).split(7):
        sounds = part[:, None].expand(-1, 4)
        batch = {"sound": sounds, "length": torch.full((len(part),), 4), "caption": [f"{n:.0f}" for n in part]}
        metric.update(sounds, batch)
        metric.taken += len(part)
    found = metric.compute()["clap_score"]
    assert found == pytest.approx(float(ORACLE["audiocraft_mean_cosine"]), abs=1e-5)
    assert found == pytest.approx(float(ORACLE["frechet_audio_distance_clap_mean_std"][0]), abs=1e-5)


def test_of_a_model(clap_folder):
    metric = ClapScore(str(clap_folder))
    sounds = torch.randn(2, 8000, generator=torch.Generator().manual_seed(0)) / 5
    batch = {"sound": sounds, "length": torch.tensor([8000, 8000]), "caption": ["a red apple", "pear"]}
    metric.update(list(sounds), batch)
    metric.taken += 2
    found = metric.compute()
    assert found["clap_score"] == pytest.approx(found["clap_score_real"])
    expected = metric.features.cosines(list(sounds), 16_000, batch["caption"], torch.device("cpu")).mean()
    assert found["clap_score"] == pytest.approx(expected.item())
    metric.missed += 2  # sounds with NaN count as a cosine of 0
    assert metric.results()["clap_score"] == pytest.approx(expected.item() / 2)
