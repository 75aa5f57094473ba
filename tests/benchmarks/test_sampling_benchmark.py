"""What the timings of sampling stand on: the competitors draw the same latents."""

import importlib.util
from dataclasses import replace

import pytest
import torch

from benchmarks.backbone import difference
from benchmarks.cases import Case, Suite
from benchmarks.context_drop import VARIANTS, Comparison, relative
from benchmarks.context_drop import Case as Trained
from benchmarks.report import PEER
from benchmarks.sampling import Draws
from benchmarks.variants import save_weights
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Uniform
from lumina.sampling.solvers import Euler

CPU = torch.device("cpu")


@pytest.mark.skipif(importlib.util.find_spec("diffusers") is None, reason="needs diffusers")
@pytest.mark.parametrize("size", [(8, 8), (12, 12)])
def test_the_pipeline_draws_the_same_latents(tmp_path, size):
    suite = Suite(dim=48, layers=2, cases=())
    config = replace(suite.config(2), text_dim=20, learn_sigma=True)
    torch.manual_seed(0)
    save_weights(config, tmp_path)
    calls = Draws(Case(name="", sizes=(size,) * 2, kv_heads=2), config, 4, CPU, "fp32").of(tmp_path)
    peer = calls[PEER]()
    assert difference(calls["lumina"](), peer) < 1e-4
    assert torch.equal(calls["lumina"](), calls["lumina without memory"]())


def test_variants_of_context_drop_differ():
    torch.manual_seed(0)
    subject = Trained.random((48, 4), CPU)
    canvas = subject.modality.layout(2, {"size": (16, 16)})
    comparison = Comparison(subject, canvas, Sampler(Uniform(), Euler(), 4), fine=False)
    found = {name: comparison.draw(drop, comparison.sampler) for name, drop in VARIANTS.items()}
    errors = {name: relative(x, found["none"]) for name, x in found.items()}
    assert errors.pop("none") == 0 and len({round(error, 6) for error in errors.values()}) == len(VARIANTS) - 1
