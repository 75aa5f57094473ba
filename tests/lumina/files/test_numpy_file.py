"""Files whose headers lie, and files with pickles, are refused."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from lumina.files.numpy_file import load_array, open_arrays


def packed(path, content, name="points.npy"):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as member:
        for part in content:
            member.write(part)


def head(shape):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return file.getvalue()


def test_headers_that_promise_more_than_there_is(tmp_path):
    packed(tmp_path / "a.npz", [head((1 << 38, 3)), bytes(12)])
    with pytest.raises(ValueError, match="promises"), open_arrays(tmp_path / "a.npz"):
        pass
    (tmp_path / "a.npy").write_bytes(head((1 << 38, 3)) + bytes(12))
    with pytest.raises(ValueError, match="promises 3298534883328 bytes"):
        load_array(tmp_path / "a.npy")


def test_pickled_arrays_are_refused_and_plain_ones_are_read(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], object))
    with pytest.raises(ValueError, match="object"):
        load_array(tmp_path / "a.npy")
    np.savez_compressed(tmp_path / "b.npz", points=np.zeros((1000, 3)), names=np.array(["ä"]))
    with open_arrays(tmp_path / "b.npz") as arrays:
        assert arrays["points"].shape == (1000, 3) and arrays["names"].tolist() == ["ä"]


def test_a_damaged_header_is_named(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 4)))
    whole = (tmp_path / "a.npy").read_bytes()
    for place in range(10, 60):
        (tmp_path / "a.npy").write_bytes(whole[:place] + b"(" + whole[place + 1 :])
        with pytest.raises(ValueError):
            load_array(tmp_path / "a.npy")
