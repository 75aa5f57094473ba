"""HDF5 files are read to the row; those whose data lie elsewhere are refused."""

from __future__ import annotations

import numpy as np
import pytest

from lumina.files.hdf5_file import dataset_of, open_hdf5

h5py = pytest.importorskip("h5py")


def external_link(file, path, other):
    file[path] = h5py.ExternalLink(str(other), "/data")


def external_storage(file, path, other):
    file.create_dataset(path, (4, 100, 3), "<f4", external=[(str(other), 0, 4800)])


def soft_link(file, path, other):
    file["link"] = h5py.ExternalLink(str(other), "/data")
    file[path] = h5py.SoftLink("/link")


def virtual(file, path, other):
    layout = h5py.VirtualLayout((4, 100, 3), "<f4")
    layout[:] = h5py.VirtualSource(str(other), "data", (4, 100, 3))
    file.create_virtual_dataset(path, layout)


def test_datasets_are_found_by_their_path(tmp_path):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["group/data"] = np.arange(12.0).reshape(4, 3)
    with open_hdf5(tmp_path / "a.hdf5") as file:
        assert dataset_of(file, "group/data")[2].tolist() == [6, 7, 8]
        for path in ("group/none", "none/data", "group/data/deeper"):
            assert dataset_of(file, path) is None
        with pytest.raises(ValueError, match="holds no data of its own"):
            dataset_of(file, "group")


@pytest.mark.parametrize("make", [external_link, external_storage, soft_link, virtual])
def test_data_of_another_file_are_refused(tmp_path, make):
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file["data"] = np.ones((4, 100, 3), np.float32)
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file.create_group("group")
        make(file, "group/train", tmp_path / "other.hdf5")
    with open_hdf5(tmp_path / "a.hdf5") as file, pytest.raises(ValueError, match="copy the data into one file"):
        dataset_of(file, "group/train")


def test_a_row_without_end_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file.create_dataset("data", (4, 1 << 32, 3), "<f4", chunks=(1, 1 << 10, 3))
    with open_hdf5(tmp_path / "a.hdf5") as file, pytest.raises(ValueError, match="too large"):
        dataset_of(file, "data")


def test_what_is_no_hdf5_is_an_os_error(tmp_path):
    (tmp_path / "a.hdf5").write_bytes(b"no HDF5")
    for name in ("a.hdf5", "gone.hdf5"):
        with pytest.raises(OSError):
            open_hdf5(tmp_path / name)
