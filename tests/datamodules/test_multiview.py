import json
from unicodedata import normalize

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_views import FIELD_OF_VIEW, write_object, write_objects

from datamodules.multiview import MultiViewFolder

TWO_GROUPS = ((10, 130, 250, 300), (40, 90, 200, 320))


@pytest.fixture
def root(tmp_path):
    return write_objects(tmp_path / "views", 12, azimuths=TWO_GROUPS, caption="a ball")


def folder(root, **options):
    return MultiViewFolder(root, **{"size": 8, "batch_size": 3, "holdout": 0.25, **options})


def test_fields(root):
    data = folder(root)
    batch = next(iter(data.train_dataloader()))
    assert set(batch) == {*data.batch_keys, "real", "identity"}
    assert batch["views"].shape == (3, 4, 3, 8, 8) and batch["reference"].shape == (3, 3, 8, 8)
    assert batch["alpha"].shape == (3, 4, 8, 8) and batch["camera_to_world"].shape == (3, 4, 4, 4)
    assert batch["azimuths"].shape == (3, 4) and (batch["azimuths"][:, 0] == 0).all()
    assert batch["field_of_view"].tolist() == pytest.approx([FIELD_OF_VIEW] * 3)
    assert batch["caption"] == ["a ball"] * 3 and all(name.startswith("object") for name in batch["name"])
    assert all(batch[name].dtype == torch.float32 for name in ("views", "azimuths", "alpha", "camera_to_world"))


def test_transparent_is_white(root):
    batch = next(iter(folder(root).val_dataloader()))
    assert (batch["views"][..., 0, 0] == 1).all() and (batch["reference"][..., 0, 0] == 1).all()
    assert (batch["alpha"][..., 0, 0] == 0).all() and (batch["alpha"][..., 4, 4] == 1).all()


def test_objects_are_held_out_with_all_their_views(root):
    write_objects(root / "again", 12)  # the same objects once more
    data = folder(root)
    parts = [{item["name"].rpartition("/")[2] for item in data.dataset(split)} for split in ("train", "validation")]
    assert not parts[0] & parts[1] and len(parts[0] | parts[1]) == 12 and len(parts[1]) == 3
    assert {item["name"] for item in data.dataset("test")} == {item["name"] for item in data.dataset("validation")}


def test_a_test_serves_each_object_as_often_as_wanted(root):
    once, thrice = (MultiViewFolder(root, size=8, holdout=0.5, draws=draws, batch_size=2) for draws in (1, 3))
    assert thrice.dataset("test").indices == once.dataset("test").indices * 3
    assert thrice.dataset("train").indices == once.dataset("train").indices
    assert thrice.dataset("validation").indices == once.dataset("validation").indices
    with pytest.raises(ValueError, match="Got draws 0: set 1"):
        MultiViewFolder(root, size=8, draws=0, batch_size=2)


def test_evaluation_is_the_same_each_time_and_training_is_not(root):
    data = folder(root)
    one, two = (next(iter(data.val_dataloader())) for _ in range(2))
    torch.testing.assert_close(one["views"], two["views"])
    train = [data.transform(data.dataset("train")[0], torch.Generator().manual_seed(seed)) for seed in range(8)]
    assert len({tuple(item["azimuths"].tolist()) for item in train}) > 4


def test_numbers_of_views_differ_within_a_batch(root):
    data = folder(root, views=(2, 4), batch_size=9)
    batch = next(iter(data.train_dataloader()))
    counts = [len(views) for views in batch["views"]]
    assert len(set(counts)) > 1 and set(counts) <= {2, 3, 4}
    for name in ("azimuths", "alpha", "camera_to_world"):
        assert [len(values) for values in batch[name]] == counts
    assert batch["reference"].shape == (9, 3, 8, 8)
    assert next(iter(data.val_dataloader()))["views"].shape[1] == 4


def test_backgrounds(root):
    data = folder(root, background="#ff0000", reference_background="random")
    item = data.dataset("train")[0]
    corner = torch.tensor([1.0, -1, -1])
    train = [data.transform(item, torch.Generator().manual_seed(seed)) for seed in range(3)]
    assert all((one["views"][..., 0, 0] == corner).all() for one in train)
    assert len({tuple(one["reference"][:, 0, 0].tolist()) for one in train}) == 3
    assert (data.transform(item)["reference"][:, 0, 0] == corner).all()
    assert (folder(root, reference_background="black").transform(item)["reference"][:, 0, 0] == -1).all()


