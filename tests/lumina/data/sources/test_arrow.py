import pickle

import pytest

from lumina.data.sources import Wanted, open_sources

pyarrow = pytest.importorskip("pyarrow")

WANTED = Wanted(suffixes=(".png",), media=("image",))
IMAGE = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])


def save(path, numbers):
    """As ``Dataset.save_to_disk`` writes it: a stream of record batches."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = pyarrow.array([{"bytes": b"%d" % number, "path": None} for number in numbers], IMAGE)
    table = pyarrow.table({"image": images, "text": [f"of {number}" for number in numbers]})
    with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=3)


def test_a_saved_dataset_is_read(tmp_path):
    save(tmp_path / "data-00000-of-00002.arrow", range(7))
    save(tmp_path / "data-00001-of-00002.arrow", range(7, 9))
    save(tmp_path / "cache-0123456789abcdef.arrow", range(50))
    for name in ("dataset_info.json", "state.json"):
        (tmp_path / name).write_text("{}")
    source = pickle.loads(pickle.dumps(open_sources([tmp_path], WANTED)))
    assert [source.open(index).read() for index in range(len(source))] == [b"%d" % number for number in range(9)]
    assert [source.fields(index)["text"] for index in (0, 6, 8)] == ["of 0", "of 6", "of 8"]
    assert source.name(8) == "data-00001-of-00002.arrow:1"
    assert source.census.left_out["files ending in .arrow"].example == "cache-0123456789abcdef.arrow"


def test_a_saved_dataset_cut_off_is_told(tmp_path):
    save(tmp_path / "data.arrow", range(50))
    data = (tmp_path / "data.arrow").read_bytes()
    (tmp_path / "data.arrow").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"data\.arrow is not a complete Arrow file .*save the dataset again"):
        open_sources([tmp_path], WANTED)


def test_missing_columns_are_told(tmp_path):
    save(tmp_path / "data.arrow", range(5))
    with pytest.raises(ValueError, match=r"data\.arrow lacks the columns label; it has: image, text"):
        open_sources([tmp_path], Wanted(suffixes=(".png",), media=("image",), captions=("label",)))
