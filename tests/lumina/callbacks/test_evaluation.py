"""What an evaluation writes, and what it says it lacks."""

import json

import pytest
from PIL import Image

from lumina.cli import main


def test_evaluation_run_reports(tiny_run, monkeypatch, capsys):
    monkeypatch.chdir(tiny_run.parents[2])
    main(
        [
            "test",
            "--ckpt_path",
            "runs/digits",
            "--model.metrics.init_args.steps=30",
            "--trainer.enable_progress_bar=false",
        ]
    )
    metrics = json.loads((tiny_run / "evaluation/metrics.json").read_text())["metrics"]
    assert {"accuracy", "accuracy_real", "spread", "frechet", "frechet_train"} <= set(metrics)
    assert "accuracy_real" in capsys.readouterr().out
    assert Image.open(tiny_run / "evaluation/samples.png").size[0] > 64


def test_what_is_kept_of_the_data_goes_with_its_outputs(tiny_run, monkeypatch):
    logged = []
    monkeypatch.chdir(tiny_run.parents[2])
    monkeypatch.setattr("modalities.image.Image.kept_keys", ("label",))
    monkeypatch.setattr("lumina.callbacks.evaluation.log_samples", lambda *arguments: logged.append(arguments))
    options = ["--trainer.limit_test_batches=2", "--data.init_args.eval_batch_size=40"]
    main(["test", "--ckpt_path", "runs/digits", "--model.metrics.init_args.steps=2", *options])
    _, _, _, samples, captions, _, batch = logged[0]
    assert [str(int(label)) for label in batch["label"]] == captions
    assert len(samples) == len(captions) == 64


def test_an_evaluation_that_lacks_a_result_says_so_and_has_exit_code_1(tiny_run, monkeypatch):
    monkeypatch.chdir(tiny_run.parents[2])
    one = ["--trainer.limit_test_batches=1", "--data.init_args.eval_batch_size=1"]
    with pytest.warns(UserWarning, match="Not computed: ClassifierQuality: frechet"), pytest.raises(SystemExit) as end:
        main(["test", "--ckpt_path", "runs/digits", "--model.metrics.init_args.steps=30", *one])
    report = json.loads((tiny_run / "evaluation/metrics.json").read_text())
    assert end.value.code == 1
    assert {"accuracy", "spread"} <= set(report["metrics"])
    assert "at least 2" in report["not_computed"]["ClassifierQuality: frechet, frechet_train"]


def test_an_earlier_evaluation_is_kept_and_told(tiny_run, monkeypatch, capsys):
    monkeypatch.chdir(tiny_run.parents[2])
    words = ["test", "--ckpt_path", "runs/digits", "--trainer.limit_test_batches=1"]
    main([*words, "--model.metrics.init_args.steps=2"])
    before = (tiny_run / "evaluation/metrics.json").read_bytes()
    there = len(list(tiny_run.glob("evaluation_*")))
    main([*words, "--model.metrics=[]"])
    assert (tiny_run / f"evaluation_{there + 1}/metrics.json").read_bytes() == before
    said = capsys.readouterr().out
    assert f"earlier evaluation is now in runs/digits/version_0/evaluation_{there + 1}" in said
    assert "the run has no metrics" in said
