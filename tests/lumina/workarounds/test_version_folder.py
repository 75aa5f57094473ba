"""Runs that start together have folders of their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger

from lumina.workarounds.version_folder import claim_versions

RUNS = 8


def chosen(folder, remedy):
    together = Barrier(RUNS)

    def start(_):
        trainer = Trainer(logger=CSVLogger(folder, "run"), enable_checkpointing=False, accelerator="cpu")
        together.wait()
        if remedy:
            claim_versions(trainer)
        return trainer.logger.log_dir

    with ThreadPoolExecutor(RUNS) as pool:
        return set(pool.map(start, range(RUNS)))


def test_each_run_has_a_folder_of_its_own(tmp_path):
    assert chosen(tmp_path, remedy=True) == {str(tmp_path / f"run/version_{number}") for number in range(RUNS)}


def test_a_given_version_is_left_alone(tmp_path):
    trainer = Trainer(logger=CSVLogger(tmp_path, "run", version="mine"), enable_checkpointing=False, accelerator="cpu")
    claim_versions(trainer)
    assert trainer.logger.version == "mine"


def test_upstream_still_shares_one(tmp_path):
    assert len(chosen(tmp_path, remedy=False)) == 1
