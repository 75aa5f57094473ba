"""NaN is no result: `test`, `predict` and `sample` name it, leave it out, and do not end with exit code 0."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from lumina.cli import main
from lumina.commands.sample import draw
from lumina.generation.what import What
from lumina.metrics.not_finite import NotFinite

CLASS = 3  # whose condition overflows
EVERY_CLASS = ["--label=[0,1,2,3,4]", "--steps=1", "--output=out"]


@pytest.fixture
def run(tiny_run, tmp_path, monkeypatch):
    """A run whose network overflows for one class of ten."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_run, tmp_path / "run")
    for path in (tmp_path / "run").rglob("*.ckpt"):
        checkpoint = torch.load(path, weights_only=True)
        for weights in (checkpoint["state_dict"], checkpoint["ema"]["weights"]):
            weights["conditioners.0.table.weight"][CLASS] = 3e38
        torch.save(checkpoint, path)
    return "run"


def exit_code(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return ended.value.code


def test_a_test_with_samples_that_are_no_numbers_fails_with_its_report(run):
    quick = ["--trainer.limit_test_batches=1", "--data.init_args.eval_batch_size=40"]
    metrics = ["--model.metrics=[]", "--model.objective.init_args.sampler.init_args.steps=1"]
    with pytest.warns(UserWarning, match="4 of 40 samples hold NaN or infinity and are no part of the results: number"):
        assert exit_code("test", "--ckpt_path", run, *quick, *metrics) == 1
    assert json.loads(Path("run/evaluation/metrics.json").read_text())["samples"] == 40


def test_a_prediction_that_is_no_number_is_left_out_and_its_number_stays_free(run):
    quick = ["--trainer.limit_predict_batches=2", "--data.init_args.eval_batch_size=10"]
    steps = "--model.objective.init_args.sampler.init_args.steps=1"
    with pytest.warns(UserWarning, match="2 of 20 samples hold NaN or infinity and are left out: number 3, number 13"):
        assert exit_code("predict", "--ckpt_path", run, *quick, steps) == 1
    numbers = [int(file.stem) for file in sorted(Path("run/predictions/rank_0").glob("*.png"))]
    assert numbers == [number for number in range(20) if number % 10 != CLASS]


def test_a_drawn_sample_that_is_no_number_is_not_written(run, capsys, tmp_path):
    assert exit_code("sample", "--ckpt_path", run, *EVERY_CLASS) == 2
    told = capsys.readouterr()
    assert "4 samples in out" in told.out
    assert "1 of 5 samples hold NaN or infinity and are not written: 00003" in told.err
    assert sorted(file.name for file in (tmp_path / "out").glob("0*")) == [f"0000{n}.png" for n in (0, 1, 2, 4)]
    settings = json.loads((tmp_path / "out/settings.json").read_text())
    assert [sample["label"] for sample in settings["samples"]] == [0, 1, 2, 4]


def test_nothing_but_nan_has_neither_sheet_nor_page(run, capsys, tmp_path):
    assert exit_code("sample", "--ckpt_path", run, "--label=[3]", "--steps=1", "--output=out") == 2
    assert "1 of 1 samples hold NaN" in capsys.readouterr().err
    assert not list((tmp_path / "out").iterdir())


def test_python_is_told_too(run):
    with pytest.raises(ValueError, match="1 of 2 samples hold NaN or infinity and are no result: number 1"):
        draw(run, What(label=[2, 3]))


def test_a_long_list_of_names_is_cut():
    strange = NotFinite()
    finite = strange.sift(torch.full((13, 2), torch.nan), [f"s{n}" for n in range(13)])
    assert not finite.any()
    assert "13 of 13 samples hold NaN" in strange.message("are out")
    assert "and are out: s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 and 3 more." in strange.message("are out")
