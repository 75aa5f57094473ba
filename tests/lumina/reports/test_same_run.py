"""An evaluation writes where the run's loggers have written."""

from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from tiny import QUICKSTART, TINY

from lumina.reports.config import TENSORBOARD
from lumina.reports.same_run import of_run

BOTH = ["--trainer.logger+=TensorBoardLogger", "--trainer.logger.save_dir=curves", "--trainer.logger.name=board"]


def test_each_of_two_loggers_finds_its_own_folder(run_in, tmp_path):
    (tmp_path / "runs/digits/version_0").mkdir(parents=True)  # so that their numbers differ
    steps = ["--trainer.max_steps=1", "--trainer.limit_val_batches=0"]
    run_in("fit", "--config", QUICKSTART, *TINY, *steps, *BOTH)
    run = tmp_path / "runs/digits/version_1"
    given = [CSVLogger("runs", "digits"), TensorBoardLogger("curves", "board")]
    assert [logger.log_dir for logger in of_run(given, run)] == [str(run), str(tmp_path / "curves/board/version_0")]


def test_a_noted_folder_without_curves_is_not_written_to(tmp_path):
    run = tmp_path / "runs/digits/version_0"
    run.mkdir(parents=True)
    (run / TENSORBOARD).write_text("../../..\n")
    [logger] = of_run(TensorBoardLogger("runs"), run)
    assert logger.log_dir == str(run)
