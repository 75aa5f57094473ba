"""FID and its kin against independent routes, on one and two processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from datamodules.image_folder import ImageFolder
from lumina.frozen.network import Frozen
from lumina.metrics.frechet import frechet_distance
from lumina.metrics.image import InceptionMetrics
from lumina.metrics.inception import SPATIAL
from lumina.metrics.inception_score import inception_score
from lumina.metrics.precision_recall import precision_recall
from lumina.metrics.reference import Gaussian, Reference


def test_one_picture_has_some_results(weights, network, features):
    metric = InceptionMetrics(weights)
    metric._network = Frozen(lambda: network)
    metric._real = Reference(Gaussian(np.zeros(2048), np.eye(2048)), None, features.pool)
    metric.features.append(features.pool[:1])
    metric.keys.append(torch.arange(1))
    assert set(metric.compute()) == {"count", "inception_score"}
    assert "needs at least 4 of each" in metric.failures["precision, recall"]
    assert "a covariance needs at least 2 samples, got 1" in metric.failures["fid, sfid"]


@pytest.mark.parametrize(
    "cast",
    [lambda m: m.to(torch.bfloat16), nn.Module.half, nn.Module.bfloat16, nn.Module.float],
    ids=["to", "half", "bfloat16", "float"],
)
def test_states_keep_their_precision(cast):
    metric = InceptionMetrics(weights=Path("none.pth"))
    metric.features.append(torch.full((1, 2048), 1 + 2**-20))
    metric.spatial_total += 1 + 2**-40
    cast(nn.ModuleList([metric]))
    assert metric.spatial_outer.dtype == torch.float64
    assert torch.equal(metric.spatial_total, torch.full((SPATIAL,), 1 + 2**-40, dtype=torch.float64))
    assert torch.equal(metric.features[0], torch.full((1, 2048), 1 + 2**-20))
    metric.reset()
    assert metric.spatial_total.dtype == torch.float64


def test_states_move_to_another_device():
    metric = InceptionMetrics(weights=Path("none.pth")).to("meta")
    assert metric.spatial_total.device.type == metric.device.type == "meta"


def test_nothing_goes_into_checkpoints(weights):
    metric = InceptionMetrics(weights=weights)
    metric._network.on(torch.device("cpu"))
    assert not metric.state_dict() and not list(metric.parameters())


TRAIN, TEST = 6, 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """``train`` and ``val``, of two classes."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for split, count in (("train", TRAIN), ("val", TEST)):
        for number in range(count):
            path = root / split / "ab"[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            coarse = rng.integers(0, 256, (4, 4, 3), np.uint8)
            Image.fromarray(coarse).resize((16, 16), Image.Resampling.BICUBIC).save(path)
    return root


ECHO = """
import json, sys
from pathlib import Path
from lightning.pytorch import LightningModule, Trainer
from torch import nn
from datamodules.image_folder import ImageFolder
from lumina.data.batches import select
from lumina.metrics.image import InceptionMetrics

weights, root, cache, output, processes, precision = sys.argv[1:]

class Echo(LightningModule):  # "generates" the pictures of the test split
    def __init__(self):
        super().__init__()
        self.some, self.metrics = nn.Linear(1, 1), nn.ModuleList([InceptionMetrics(Path(weights), cache=Path(cache))])
    def on_test_start(self):
        self.metrics[0].prepare(self.trainer.datamodule)
    def test_step(self, batch, number):
        if batch["real"].any():
            self.metrics[0].update(select(batch["image"], batch["real"]), batch)
    def on_test_epoch_end(self):
        report = self.metrics[0].compute()
        Path(f"{output}.{self.global_rank}").write_text(json.dumps(report))

if __name__ == "__main__":
    Trainer(
        accelerator="cpu", devices=int(processes), strategy="ddp" if processes > "1" else "auto", precision=precision,
        logger=False, enable_checkpointing=False, enable_progress_bar=False, use_distributed_sampler=False,
    ).test(Echo(), ImageFolder(batch_size=2, root=Path(root), size=16))
"""


@pytest.fixture(scope="module")
def echo(weights, folder, tmp_path_factory):
    """Runs an evaluation of the test pictures against the training pictures; gives its reports and its cache."""
    work = tmp_path_factory.mktemp("echo")
    (work / "echo.py").write_text(ECHO)

    def run(name, processes=1, precision="32", cache=None):
        cache, output = cache or work / name, work / f"{name}.json"
        arguments = [weights, folder, cache, output, processes, precision]
        root = str(Path(__file__).parents[3])
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": root}
        subprocess.run([sys.executable, "echo.py", *map(str, arguments)], cwd=work, env=environment, check=True)
        return [json.loads(path.read_text()) for path in sorted(work.glob(f"{output.name}.*"))], cache

    return run


@pytest.fixture(scope="module")
def alone(echo):
    reports, cache = echo("alone")
    return reports[0], cache


def described(network, data, split):
    dataset = data.dataset(split)
    return network.describe(torch.stack([dataset[number]["image"] for number in range(len(dataset))]))


@pytest.mark.slow
def test_report_agrees_with_independent_routes(network, folder, alone):
    data = ImageFolder(batch_size=2, root=folder, size=16)
    real, generated = described(network, data, "train"), described(network, data, "test")
    report, cache = alone
    assert report["fid"] == pytest.approx(frechet_distance(generated.pool, real.pool), rel=1e-3)
    assert report["sfid"] == pytest.approx(frechet_distance(generated.spatial, real.spatial), rel=1e-3)
    assert report["fid"] > 0 and report["sfid"] > 0
    assert report["inception_score"] == pytest.approx(inception_score(network.logits(generated.pool)), rel=1e-5)
    expected = precision_recall(generated.pool, real.pool)
    assert (report["precision"], report["recall"]) == pytest.approx(expected)
    assert report["count"] == TEST
    (file,) = cache.glob("*.npz")
    with np.load(file) as kept:
        np.testing.assert_allclose(kept["mu"], real.pool.double().mean(0), rtol=1e-4)
        np.testing.assert_allclose(kept["sigma_s"], np.cov(real.spatial.numpy().T), rtol=1e-3, atol=1e-5)
        assert kept["features"].shape == (TRAIN, 2048)


@pytest.mark.slow
def test_two_processes_find_what_one_finds(echo, alone):
    # 5 pictures for testing: one process has a filler.
    reports, cache = echo("together", processes=2)
    assert len(reports) == 2
    assert reports[0] == reports[1]
    assert reports[0] == pytest.approx(alone[0], rel=1e-3)
    with np.load(next(cache.glob("*.npz"))) as ours, np.load(next(alone[1].glob("*.npz"))) as theirs:
        for name in ("mu", "sigma", "mu_s", "sigma_s"):
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-3, atol=1e-5)
        assert ours["features"].shape == theirs["features"].shape


@pytest.mark.slow
def test_bf16_true_changes_nothing(echo, alone):
    # The cached reference is read this time.
    before = {path.name: path.stat().st_mtime_ns for path in alone[1].glob("*")}
    reports, cache = echo("half", precision="bf16-true", cache=alone[1])
    assert {path.name: path.stat().st_mtime_ns for path in cache.glob("*")} == before
    assert reports[0] == pytest.approx(alone[0], rel=1e-6)
