from lightning.pytorch.loggers import CSVLogger

from lumina.workarounds.appending_csv import AppendingCSVLogger


def _log(kind, folder, metrics, step):
    logger = kind(folder, "run", "version_0")
    logger.log_metrics(metrics, step)
    logger.save()


def test_rows_and_columns_are_added(tmp_path):
    _log(CSVLogger, tmp_path, {"loss": 1.0}, 4)
    _log(AppendingCSVLogger, tmp_path, {"score": 2.0}, 9)
    _log(AppendingCSVLogger, tmp_path, {"loss": 3.0}, 9)
    assert (tmp_path / "run/version_0/metrics.csv").read_text().split() == [
        "loss,score,step",
        "1.0,,4",
        ",2.0,9",
        "3.0,,9",
    ]


def test_lightning_still_deletes_them(tmp_path):
    """Once this fails, the remedy may go."""
    _log(CSVLogger, tmp_path, {"loss": 1.0}, 4)
    _log(CSVLogger, tmp_path, {"loss": 2.0}, 5)
    assert "1.0" not in (tmp_path / "run/version_0/metrics.csv").read_text()
