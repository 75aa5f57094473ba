import numpy as np
import pytest
import torch

from datamodules.meshes import Meshes

trimesh = pytest.importorskip("trimesh")


@pytest.fixture
def root(tmp_path):
    for kind, suffix in (("box", "obj"), ("ball", "ply")):
        (tmp_path / kind / "below").mkdir(parents=True)
        for number in range(4):
            mesh = trimesh.creation.box((1, 1, 4)) if kind == "box" else trimesh.creation.icosphere()
            mesh.export(tmp_path / kind / ("below" if number % 2 else ".") / f"{number}.{suffix}")
    (tmp_path / "box/readme.txt").write_text("nothing")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def meshes(root, **options):
    return Meshes(
        **{"batch_size": 2, "root": root, "sampled": 64, "points": 16, "holdout": 0.25, "cache": None} | options
    )


def test_folders_are_classes(root):
    data = meshes(root, eval_points=32)
    assert data.class_names == ("ball", "box")
    assert (len(data.dataset("train")), len(data.dataset("test"))) == (6, 2)
    assert [data.dataset("test")[i]["label"] for i in range(2)] == [0, 1]
    assert data.dataset("test")[0]["points"].shape == (32, 3)
    assert {data.dataset("train")[i]["name"] for i in range(6)} <= {str(path) for path in root.rglob("*.*")}
    batch = next(iter(data.train_dataloader()))
    assert set(data.batch_keys) <= set(batch)


def test_chosen_classes_keep_their_order(root):
    assert meshes(root, classes=["box", "ball"]).dataset("test")[0]["label"] == 1
    assert len(meshes(root, classes=["box"]).dataset("train")) == 3
    with pytest.raises(ValueError, match="Found no shapes of the class cone"):
        meshes(root, classes=["cone", "box"]).dataset("train")


def test_what_is_up(root):
    def height(up):
        item = meshes(root, classes=["box"], up=up, normalisation="none", sampled=2048, eval_points=2048).dataset(
            "test"
        )[0]
        return (item["points"].amax(0) - item["points"].amin(0))[1]

    assert height("y") == pytest.approx(1, abs=0.01)
    assert height("z") == pytest.approx(4, abs=0.02)


def test_a_table_says_labels_and_captions(root):
    table = root / "table.csv"
    rows = [
        "box/0.obj,long,a long box",
        "box/below/1.obj,long,another",
        "ball/0.ply,round,a ball",
        "ball/2.ply,round,two",
    ]
    table.write_text("\n".join(["file,label,caption", *rows]))
    data = meshes(root, table=table, holdout=0.5)
    assert data.class_names == ("long", "round")
    items = [data.dataset(split)[i] for split in ("train", "test") for i in range(2)]
    assert {(item["label"], item["caption"]) for item in items} == {
        (0, "a long box"), (0, "another"), (1, "a ball"), (1, "two")
    }  # fmt: skip
    assert "caption" in data.batch_keys
    table.write_text("path,label\na,b\n")
    with pytest.raises(ValueError, match="has the columns path, label: it needs file"):
        meshes(root, table=table)


@pytest.mark.parametrize("row", ["ball/0.ply,round", "ball/0.ply,round,a ball, red"])
def test_a_row_of_other_length_is_told(root, row):
    (root / "table.csv").write_text(f"file,label,caption\nbox/0.obj,long,a box\n{row}\n")
    with pytest.raises(ValueError, match=r"Row 3 of .*table\.csv has [24] fields, but 3 columns are named"):
        meshes(root, table=root / "table.csv")