def test_every_second_training_sample_is_mirrored(root):
    def runs_backwards(one):  # green tells the true azimuth of a picture
        true = (one["views"][:, 1, 4, 4] + 1) * 180
        return ((true - true[0] - one["azimuths"] + 180).remainder(360) - 180).abs().max() > 5

    data, plain = folder(root, mirror=True), folder(root)
    item = data.dataset("train")[0]
    generators = [torch.Generator().manual_seed(seed) for seed in range(40)]
    assert 10 < sum(runs_backwards(data.transform(item, generator)) for generator in generators) < 30
    assert not any(runs_backwards(plain.transform(item, generator)) for generator in generators)
    assert not runs_backwards(data.transform(item))  # nor does evaluation


def test_every_second_training_sample_is_recoloured(root):
    data, plain = folder(root, recolour=True), folder(root)
    item = data.dataset("train")[0]
    changed = []
    for seed in range(40):
        one, same = (part.transform(item, torch.Generator().manual_seed(seed)) for part in (data, plain))
        torch.testing.assert_close(one["alpha"], same["alpha"])
        changed.append(bool((one["views"] - same["views"]).abs().max() > 0.02))
        assert changed[-1] == bool((one["reference"] - same["reference"]).abs().max() > 0.02)
        assert one["caption"] == ("" if changed[-1] else "a ball")  # which may name a colour
    assert 10 < sum(changed) < 30
    torch.testing.assert_close(data.transform(item)["views"], plain.transform(item)["views"])
    assert data.transform(item)["caption"] == "a ball"


def test_no_reference(root):
    data = folder(root, reference="none")
    assert "reference" not in data.batch_keys and "reference" not in next(iter(data.train_dataloader()))


def spoil(folder, fault):
    """Makes an object unreadable."""
    pictures, cameras = sorted(folder.glob("*.png")), folder / "transforms.json"
    if fault == "no picture":
        pictures[0].unlink()
    elif fault == "half a picture":
        for file in pictures:
            file.write_bytes(file.read_bytes()[:70])
    elif fault == "another shape":
        for file in pictures:
            Image.new("RGBA", (16, 8)).save(file)
    elif fault == "half a file":
        cameras.write_text(cameras.read_text()[:-9])
    elif fault == "no views":
        cameras.write_text('{"frames": []}')
    elif fault == "a matrix that scales":
        content = json.loads(cameras.read_text())
        content["frames"][0]["transform_matrix"][0] = [9, 9, 9, 9]
        cameras.write_text(json.dumps(content))


FAULTS = ("no picture", "half a picture", "another shape", "half a file", "no views", "a matrix that scales")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_object_is_skipped_named_and_counted(root, fault):
    spoil(root / "object05", fault)
    data = folder(root, holdout=0.0, max_corrupt=0.5, batch_size=12)
    with pytest.warns(UserWarning, match="object05"):
        batch = next(iter(data.train_dataloader()))
    assert len(batch["name"]) == 12 and "object05" not in batch["name"]
    assert len(data.corrupt.known) == 1


def test_pictures_of_one_pixel_and_without_alpha(root):
    for file in (root / "object05").glob("*.png"):
        Image.new("RGB", (1, 1), "blue").save(file)
    data = folder(root, holdout=0.0)
    item = data.transform(data.dataset("train")[5])
    assert (item["views"] == torch.tensor([-1.0, -1, 1]).view(3, 1, 1)).all() and (item["alpha"] == 1).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size 0"),
        ({"views": 0}, "views 0"),
        ({"views": (5, 4)}, "the least and the most"),
        ({"background": "whitish"}, "not a colour"),
        ({"reference_background": "whitish"}, "not a colour"),
        ({"holdout": 1.0}, "holdout"),
    ],
)
def test_arguments_out_of_range(root, options, message):
    with pytest.raises(ValueError, match=message):
        folder(root, **options)


def test_nothing_there(tmp_path):
    with pytest.raises(ValueError, match="Found no views of objects"):
        folder(tmp_path).dataset("train")


