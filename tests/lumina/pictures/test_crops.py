import json
from dataclasses import replace

import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from lumina.data.sources import open_sources
from lumina.data.sources.source import Wanted
from lumina.pictures.crops import Crops, best_crops, crop_sizes, picture_sizes


@pytest.mark.parametrize(("size", "count"), [(256, 49), (512, 97), (1024, 193)])
def test_the_released_codes_tables(size, count):
    sizes = crop_sizes(size)
    assert len(sizes) == len(set(sizes)) == count
    assert {(height, width) for width, height in sizes} == set(sizes)
    assert (size, size) in sizes and (size // 2, size * 2) in sizes and (size * 2, size // 2) in sizes
    for height, width in sizes:
        assert height % 16 == width % 16 == 0
        assert height * width <= size**2 < (height + 16) * (width + 16)
        assert max(height, width) <= 4 * min(height, width)


@pytest.mark.parametrize("size", [256, 512])
def test_the_tables_are_the_released_codes_staircase(size):
    """Its walk: one column less when a row more would be too much."""
    cells, columns, rows, walk = (size // 16) ** 2, (size // 16) ** 2, 1, []
    while columns > 0:
        if max(columns, rows) <= 4 * min(columns, rows):
            walk.append((rows * 16, columns * 16))
        if (rows + 1) * columns <= cells:
            rows += 1
        else:
            columns -= 1
    assert sorted(walk) == sorted(crop_sizes(size))


def test_aspect_one_is_the_square_alone():
    assert crop_sizes(256, max_aspect=1) == [(256, 256)]
    assert crop_sizes(64, max_aspect=1, cell=8) == [(64, 64)]


def test_impossible_tables_are_refused():
    with pytest.raises(ValueError, match="size 100 with cells of 16"):
        crop_sizes(100)
    with pytest.raises(ValueError, match=r"max_aspect 0\.5"):
        crop_sizes(64, 0.5)


def test_the_best_crop_loses_least():
    sizes = crop_sizes(256)
    generator = np.random.default_rng(0)
    for height, width in generator.integers(20, 3000, (200, 2)).tolist():
        scales = [max(rows / height, columns / width) for rows, columns in sizes]
        shares = [a * b / (height * s * width * s) for (a, b), s in zip(sizes, scales, strict=True)]
        best = best_crops((height, width), sizes, 4)
        assert [shares[place] for place in best] == pytest.approx(sorted(shares, reverse=True)[:4])


def test_one_of_the_nearest_sizes_by_name():
    sizes = crop_sizes(256)
    crops = Crops(sizes, nearest=4)
    drawn = [crops.of((300, 300), f"{number}.png") for number in range(200)]
    assert set(drawn) == set(best_crops((300, 300), sizes, 4))
    assert drawn == [Crops(sizes, nearest=4).of((300, 300), f"{number}.png") for number in range(200)]
    assert sizes[Crops(sizes).of((300, 300), "any")] == (256, 256)
    with pytest.raises(ValueError, match="nearest_sizes 0"):
        Crops(sizes, 0)


def pictures(folder, names, size=(30, 20)):
    folder.mkdir(exist_ok=True)
    for name in names:
        Image.new("RGB", size).save(folder / name)
    return folder


WANTED = Wanted(suffixes=(".png",), media=("path", "other"))


def sizes(path, cache, **wanted):
    return picture_sizes(open_sources([path], replace(WANTED, **wanted)), cache).tolist()


def test_a_picture_out_of_reach_is_read_by_the_next_run(tmp_path):
    """As on a disk that was not mounted; a size that was never read is not kept."""
    folder = pictures(tmp_path / "pictures", ["a.png", "b.png"])
    manifest = tmp_path / "list.jsonl"
    manifest.write_text("".join(json.dumps({"path": f"pictures/{n}", "text": "x"}) + "\n" for n in ("a.png", "b.png")))
    hidden = (folder / "b.png").rename(tmp_path / "hidden.png")
    assert sizes(manifest, tmp_path / "cache") == [[20, 30], [1, 1]]
    hidden.rename(folder / "b.png")
    assert sizes(manifest, tmp_path / "cache") == [[20, 30], [20, 30]]


def test_sizes_follow_edited_pictures_other_roots_and_other_fields(tmp_path):
    pictures(tmp_path / "one", ["a.png", "wide.png"])
    pictures(tmp_path / "two", ["a.png"], (10, 10))
    pictures(tmp_path / "one", ["wide.png"], (90, 10))
    manifest = tmp_path / "list.json"
    manifest.write_text(json.dumps([{"path": "a.png", "other": "wide.png", "text": "x"}]))
    cache = tmp_path / "cache"
    assert sizes(manifest, cache, root=tmp_path / "one") == [[20, 30]]
    assert sizes(manifest, cache, root=tmp_path / "two") == [[10, 10]]
    assert sizes(manifest, cache, root=tmp_path / "one", medium="other") == [[10, 90]]
    pictures(tmp_path / "one", ["a.png"], (40, 40))
    assert sizes(manifest, cache, root=tmp_path / "one") == [[40, 40]]


def test_sizes_follow_the_column_and_the_files_of_a_table(tmp_path):
    pictures(tmp_path, ["a.png"])
    pictures(tmp_path, ["b.png"], (10, 10))
    table = pyarrow.table({"path": ["a.png"], "other": ["b.png"], "text": ["x"]})
    parquet.write_table(table, tmp_path / "t.parquet")
    assert sizes(tmp_path / "t.parquet", tmp_path / "cache") == [[20, 30]]
    assert sizes(tmp_path / "t.parquet", tmp_path / "cache", medium="other") == [[10, 10]]
    pictures(tmp_path, ["a.png"], (50, 50))
    assert sizes(tmp_path / "t.parquet", tmp_path / "cache") == [[50, 50]]