@pytest.mark.parametrize("content", [None, b"file,label\n\xff,a\n"])
def test_a_table_that_cannot_be_read_is_told(root, content):
    if content:
        (root / "table.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"table\.csv is not a readable CSV file in UTF-8"):
        meshes(root, table=root / "table.csv")


def test_classes_and_shapes_are_those_of_files_that_are_there(root):
    (root / "notes").mkdir()
    (root / "notes/readme.txt").write_text("nothing")
    (root / "box/gone.obj").symlink_to(root / "nowhere.obj")
    data = meshes(root)
    assert data.class_names == ("ball", "box")
    assert len(data.dataset("train")) == 6
    table = root / "table.csv"
    table.write_text("file,label\nball/0.ply,round\nball/2.ply,round\nelsewhere.ply,absent\n")
    assert meshes(root, table=table).class_names == ("round",)


def test_a_cloud_of_fewer_points_than_are_kept_is_used_whole(root):
    points = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    np.savez(root / "box/small.npz", points=points)
    data = meshes(root, classes=["box"], holdout=0.0, normalisation="none", cache=root / "cache")
    small = next(item for item in data.dataset("train") if item["name"].endswith("small.npz"))
    np.testing.assert_allclose(sorted(map(tuple, small["points"].tolist())), sorted(map(tuple, points)), atol=1e-6)
    assert next(iter(data.train_dataloader()))["points"].shape == (2, 16, 3)


@pytest.mark.parametrize("asked", [{"points": 65}, {"eval_points": 65}])
def test_fewer_points_than_are_asked_for_are_not_kept(root, asked):
    with pytest.raises(ValueError, match="Got sampled 64, but 65 points of a shape are asked for"):
        meshes(root, **asked)


def test_damaged_files_are_skipped_counted_and_named(root):
    (root / "box/0.obj").write_text("f 1 2 3\n")
    np.savez(root / "box/few.npz", points=np.zeros((3, 3)))
    data = meshes(root, batch_size=9, holdout=0.0, max_corrupt=0.001)
    with pytest.warns(UserWarning) as warned, pytest.raises(ValueError, match="corrupt"):
        next(iter(data.train_dataloader()))
    told = " ".join(str(warning.message) for warning in warned)
    assert f"{root}/box/0.obj: " in told and "few.npz: it has 3 points, but 16 are asked for" in told


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(ValueError, match=rf"Found no shapes .* in {tmp_path}: put them into"):
        meshes(tmp_path).dataset("train")


def test_the_cache_answers_to_the_way_of_reading(root):
    cache = root / "cache"
    near = meshes(root, cache=cache).dataset("train")[0]["points"]
    assert torch.equal(meshes(root, cache=cache).dataset("train")[0]["points"], near)
    assert not torch.equal(meshes(root, cache=cache, subsample="farthest").dataset("train")[0]["points"], near)


def test_buffers_beside_a_gltf_belong_to_the_shape(root):
    def write(height):
        mesh = trimesh.creation.box((1, height, 1))
        for name, content in trimesh.exchange.gltf.export_gltf(trimesh.Scene(mesh), merge_buffers=True).items():
            (root / "box" / ("0.gltf" if name == "model.gltf" else name)).write_bytes(content)

    def height():
        data = meshes(root, classes=["box"], cache=root / "cache", normalisation="none", holdout=0.0)
        (item,) = (item for item in data.dataset("train") if item["name"].endswith("gltf"))
        return (item["points"].amax(0) - item["points"].amin(0))[1]

    write(1)
    assert height() == pytest.approx(1, abs=0.1)
    buffer = next((root / "box").glob("*.bin"))
    content = buffer.read_bytes()
    buffer.unlink()
    with pytest.raises(Exception, match=r"0\.gltf"):
        height()
    write(3)
    assert buffer.is_file() and buffer.read_bytes() != content
    assert height() == pytest.approx(3, abs=0.3)


@pytest.mark.parametrize("layout", ["{split}/{name}", "{name}/{split}"])
def test_splits_are_known_by_their_names(tmp_path, layout):
    for split, count in (("train", 4), ("test", 2)):
        for name in ("ball", "box"):
            folder = tmp_path / layout.format(split=split, name=name)
            folder.mkdir(parents=True)
            for number in range(count):
                trimesh.creation.box().export(folder / f"{number}.off")
    data = meshes(tmp_path)
    names = {split: set(data.shapes(split).names) for split in ("train", "validation", "test")}
    assert data.class_names == ("ball", "box")
    assert [len(names[split]) for split in ("train", "validation", "test")] == [6, 2, 4]
    assert not names["train"] & names["validation"] and all("train" in name for name in names["validation"])
    assert all("test" in name for name in names["test"])
    assert data.shapes("test").labels == [0, 0, 1, 1]


def test_shapes_of_the_test_may_lie_elsewhere(root, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "box").mkdir()
    trimesh.creation.box().export(other / "box/a.off")
    data = meshes(root, eval_root=other)
    assert data.shapes("test").names == [str(other / "box/a.off")] and data.shapes("test").labels == [1]
    assert [len(data.shapes(split).names) for split in ("train", "validation")] == [6, 2]
    (other / "box").rename(other / "cone")
    with pytest.raises(ValueError, match="there are shapes of cone to evaluate with, but none to train on"):
        meshes(root, eval_root=other).shapes("train")


def test_a_label_of_a_table_is_stripped_and_an_empty_one_left_out(root):
    table = root / "table.csv"
    table.write_text("file,label\nbox/0.obj, long\nbox/2.obj,long \nball/0.ply,round\nball/2.ply,\n")
    data = meshes(root, table=table)
    assert data.class_names == ("long", "round") and len(data.dataset("train")) + len(data.dataset("test")) == 3
    assert data.census().left_out[f"files without a label in {table}"].count == 5


def test_a_table_finds_names_composed_otherwise_and_tells_what_it_lacks(root):
    for name in ("caf\u00e9.ply", "e\u0301te\u0301.ply"):
        (root / name).write_bytes((root / "ball/0.ply").read_bytes())
    rows = ["cafe\u0301.ply,one,first", "\u00e9t\u00e9.ply,two,second", "./ball/0.ply,three,third", "gone.ply,one,x"]
    (root / "table.csv").write_text("\n".join(["file,label,caption", *rows]))
    data = meshes(root, table=root / "table.csv", holdout=0.0)
    shapes = data.shapes("train")
    assert sorted(shapes.captions) == ["first", "second", "third"] and data.class_names == ("one", "three", "two")
    left_out = data.census().left_out
    assert left_out[f"rows of {root}/table.csv without their file"].example == "gone.ply"
    assert left_out[f"files without a label in {root}/table.csv"].count > 1


def test_a_table_of_files_that_are_gone_is_told(root):
    (root / "table.csv").write_text("file,label\na/b.ply,x\na/c.ply,y\n")
    with pytest.raises(
        ValueError, match=r"table\.csv has others, .* rows of .*table\.csv without their file: 2, .*a/b"
    ):
        meshes(root, table=root / "table.csv").shapes("train")
