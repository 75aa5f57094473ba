import os
from pathlib import Path

import pytest

from lumina.data.census import Census
from lumina.data.sources.listing import CLOSED, NOWHERE
from lumina.errors import CorruptSample
from lumina.scenes.layouts import BARE, BESIDE, WITHIN, find_view_sets, read_views, write_views
from lumina.scenes.layouts.layout import below, numbers


def test_a_folder_without_views_is_named(tmp_path):
    with pytest.raises(CorruptSample, match="no views in a known layout"):
        read_views(tmp_path)
    assert find_view_sets(tmp_path) == []


def test_names_stay_in_the_folder(tmp_path):
    assert below(tmp_path, "./a/b.png") == tmp_path / "a" / "b.png"
    for name in ("../b.png", "a/../../b.png", "/b.png", "..\\b.png", "", None, "a\0b", "a\nb"):
        with pytest.raises(ValueError, match=r"leads out|no name"):
            below(tmp_path, name)


@pytest.mark.parametrize("values", [None, "1", [[1], [1, 2]], True, 10**400, float("nan"), {}, [[[1]]]])
def test_numbers_are_numbers(values):
    with pytest.raises(ValueError, match=r"expected a number|not finite"):
        numbers(values, (), "w")


def test_links_in_a_circle_are_followed_once(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "round").symlink_to(tmp_path)
    assert find_view_sets(tmp_path) == []


def test_what_is_left_out_is_counted(made, tmp_path, monkeypatch):
    for name in ("a", "a/inner", "a/images/deep/er", "b/c"):
        write_views(made(tmp_path / name), tmp_path / name)
    (tmp_path / "b" / "nowhere").symlink_to("missing")
    (tmp_path / "b" / "round").symlink_to("round")
    (tmp_path / "more.tar").write_bytes(b"")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "0.png").write_bytes(b"")
    (tmp_path / "lost+found").mkdir()
    scan = os.scandir

    def closed(folder):
        if Path(folder).name == "lost+found":
            raise PermissionError(folder)
        return scan(folder)

    monkeypatch.setattr("os.scandir", closed)
    census = Census()
    assert find_view_sets(tmp_path, census) == [tmp_path / "a", tmp_path / "b" / "c"]
    assert {reason: (left.count, Path(left.example).name) for reason, left in census.left_out.items()} == {
        WITHIN: (2, "inner"),
        NOWHERE: (2, "nowhere"),
        BESIDE: (1, "more.tar"),
        BARE: (1, "bare"),
        CLOSED: (1, "lost+found"),
    }
