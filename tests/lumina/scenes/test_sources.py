import zipfile

import numpy as np
import pytest
from tiny_shapes import SQUARE, write_box, write_catalogue

from lumina.config.locate import locate
from lumina.data.census import Census
from lumina.errors import CorruptSample
from lumina.scenes.sources import find_sources, one_a_stem, unambiguous, with_captions, words


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


def test_objects_that_come_with_the_package():
    folder, census = locate("package:datamodules/data/objects"), Census()
    found = find_sources(folder, census)
    assert len(found) == 10 and {"red chair", "horse"} <= {one.caption for one in found}
    assert not list(census.lines())
    read = {one.name: one.read(None) for one in found}
    assert not any(mesh.substitutes for mesh, _ in read.values())
    textured = {name for name, (mesh, _) in read.items() if any(one.texture is not None for one in mesh.materials)}
    assert len(textured) == 7
    text = (folder / "README.md").read_text()
    assert "CC0" in text and all(f"`{name}`" in text for name in read)
    assert sum(file.stat().st_size for file in folder.iterdir()) < 1.5e6


def test_pieces_of_a_catalogue(tmp_path):
    write_catalogue(tmp_path, models={3: "v 0 0 0\n"})
    found = find_sources(tmp_path, Census())
    assert [one.name for one in found] == [f"test/{number}" for number in range(1, 9)]
    assert [one.caption for one in found][3:5] == ["Desk lamp", "\u00d8 chair"]
    mesh, about = found[0].read("z")  # the catalogue knows better
    assert about["mesh"]["up"] == "y" and about["file"] == "test.sh3f:m/1.obj" and about["category"] == "Living room"
    assert np.ptp(mesh.vertices, axis=0) == pytest.approx((1, 0.5, 0.3))  # 100 x 50 x 30 cm, z up
    with pytest.raises(CorruptSample, match=r"test\.sh3f:m/3\.obj"):
        found[2].read(None)


def test_another_piece_has_another_digest(tmp_path):
    digests = {
        find_sources(write_catalogue(tmp_path / str(number), models=models), Census())[0].digest()
        for number, models in enumerate(({}, {}, {2: "v 0 0 0\n"}, {1: "v 0 0 0\n"}))
    }
    assert len(digests) == 2
    lying, standing = find_sources(tmp_path / "0", Census())[1::6]
    assert lying.digest() != standing.digest()  # of one model, turned


def test_pieces_stay_in_their_folder(tmp_path):
    lines = ["/../../etc/...obj", "a/lamp.obj", "b/Lamp.obj", "c/.hidden.obj", "d/x\\y.obj", "e/lamp-1.obj"]
    keys = {"name": "A", "category": "B", "width": "1", "depth": "1", "height": "1"}
    entries = [
        f"{key}#{number}={value}" for number in range(6) for key, value in {**keys, "model": lines[number]}.items()
    ]
    with zipfile.ZipFile(tmp_path / "in.sh3f", "w") as archive:
        archive.writestr("PluginFurnitureCatalog.properties", "\n".join(entries))
        archive.writestr("a/lamp.obj", SQUARE)
    names = [one.name for one in find_sources(tmp_path, Census())]
    assert names == ["in/Lamp-1", "in/__", "in/_hidden", "in/lamp", "in/lamp-1-1", "in/x_y"]


def test_one_mesh_in_several_formats_is_one_object(tmp_path):
    files = ["chair.stl", "chair.obj", "chair.GLB", "b/chair.ply", "b/chair.off", "lamp.obj", "lamp.v2.stl"]
    for file in files:
        write_box(tmp_path / file)
    census = Census()
    found = find_sources(tmp_path, census)
    assert [(one.name, one.file.name) for one in found] == [
        ("b/chair", "chair.ply"),
        ("chair", "chair.GLB"),
        ("lamp", "lamp.obj"),
        ("lamp.v2", "lamp.v2.stl"),
    ]
    [told] = census.lines()
    assert "earlier format of glb, gltf, obj, ply, off, stl (rename them to render both): 3, for example" in told


def test_formats_of_other_folders_and_other_cases_are_other_objects():
    for files in (["A/chair.obj", "a/chair.glb"], ["Chair.obj", "chair.glb"], ["chair.obj", "chair.OBJ"]):
        census = Census()
        assert one_a_stem(files, census) == files and not census.count
        assert len({*unambiguous(files)}) == 2
    assert one_a_stem(["chair.OBJ", "chair.Glb"], Census()) == ["chair.Glb"]


