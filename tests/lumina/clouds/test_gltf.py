"""glTF files that reach out of their folder are refused."""

from __future__ import annotations

import json

import pytest

from lumina.clouds.files import read_shape
from lumina.errors import CorruptSample


@pytest.mark.parametrize("uri", ["../secret.bin", "/etc/passwd", "https://example.org/a.bin", "..%2Fsecret.bin"])
@pytest.mark.parametrize("kind", ["buffers", "images"])
def test_gltf_stays_in_its_folder(tmp_path, uri, kind):
    (tmp_path / "secret.bin").write_bytes(bytes(36))
    (tmp_path / "meshes").mkdir()
    scene = {"asset": {"version": "2.0"}, kind: [{"uri": uri, "byteLength": 36}]}
    (tmp_path / "meshes/a.gltf").write_text(json.dumps(scene))
    with pytest.raises(CorruptSample, match="no file in its folder"):
        read_shape(tmp_path / "meshes/a.gltf")
