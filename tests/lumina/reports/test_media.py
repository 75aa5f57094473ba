"""Sheets of samples without any dashboard; test_dashboards has those with one."""

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from PIL import Image as Picture

from lumina.reports.media import log_samples
from modalities.image import Image


@pytest.mark.parametrize("captions", [(), ("a", "b")])
def test_the_sheet_is_in_the_folder_of_every_run(tmp_path, captions):
    trainer, modality = Trainer(logger=False, accelerator="cpu", enable_progress_bar=False), Image((8, 8))
    samples = torch.rand(2, 3, 8, 8) * 2 - 1
    file = log_samples(trainer, "samples", modality, samples, captions, tmp_path / "new/sheet.png")
    assert file == tmp_path / "new/sheet.png"
    expected = modality.picture(samples, captions).permute(1, 2, 0).numpy()
    assert np.array_equal(np.asarray(Picture.open(file)), expected)
