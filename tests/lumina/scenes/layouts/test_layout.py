import pytest

from lumina.errors import CorruptSample
from lumina.scenes.layouts import find_view_sets, read_views
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
