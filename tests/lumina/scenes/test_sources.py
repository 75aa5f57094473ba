import pytest
from tiny_shapes import write_box

from lumina.data.census import Census
from lumina.scenes.sources import find_sources, unambiguous, with_captions, words


def test_objects_are_called_by_their_paths(tmp_path):
    for file in ("b/oak_chair.obj", "a.OBJ", "b/bed.fbx", "b/oak.mtl", "b/.hidden.obj"):
        write_box(tmp_path / file)
    census = Census()
    found = find_sources(tmp_path, census)
    assert [(one.name, one.caption) for one in found] == [("a", "a"), ("b/oak_chair", "oak chair")]
    assert [one.file for one in found] == [tmp_path / "a.OBJ", tmp_path / "b/oak_chair.obj"]
    assert list(census.lines()) == ["files ending in .fbx: 1, for example b/bed.fbx"]
    [one] = find_sources(tmp_path / "b/oak_chair.obj", Census())
    assert (one.name, one.file) == ("oak_chair", tmp_path / "b/oak_chair.obj")


def test_names_never_meet():
    files = ["a.obj", "a.glb", "b.obj", "b/c.obj", "b/d.v2.obj", "E.obj", "e.ply", "f.obj"]
    names = ["a.obj", "a.glb", "b.obj", "b/c", "b/d.v2", "E.obj", "e.ply", "f"]
    assert unambiguous(files) == names


@pytest.mark.parametrize(
    ("stem", "caption"),
    [
        ("Oak_chair-02", "oak chair"),
        ("coffeeTable3", "coffee table"),
        ("1a04e3eab45ca15dd86060f189eb133", ""),
        ("9f3b0c2e-11d4-4f3e-9d5b-a00a11", ""),
        ("LAMP", "lamp"),
        ("B\u00e4r", "b\u00e4r"),
    ],
)
def test_words_of_names(stem, caption):
    assert words(stem) == caption


def test_captions_of_a_list(tmp_path):
    for file in ("glbs/000-001/ab12.obj", "shapenet/0256/cd34/model.obj", "e/f.obj", "g.obj"):
        write_box(tmp_path / "in" / file)
    list_ = tmp_path / "captions.csv"
    list_.write_text("ab12,a red car, fast\ncd34,a chair\ne/f.obj,a lamp\nxy,a ghost\n")
    census = Census()
    found = with_captions(find_sources(tmp_path / "in", Census()), list_, census)
    assert [one.caption for one in found] == ["a lamp", "", "a red car, fast", "a chair"]
    assert census.count == 1
    list_.write_text("xy,a ghost\n")
    with pytest.raises(ValueError, match=r"No line of .*captions\.csv names an object.*'e/f' say"):
        with_captions(found, list_, Census())


def test_nothing_there_is_told(tmp_path):
    (tmp_path / "bed.fbx").touch()
    with pytest.raises(ValueError, match=r"There are no meshes \(.*\.obj.*Left out: files ending in \.fbx"):
        find_sources(tmp_path, Census())
