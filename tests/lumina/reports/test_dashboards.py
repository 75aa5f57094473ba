"""A run on each kind of dashboard, read back from its files; no account, no network."""

from __future__ import annotations

import csv
import json

import pytest
import yaml
from PIL import Image
from tiny import QUICKSTART, TINY

from lumina.reports.curves import read_curves
from lumina.reports.wandb_file import _contents, read_history

LOGGERS = {
    "CSVLogger": {"save_dir": "runs", "name": "digits"},
    "TensorBoardLogger": {"save_dir": "runs", "name": "digits"},
    "WandbLogger": {"save_dir": "runs", "project": "digits", "offline": True},
}
CURVES = {f"train/{name}" for name in ("loss", "grad_norm", "learning_rate", "samples_per_second", "tokens_per_second")}
TESTED = {"test/accuracy", "test/frechet"}
SETTINGS = {"model.backbone.dim": 32, "data": "Digits", "trainer.callbacks.EMA.decay": 0.999}


@pytest.fixture
def trained(run_in, tmp_path, monkeypatch):
    """Trains and tests with one logger; gives the folder of the run."""

    def train_and_test(logger):
        monkeypatch.setenv("WANDB_SILENT", "true")
        own = {"class_path": f"lightning.pytorch.loggers.{logger}", "init_args": LOGGERS[logger]}
        (tmp_path / "logger.yaml").write_text(yaml.safe_dump({"trainer": {"logger": own}}))
        steps = ["--trainer.max_steps=4", "--trainer.val_check_interval=2", "--trainer.log_every_n_steps=1"]
        run_in("fit", "--config", QUICKSTART, "--config", tmp_path / "logger.yaml", *TINY, *steps)
        _finish(logger)
        run_in("test", "--ckpt_path", tmp_path / "runs/digits", "--model.metrics.init_args.steps=20")
        _finish(logger)
        [run] = [path for path in (tmp_path / "runs/digits").iterdir() if path.is_dir()]  # the test opened no other
        assert Image.open(run / "evaluation/samples.png").size[0] > 64
        assert json.loads((run / "evaluation/metrics.json").read_text())["step"] == 4
        curves = read_curves(run)
        assert list(curves["validation/loss"]) == [2, 4] and list(curves["test/accuracy"]) == [4]
        return run

    return train_and_test


def _finish(logger):
    if logger == "WandbLogger":
        import wandb

        wandb.finish()


def test_csv(trained):
    run = trained("CSVLogger")
    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    filled = [({name for name, value in row.items() if value}, int(row["step"])) for row in rows]
    assert [step for names, step in filled if names >= CURVES] == [0, 1, 2, 3]
    assert [step for names, step in filled if "validation/loss" in names] == [1, 3]
    assert [step for names, step in filled if names >= TESTED] == [3]
    assert yaml.safe_load((run / "hparams.yaml").read_text()).items() >= SETTINGS.items()
    assert len(list((run / "samples").iterdir())) == 2  # the first validation, and the end


def test_tensorboard(trained):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    run = trained("TensorBoardLogger")
    events = EventAccumulator(str(run))
    events.Reload()
    tags = events.Tags()
    assert set(tags["scalars"]) >= CURVES | TESTED | {"validation/loss"} and "hp_metric" not in tags["scalars"]
    assert [point.step for point in events.Scalars("train/tokens_per_second")] == [0, 1, 2, 3]
    assert [point.step for point in events.Scalars("test/accuracy")] == [3]
    assert [picture.step for picture in events.Images("samples/sheet")] == [2, 4]
    assert [picture.step for picture in events.Images("test/sheet")] == [4]
    [text] = events.Tensors("config.yaml/text_summary")
    assert b"class_path: datamodules.digits.Digits" in text.tensor_proto.string_val[0]
    start = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    settings = HParamsPluginData.FromString(start).session_start_info.hparams
    assert settings["model.backbone.dim"].number_value == 32 and settings["data"].string_value == "Digits"


def test_wandb(trained):
    pytest.importorskip("wandb")
    run = trained("WandbLogger")
    fitted, tested = sorted((run.parents[1] / "wandb").glob(f"offline-run-*-{run.name}/*.wandb"))
    rows = read_history(fitted)
    shown = [(set(row), row["trainer/global_step"]) for row in rows]
    assert [step for names, step in shown if names >= CURVES] == [0, 1, 2, 3]
    assert [step for names, step in shown if "validation/loss" in names] == [1, 3]
    assert [step for names, step in shown if "samples/sheet" in names] == [2, 4]
    sheet = next(row["samples/sheet"]["path"] for row in rows if "samples/sheet" in row)
    assert Image.open(fitted.parent / "files" / sheet).size[0] > 64
    stored = fitted.parent / "files" / run.name / "config.yaml"
    assert stored.read_text() == (run / "config.yaml").read_text()
    assert _settings(fitted).items() >= SETTINGS.items()
    shown = [(set(row), row["trainer/global_step"]) for row in read_history(tested)]
    assert [step for names, step in shown if names >= TESTED] == [3]
    assert [step for names, step in shown if "test/sheet" in names] == [4]


def _settings(path):
    from wandb.proto.wandb_internal_pb2 import Record

    records = [Record.FromString(content) for content in _contents(path.read_bytes())]
    configs = [record.config for record in records if record.WhichOneof("record_type") == "config"]
    return {item.key: json.loads(item.value_json) for config in configs for item in config.update}