def test_a_piece_has_another_name_than_a_mesh_in_a_folder_of_the_catalogues_name(tmp_path):
    write_catalogue(tmp_path, ["Chair", "Table"])
    for file in ("test/1.stl", "Test/2.obj"):
        write_box(tmp_path / file)
    (tmp_path / "TEST.SH3F").write_bytes((tmp_path / "test.sh3f").read_bytes())
    found = {one.name: one.file.name for one in find_sources(tmp_path, Census())}
    assert found == {
        **{"test/1": "1.stl", "Test/2": "2.obj"},
        **{"TEST/1-1": "TEST.SH3F", "TEST/2-1": "TEST.SH3F", "test/1-2": "test.sh3f", "test/2-2": "test.sh3f"},
    }


def test_names_never_meet():
    files = ["a.obj", "a.glb", "b.obj", "b/c.obj", "b/d.v2.obj", "E.obj", "e.ply", "f.obj"]
    names = ["a.obj", "a.glb", "b.obj", "b/c", "b/d.v2", "E.obj", "e.ply", "f"]
    assert unambiguous(files) == names
    assert unambiguous(["a.obj", "a.off", "a.obj.ply"]) == ["a.obj", "a.off", "a.obj.ply"]


@pytest.mark.parametrize(
    ("files", "parts"),
    [
        (["chair/m/Model.obj", "oak_table/m/model.obj"], ["chair", "oak_table"]),
        (["lamp/model.obj", "model.obj"], ["lamp", "model"]),
        (["model.obj"], ["model"]),
        (["chair/scene.obj", "lamp/scene.obj", "table/desk.obj"], ["chair", "lamp", "desk"]),
        (["bed/m/scene.obj", "lamp/m/scene.obj"], ["bed", "lamp"]),
        (["A/chair.obj", "A/Chair.obj", "b/lamp.obj"], ["Chair", "chair", "lamp"]),
        (["lamp.obj", "test/chair.obj", "train/bed/scene.obj", "train/chair.obj"], ["lamp", "chair", "bed", "chair"]),
        (["kenney/chair.obj", "quaternius/chair.obj", "x/lamp.obj"], ["chair", "chair", "lamp"]),
        (["a/lamp.obj", *(f"{name}/thing.obj" for name in "bcdefghijkl")], ["lamp", *"bcdefghijkl"]),
    ],
)
def test_a_name_that_tells_nothing_is_no_caption(tmp_path, files, parts):
    for file in files:
        write_box(tmp_path / file)
    assert [one.caption for one in find_sources(tmp_path, Census())] == [words(part) for part in parts]


def test_a_broken_catalogue_is_counted(tmp_path):
    write_box(tmp_path / "a.obj")
    (tmp_path / "b.sh3f").write_text("nonsense")
    census = Census()
    assert [one.name for one in find_sources(tmp_path, census)] == ["a"]
    assert "furniture catalogues that cannot be read: 1" in str(census) and "b.sh3f" in str(census)
    with pytest.raises(ValueError, match=r"no meshes .* catalogues that cannot be read: 1"):
        find_sources(tmp_path / "b.sh3f", Census())


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
    shapenet = [f"shapenet/0256/{name}/model.obj" for name in ("cd34", "ef56")]
    for file in ("glbs/000-001/ab12.obj", *shapenet, "e/f.obj", "g.obj"):
        write_box(tmp_path / "in" / file)
    list_ = tmp_path / "captions.csv"
    list_.write_text("ab12,a red car, fast\ncd34,a chair\n0256/ef56,a table\ne/f.obj,a lamp\nxy,a ghost\n")
    census = Census()
    found = with_captions(find_sources(tmp_path / "in", Census()), list_, census)
    assert [one.caption for one in found] == ["a lamp", "", "a red car, fast", "a chair", "a table"]
    assert census.count == 1
    list_.write_text("xy,a ghost\n")
    with pytest.raises(ValueError, match=r"No line of .*captions\.csv names an object.*'e/f' say"):
        with_captions(found, list_, Census())


def test_nothing_there_is_told(tmp_path):
    (tmp_path / "bed.fbx").touch()
    with pytest.raises(ValueError, match=r"There are no meshes \(.*\.obj.*Left out: files ending in \.fbx"):
        find_sources(tmp_path, Census())
