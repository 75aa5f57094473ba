import base64

import numpy as np
import pytest

from lumina.scenes import gltf_data
from lumina.scenes.beside import InFolder
from lumina.scenes.gltf_data import Accessors, bytes_of


def accessors(accessor, data, **view):
    head = {"bufferViews": [{"buffer": 0, "byteLength": len(data), **view}]}
    head["accessors"] = [{"componentType": 5126, "type": "VEC3", "count": 2} | accessor]
    return Accessors(head, [data])


def test_floats():
    data = np.arange(6, dtype="<f4")
    assert accessors({"bufferView": 0}, data.tobytes())[0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_strides_and_offsets():
    data = np.arange(12, dtype="<f4")
    got = accessors({"bufferView": 0, "byteOffset": 4}, data.tobytes(), byteStride=20)[0]
    assert got.tolist() == [[1, 2, 3], [6, 7, 8]]


def test_normalised_integers():
    told = {"bufferView": 0, "componentType": 5121, "type": "VEC2", "normalized": True}
    np.testing.assert_allclose(accessors(told, bytes([0, 255, 51, 102]))[0], [[0, 1], [0.2, 0.4]])
    told |= {"componentType": 5120}
    np.testing.assert_allclose(accessors(told, bytes([128, 127, 129, 0]))[0], [[-1, 1], [-1, 0]])


def test_sparse_ones_change_single_rows():
    data = np.arange(3, dtype="<f4").tobytes() + bytes([1])
    head = {
        "bufferViews": [
            {"buffer": 0, "byteLength": 12},
            {"buffer": 0, "byteOffset": 12, "byteLength": 1},
        ],
        "accessors": [
            {
                "componentType": 5126,
                "type": "VEC3",
                "count": 2,
                "sparse": {
                    "count": 1,
                    "indices": {"bufferView": 1, "componentType": 5121},
                    "values": {"bufferView": 0},
                },
            }
        ],
    }
    assert Accessors(head, [data])[0].tolist() == [[0, 0, 0], [0, 1, 2]]


@pytest.mark.parametrize(
    ("told", "view"),
    [
        ({"bufferView": 0, "count": 3}, {}),
        ({"bufferView": 0, "byteOffset": 8}, {}),
        ({"bufferView": 0, "byteOffset": -4}, {}),
        ({"bufferView": 0}, {"byteStride": 4}),
        ({"bufferView": 0}, {"byteLength": 1000}),
        ({"bufferView": 0}, {"byteOffset": -1}),
        ({"bufferView": 0, "count": -1}, {}),
        ({"count": 10**12}, {}),
    ],
)
def test_nothing_beyond_the_buffer_is_read(told, view):
    with pytest.raises(ValueError, match=r"it (needs|announces)"):
        accessors(told, bytes(24), **view)[0]


def test_how_much_is_made_of_nothing(monkeypatch):
    monkeypatch.setattr(gltf_data, "MOST_EMPTY", 6)
    assert accessors({}, b"")[0].tolist() == [[0] * 3] * 2
    with pytest.raises(ValueError, match="3 elements without data, of which 2 are read"):
        accessors({"count": 3}, b"")[0]


def test_data_and_files_beside(tmp_path):
    (tmp_path / "mesh").mkdir()
    (tmp_path / "mesh/a b.bin").write_bytes(b"beside")
    (tmp_path / "secret.bin").write_bytes(b"secret")
    beside = InFolder(tmp_path / "mesh")
    assert bytes_of("data:application/octet-stream;base64," + base64.b64encode(b"own").decode(), beside) == b"own"
    assert bytes_of("a%20b.bin", beside) == b"beside"
    for uri in ("../secret.bin", "http://host/a b.bin", "file:///etc/passwd", "/etc/passwd"):
        with pytest.raises(ValueError, match="no file in its folder"):
            bytes_of(uri, beside)
    with pytest.raises(ValueError, match="damaged"):
        bytes_of("data:;base64,x", beside)