def test_captions_of_a_list_go_before_those_of_the_files(root, tmp_path):
    (tmp_path / "captions.csv").write_text('object03,"a chair, red"\nother,a table\n')
    data = folder(root, captions=tmp_path / "captions.csv")
    captions = {item["name"]: item["caption"] for split in ("train", "validation") for item in data.dataset(split)}
    assert captions["object03"] == "a chair, red" and captions["object04"] == "a ball"
    assert data.census().left_out["lines of captions.csv without an object of that UID"].count == 1


def test_only_listed_objects(root, tmp_path):
    (tmp_path / "uids.txt").write_text("object01\nobject02\nobject99\n")
    data = folder(root, only=tmp_path / "uids.txt", holdout=0.5)
    assert {item["name"] for split in ("train", "validation") for item in data.dataset(split)} == {
        "object01",
        "object02",
    }
    assert data.census().left_out["objects of uids.txt that are not there"].example == "object99"


def test_classes_of_folders(tmp_path):
    for name in ("table", "chair"):
        write_objects(tmp_path / "views" / name, 4)
    write_object(tmp_path / "views" / "alone")
    data = folder(tmp_path / "views", labels="folders", holdout=0.0)
    assert data.class_names == ("chair", "table")
    assert {(item["name"], int(item["label"])) for item in data.dataset("train")} == {
        (f"{name}/object0{number}", label) for label, name in enumerate(("chair", "table")) for number in range(4)
    }
    assert next(iter(data.train_dataloader()))["label"].dtype == torch.int64
    assert data.census().left_out["objects without a class"].example == "alone"


def test_classes_that_the_files_name(tmp_path):
    for number, category in enumerate(("Kitchen", "Office", "Kitchen")):
        write_object(tmp_path / "views" / f"object{number}", category=category)
    write_object(tmp_path / "views" / "alone")
    data = folder(tmp_path / "views", labels="category", holdout=0.0)
    assert data.class_names == ("Kitchen", "Office")
    assert [int(item["label"]) for item in data.dataset("train")] == [0, 1, 0]
    assert data.census().left_out["objects without a class"].example == "alone"


def test_the_class_of_an_object_that_cannot_be_read(tmp_path):
    for number in range(4):
        write_object(tmp_path / "views" / f"object{number}", category="Kitchen")
    spoil(tmp_path / "views" / "object2", "half a file")
    data = folder(tmp_path / "views", labels="category", holdout=0.0)
    with pytest.warns(UserWarning, match=r"category can be read of 1 of the objects: .*object2: transforms\.json"):
        assert [item["name"] for item in data.dataset("train")] == ["object0", "object1", "object3"]
    assert data.census().left_out["objects without a class"].example == "object2"


def test_a_folder_around_all_classes_is_none(tmp_path):
    for name in ("table", "chair"):
        write_objects(tmp_path / "all" / "views" / name, 2)
    assert folder(tmp_path / "all", labels="folders").class_names == ("chair", "table")
    data = folder(tmp_path / "all" / "views" / "chair", labels="folders", holdout=0.0)
    with pytest.raises(ValueError, match=r"None of the 2 objects of .* has a class"):
        data.train_dataloader()
    data = folder(tmp_path / "all", labels="folders", only=_list(tmp_path, "chair"), holdout=0.0)
    assert list(data.about(data.dataset("train")))[-1] == "all objects are of one class, chair"


def test_objects_of_one_class_in_folders_of_their_own(tmp_path):
    for name in ("u1", "u2"):
        write_object(tmp_path / "chair" / name / "views")
    assert folder(tmp_path, labels="folders").class_names == ("chair",)


def _list(tmp_path, *names):
    (tmp_path / "uids.txt").write_text("\n".join(names))
    return tmp_path / "uids.txt"


def test_objects_named_by_numbers_are_held_out_and_not_classes(tmp_path):
    for kind in "abcde":
        for number in range(3):
            write_object(tmp_path / kind / f"{number:03}", azimuths=((0,),), references=False)
    data = folder(tmp_path, labels="folders", holdout=0.2)
    parts = {split: {item["name"] for item in data.dataset(split)} for split in ("train", "validation")}
    assert len(parts["validation"]) == 3 and {name[0] for name in parts["train"]} == {*"abcde"}
    assert "folders with the same number count as different objects" in " ".join(data.about(data.dataset("train")))


