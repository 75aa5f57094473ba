"""HDF5 files whose data lie elsewhere."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from datamodules.shapenet import ShapeNet

AIRPLANE = "02691156"


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


@pytest.mark.parametrize("make", [external_link, external_storage, soft_link, virtual])
def test_data_of_another_file_are_refused(tmp_path, make):
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file["data"] = np.ones((4, 100, 3), np.float32)
    with h5py.File(tmp_path / "shapenet.hdf5", "w") as file:
        file.create_group(AIRPLANE)
        make(file, f"{AIRPLANE}/train", tmp_path / "other.hdf5")
    data = ShapeNet(batch_size=2, root=tmp_path / "shapenet.hdf5", categories=["airplane"], points=10)
    with pytest.raises(ValueError, match="copy the data into one file"):
        data.shapes("train")


def test_a_cloud_without_end_is_refused(tmp_path):
    with h5py.File(tmp_path / "shapenet.hdf5", "w") as file:
        file.create_dataset(f"{AIRPLANE}/train", (4, 1 << 32, 3), "<f4", chunks=(1, 1 << 10, 3))
    data = ShapeNet(batch_size=2, root=tmp_path / "shapenet.hdf5", categories=["airplane"], points=10)
    with pytest.raises(ValueError, match="too large"):
        data.shapes("train")
