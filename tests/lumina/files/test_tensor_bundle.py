"""TensorFlow's checkpoints: those of the package musicnn, and damaged ones."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from lumina.files.tensor_bundle import read_tensor_bundle


def varint(value):
    text = b""
    while value > 127:
        text, value = text + bytes([value & 127 | 128]), value >> 7
    return text + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def block(rows):
    text, before = b"", b""
    for key, value in rows:
        same = next((place for place, pair in enumerate(zip(key, before, strict=False)) if pair[0] != pair[1]), 0)
        text += varint(same) + varint(len(key) - same) + varint(len(value)) + key[same:] + value
        before = key
    return text + (0).to_bytes(4, "little") + (1).to_bytes(4, "little") + b"\0" * 5  # a restart, type, checksum


def write_bundle(prefix, tensors):
    """As TensorFlow writes it: one block of entries, one of its place, a footer."""
    data, rows = b"", [(b"", b"")]
    for name, values in sorted(tensors.items()):
        shape = b"".join(field(2, field(1, side)) for side in values.shape)
        kind = {"float32": 1, "int64": 9, "float64": 2}[values.dtype.name]
        entry = field(1, kind) + field(2, shape) + field(4, len(data)) + field(5, values.nbytes)
        entry += bytes([6 << 3 | 5]) + b"\1\2\3\4"  # the checksum
        rows.append((name.encode(), entry))
        data += values.tobytes()
    entries = block(rows)
    index = block([(b"z", varint(0) + varint(len(entries) - 5))])
    footer = varint(0) + varint(0) + varint(len(entries)) + varint(len(index) - 5)
    Path(f"{prefix}.index").write_bytes(entries + index + footer.ljust(48, b"\0"))
    Path(f"{prefix}.data-00000-of-00001").write_bytes(data)


TENSORS = {
    "dense/kernel": np.arange(300, dtype=np.float32).reshape(10, 30),
    "dense/bias": np.ones(30, np.float32),
    "step": np.array(7, np.int64),
}


def test_tensors_come_by_name(tmp_path):
    write_bundle(tmp_path / "model", {**TENSORS, "other": np.zeros(2)})
    found = read_tensor_bundle(tmp_path / "model")
    assert found.keys() == TENSORS.keys()  # those of other types are left out
    for name, values in TENSORS.items():
        np.testing.assert_array_equal(found[name], values)
        assert found[name].shape == values.shape


@pytest.mark.parametrize("kept", [0, 10, 47, 100])
def test_damaged_files_are_named(tmp_path, kept):
    write_bundle(tmp_path / "model", TENSORS)
    index = tmp_path / "model.index"
    index.write_bytes(index.read_bytes()[:kept])
    with pytest.raises(ValueError, match="is damaged or no TensorFlow checkpoint"):
        read_tensor_bundle(tmp_path / "model")


def test_cut_data_are_named(tmp_path):
    write_bundle(tmp_path / "model", TENSORS)
    data = tmp_path / "model.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(ValueError, match="is damaged"):
        read_tensor_bundle(tmp_path / "model")


def test_a_real_checkpoint():
    spec = find_spec("musicnn")
    if spec is None:
        pytest.skip("musicnn is not installed")
    found = read_tensor_bundle(f"{Path(spec.origin).parent}/MTT_musicnn/")
    assert found["dense/kernel"].shape == (1506, 200) and found["dense_1/bias"].shape == (50,)
    assert all(np.isfinite(values).all() for values in found.values())
