"""Shapes whose files hang, swell or reach out of their folder."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from lumina.clouds.files import read_shape
from lumina.errors import CorruptSample


@pytest.mark.parametrize("ending", ["ply", "npz", "obj", "glb", "stl", "wrl"])
def test_pipes_do_not_hang(tmp_path, ending):
    os.mkfifo(tmp_path / f"a.{ending}")
    with pytest.raises(CorruptSample, match="a pipe or a device"):
        read_shape(tmp_path / f"a.{ending}")


@pytest.mark.parametrize("uri", ["../secret.bin", "/etc/passwd", "https://example.org/a.bin", "..%2Fsecret.bin"])
@pytest.mark.parametrize("kind", ["buffers", "images"])
def test_gltf_stays_in_its_folder(tmp_path, uri, kind):
    (tmp_path / "secret.bin").write_bytes(bytes(36))
    (tmp_path / "meshes").mkdir()
    scene = {"asset": {"version": "2.0"}, kind: [{"uri": uri, "byteLength": 36}]}
    (tmp_path / "meshes/a.gltf").write_text(json.dumps(scene))
    with pytest.raises(CorruptSample, match="no file in its folder"):
        read_shape(tmp_path / "meshes/a.gltf")


def test_an_archive_that_swells_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", points=np.zeros((1 << 25, 3), np.float32))
    with pytest.raises(CorruptSample, match="would unpack to"):
        read_shape(tmp_path / "a.npz")
