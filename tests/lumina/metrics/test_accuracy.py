"""Top-1 and Top-5 against what timm and scikit-learn returned."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from lumina.metrics.accuracy import Accuracy

ORACLES = Path(__file__).parents[2] / "data/oracles"


@dataclass
class Guess:
    probabilities: torch.Tensor


def report(logits, labels, batch=7):
    metric = Accuracy()
    for start in range(0, len(logits), batch):
        part = slice(start, start + batch)
        metric.update([Guess(row) for row in logits[part].softmax(1)], {"label": labels[part]})
    return metric.compute()


def test_oracle():
    stored = np.load(ORACLES / "topk.npz")
    found = report(torch.from_numpy(stored["logits"]), torch.from_numpy(stored["labels"]))
    assert found["top1"] == pytest.approx(float(stored["sklearn_top1"]), abs=1e-7)
    assert found["top5"] == pytest.approx(float(stored["sklearn_top5"]), abs=1e-7)
    assert found["top1"] == pytest.approx(float(stored["timm_top1"]) / 100, abs=1e-7)
    assert found["count"] == len(stored["labels"])


def test_top5_needs_more_than_five_classes():
    assert set(report(torch.eye(5), torch.arange(5))) == {"top1", "count"}
    assert report(torch.eye(6), torch.arange(6)) == {"top1": 1, "top5": 1, "count": 6}
    assert report(-torch.eye(6), torch.arange(6)) == {"top1": 0, "top5": 0, "count": 6}


def test_each_sample_counts_alike():
    logits = torch.eye(6)[[0, 0, 0, 1]]
    assert report(logits, torch.tensor([0, 0, 0, 2]))["top1"] == 0.75  # the mean over classes would be 0.5
