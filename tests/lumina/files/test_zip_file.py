"""Archives that would flood the memory are refused."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from lumina.checkpoints.pretrained import load_pretrained
from lumina.files.numpy_file import open_arrays


def packed(path, content, name="points.npy"):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as member:
        for part in content:
            member.write(part)


def head(shape):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return file.getvalue()


def test_an_archive_that_swells_is_refused(tmp_path):
    packed(tmp_path / "bomb.npz", [head((100_000_000,)), *[bytes(1 << 22)] * 96])
    with pytest.raises(ValueError, match="would unpack to"), open_arrays(tmp_path / "bomb.npz"):
        pass


def test_a_checkpoint_that_swells_is_refused(tmp_path):
    packed(tmp_path / "run.ckpt", [bytes(1 << 22)] * 96, "archive/data.pkl")
    with pytest.raises(ValueError, match="would unpack to"):
        load_pretrained(tmp_path / "run.ckpt")
