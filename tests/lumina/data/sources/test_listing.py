import os

import pytest

from lumina.data.census import Census, LeftOut
from lumina.data.sources.listing import AGAIN, CLOSED, NOWHERE, SPECIAL, files_below


@pytest.fixture
def root(tmp_path):
    for name in (
        "data/a/1.png",
        "data/a/2.png",
        "data/b/3.png",
        "data/.hidden/4.png",
        "outside/5.png",
        "outside/c/6.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path / "data"


def listed(root, **options):
    census = Census()
    return files_below(root, census, **options), census.left_out


PLAIN = ["a/1.png", "a/2.png", "b/3.png"]


@pytest.mark.parametrize("target", [".", "..", "../..", "a", "/"])
@pytest.mark.parametrize("place", ["latest", "b/back"])
def test_links_that_lead_back_are_not_followed(root, place, target):
    (root / place).symlink_to(root / target)
    files, left_out = listed(root)
    assert files == PLAIN and left_out == {AGAIN: LeftOut(1, place)}


def test_links_that_lead_out_are_followed_once(root):
    (root / "one").symlink_to(root.parent / "outside")
    (root / "two").symlink_to(root.parent / "outside/c")
    (root.parent / "outside/home").symlink_to(root)
    files, left_out = listed(root)
    assert files == [*PLAIN, "one/5.png", "one/c/6.png"]
    assert left_out == {AGAIN: LeftOut(2, "two")}


def test_an_inner_folder_that_was_read_is_not_read_again(root):
    (root / "one").symlink_to(root.parent / "outside/c")
    (root / "two").symlink_to(root.parent / "outside")
    files, left_out = listed(root)
    assert files == [*PLAIN, "one/6.png", "two/5.png"] and left_out == {AGAIN: LeftOut(1, "two/c")}


def test_a_file_is_listed_once_where_that_is_asked_for(root):
    (root / "b/again.png").symlink_to("../a/1.png")
    (root / "b/far.png").symlink_to(root.parent / "outside/5.png")
    (root / "b/text.txt").symlink_to("../a/1.png")
    assert listed(root) == ([*PLAIN, "b/again.png", "b/far.png", "b/text.txt"], {})
    files, left_out = listed(root, once=(".png",))
    assert files == [*PLAIN, "b/far.png", "b/text.txt"] and left_out == {AGAIN: LeftOut(1, "b/again.png")}


def test_what_cannot_be_read_is_named(root):
    (root / "dangling.png").symlink_to("gone.png")
    (root / "round").symlink_to("round")
    os.mkfifo(root / "pipe.png")
    files, left_out = listed(root)
    assert files == PLAIN
    assert left_out == {NOWHERE: LeftOut(2, "dangling.png"), SPECIAL: LeftOut(1, "pipe.png")}


def test_a_folder_that_is_not_there_is_empty(root):
    assert listed(root / "none") == ([], {CLOSED: LeftOut(1, "")})
