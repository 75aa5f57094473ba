"""Files of predictions, which replace those of an earlier run."""

from PIL import Image as Picture

from lumina.cli import main


def test_predict_writes_a_file_a_sample(tiny_run, monkeypatch, capsys):
    monkeypatch.chdir(tiny_run.parents[2])
    quick = [
        "--trainer.limit_predict_batches=1",
        "--data.init_args.eval_batch_size=10",
        "--trainer.enable_progress_bar=false",
    ]
    stale = tiny_run / "predictions/rank_1/00000.png"
    stale.parent.mkdir(parents=True, exist_ok=True)
    stale.touch()
    main(["predict", "--ckpt_path", "runs/digits", *quick])
    files = list((tiny_run / "predictions").rglob("*.png"))
    assert len(files) == 10 and not stale.exists()
    assert {Picture.open(file).text["caption"] for file in files} <= {str(digit) for digit in range(10)}
    told = capsys.readouterr().out
    assert "replacing the earlier predictions in runs/digits/version_0/predictions" in told
    assert "10 predictions in runs/digits/version_0/predictions" in told
