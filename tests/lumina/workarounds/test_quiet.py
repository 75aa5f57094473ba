"""What Lightning says on every run, and no user can act on."""

from __future__ import annotations

import logging
import warnings

import lightning.pytorch
import pytest
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.demos.boring_classes import BoringModel

from lumina.workarounds.quiet import MESSAGES, silence_lightning

SAYS = "dirpath has changed"


@pytest.fixture(autouse=True)
def as_before():
    before = {name: list(logging.getLogger(name).filters) for name in MESSAGES}
    for name in MESSAGES:
        logging.getLogger(name).filters.clear()
    with warnings.catch_warnings():
        yield
    for name, filters in before.items():
        logging.getLogger(name).filters[:] = filters


def told(folder, caplog):
    """What is said of a run that is stopped, and resumed in another folder."""
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    with caplog.at_level("INFO"), warnings.catch_warnings(record=True) as caught:
        for name, before in (("a", None), ("b", folder / "a/last.ckpt")):
            saver = ModelCheckpoint(folder / name, save_last=True)
            trainer = lightning.pytorch.Trainer(max_steps=2 if before else 1, callbacks=[saver], **quiet)
            trainer.fit(BoringModel(), ckpt_path=before)
    return caplog.text + "".join(str(warning.message) for warning in caught)


def test_noise_is_kept_off_and_the_rest_is_shown(tmp_path, caplog):
    silence_lightning()
    text = told(tmp_path, caplog)
    assert SAYS not in text
    assert "max_steps=1` reached" in text


def test_lightning_still_says_it(tmp_path, caplog):
    warnings.simplefilter("always")
    text = told(tmp_path, caplog)
    assert SAYS in text
