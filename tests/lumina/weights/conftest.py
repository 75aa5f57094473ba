"""A trained run, and runs that start from it."""

import shutil

import pytest
from tiny import QUICKSTART, TINY

STEPS = [
    "--trainer.max_steps=4",
    "--trainer.callbacks.every_n_train_steps=2",
    "--trainer.val_check_interval=4",
    "--trainer.limit_val_batches=0",
]


@pytest.fixture(scope="session")
def source(tmp_path_factory, tiny_run):
    """A trained run that may be moved away."""
    return shutil.copytree(tiny_run, tmp_path_factory.mktemp("source") / "run")


@pytest.fixture
def fit(run_in, tmp_path, source):
    """Trains the quickstart from the source's weights; returns the run's last checkpoint."""

    def run(name, *options, weights=source):
        run_in("fit", "--config", QUICKSTART, *TINY, *STEPS, f"--trainer.logger.name={name}",
               f"--model.weights={weights}", *options)  # fmt: skip
        return max((tmp_path / "runs" / name).rglob("last.ckpt"), key=lambda path: path.stat().st_mtime)

    return run