def test_objects_that_share_a_name_are_told_where_names_hold_out(tmp_path):
    for light in ("day", "dusk", "night"):
        write_objects(tmp_path / light, 2)
    data = folder(tmp_path, holdout=0.4)
    (told,) = list(data.about(data.dataset("train")))[1:]
    assert told.startswith("6 folders are held out by 3 names, for example day/object00 as day; if that is not the obj")
    data = folder(tmp_path, holdout=0.0)
    assert len(list(data.about(data.dataset("train")))) == 1


def test_classes_without_training_objects_are_told(tmp_path):
    for kind, split in (("a", "train"), ("a", "test"), ("b", "test")):
        write_object(tmp_path / split / kind / f"{kind}{split}")
    data = folder(tmp_path, labels="folders", holdout=0.0)
    told = list(data.about(data.dataset("train")))
    assert told[1:] == ["1 of 2 classes have no object to train on, for example b"]


def test_classes_of_a_list(root, tmp_path):
    (tmp_path / "classes.csv").write_text("".join(f"object{n:02},{'ball' if n % 2 else 'bowl'}\n" for n in range(12)))
    data = folder(root, labels=tmp_path / "classes.csv")
    assert data.class_names == ("ball", "bowl")
    assert all(int(item["label"]) == 1 - int(item["name"][-1]) % 2 for item in data.dataset("train"))


def test_lists_that_name_nothing(root, tmp_path):
    (tmp_path / "captions.csv").write_text("other,a table\n")
    with pytest.raises(ValueError, match=r"No line of .*captions\.csv names an object"):
        folder(root, captions=tmp_path / "captions.csv").dataset("train")


def test_splits_of_folders(tmp_path):
    write_objects(tmp_path / "views" / "train", 5)
    write_objects(tmp_path / "views" / "test", 2)
    data = folder(tmp_path / "views", holdout=0.2)
    assert [len(data.dataset(split)) for split in ("train", "validation", "test")] == [4, 1, 2]


def test_names_that_are_trained_on_and_tested_are_told(tmp_path):
    write_objects(tmp_path / "train", 3)
    write_objects(tmp_path / "test", 4)
    data = folder(tmp_path, holdout=0.0)
    assert list(data.about(data.dataset("train")))[1:] == [
        "3 of 4 names in the folders of validation and test are those of objects that are trained on, "
        "for example object00"
    ]


def test_split_folders_that_are_objects_have_no_name(tmp_path):
    for split in ("train", "val"):
        write_object(tmp_path / split)
    data = folder(tmp_path)
    (told,) = list(data.about(data.dataset("train")))[1:]
    assert told.startswith("the folders of the splits are objects without a name, perhaps one and the same: put each")


def test_names_in_another_normal_form_are_the_same(tmp_path):
    for split, form in (("train", "NFC"), ("test", "NFD")):
        write_object(tmp_path / split / normalize(form, "été"))
    data = folder(tmp_path, holdout=0.0)
    assert "1 of 1 names in the folders of validation and test are those" in " ".join(data.about(data.dataset("train")))


def test_the_summary_tells_views_captions_and_references(root):
    data = folder(root)
    (line,) = data.about(data.dataset("train"))
    assert line.startswith("8 views of an object in 2 groups, 100% with a caption, 100% with a reference of their own")


def test_views_of_unequal_light_are_told(tmp_path):
    around = [range(0, 360, 45)]
    root = write_objects(tmp_path / "views", 4, azimuths=around, size=64)
    data = folder(root, size=64, views=8)
    assert not any("brighter" in line for line in data.about(data.dataset("train")))
    for file in root.glob("*/0_2.png"):
        pixels = np.asarray(Image.open(file)).copy()
        pixels[..., :3] //= 2
        Image.fromarray(pixels).save(file)
    data = folder(root, size=64, views=8)
    (line,) = (line for line in data.about(data.dataset("train")) if "brighter" in line)
    assert line.startswith("unequal light: of 3 of 3 objects looked at a view is brighter or darker")


def test_labels_that_no_object_has_are_refused(root):
    with pytest.raises(ValueError, match=r"None of the 12 objects of .* has a class by labels 'category': set labels"):
        folder(root, labels="category").dataset("test")
