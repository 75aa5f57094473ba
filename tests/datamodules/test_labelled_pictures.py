import io
import json
import random
import tarfile
import warnings

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from PIL import Image

from datamodules.labelled_pictures import LabelledPictures
from lumina.data import arrays
from lumina.data.batches import take
from lumina.data.sources.table import GROUPS
from lumina.interfaces import Framing
from lumina.pictures.framing import CentreCrop, RandomResizedCrop

SHADES = {"Zebra": 10, "ant": 90, "bee": 170}
CLASSES = tuple(SHADES)  # in sorted order


class Native(Framing):
    """The picture's own size, rounded down to multiples of 4."""

    def size(self, height, width):
        return max(4, height // 4 * 4), max(4, width // 4 * 4)

    def apply(self, image, generator=None):
        height, width = self.size(image.height, image.width)
        return image.resize((width, height))


def picture(shade, width=30, height=20):
    return Image.fromarray(np.full((height, width, 3), shade, np.uint8))


def encoded(shade):
    file = io.BytesIO()
    picture(shade).save(file, "PNG")
    return file.getvalue()


def write(folder, count, shade, width=30, height=20):
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        picture(shade, width, height).save(folder / f"{folder.name}{index:02}.png")


def pictures(root, batch_size=6, **options):
    options = {"train_framing": CentreCrop(8), "eval_framing": CentreCrop(8), "cache": None, **options}
    return LabelledPictures(root if isinstance(root, list) else [root], batch_size=batch_size, **options)


@pytest.fixture
def splits(tmp_path):
    for name, shade in SHADES.items():
        write(tmp_path / "train" / name, 6, shade)
        write(tmp_path / "val" / name, 2, shade)
    write(tmp_path / "train" / "ant" / "deep" / "deeper", 3, SHADES["ant"])
    return tmp_path


RECORDS = [(name, shade) for name, shade in SHADES.items() for _ in range(4)]


def write_folder(root, named):
    for number, (name, shade) in enumerate(RECORDS):
        write(root / name / str(number), 1, shade)
    return root


def write_parquet(root, named):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = {
        "image": [{"bytes": encoded(shade), "path": "x.png"} for _, shade in RECORDS],
        "label": [name if named else CLASSES.index(name) for name, _ in RECORDS],
    }
    parquet.write_table(pa.table(rows), root / "train.parquet", row_group_size=5)
    return root / "train.parquet"


def write_tar(root, named):
    with tarfile.open(root / "a.tar", "w") as tar:
        for number, (name, shade) in enumerate(RECORDS):
            label = ("json", json.dumps({"label": name})) if named else ("cls", str(CLASSES.index(name)))
            for ending, content in (("png", encoded(shade)), (label[0], label[1].encode())):
                member = tarfile.TarInfo(f"{number:03}.{ending}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return root / "a.tar"


def write_jsonl(root, named):
    with (root / "a.jsonl").open("w") as file:
        for number, (name, shade) in enumerate(RECORDS):
            picture(shade).save(root / f"{number}.png")
            label = name if named else CLASSES.index(name)
            file.write(json.dumps({"image": f"{number}.png", "label": label}) + "\n")
    return root / "a.jsonl"


def write_litdata(root, named):
    writer = pytest.importorskip("litdata.streaming.cache").Cache(str(root / "lit"), chunk_bytes="1MB")
    for number, (name, shade) in enumerate(RECORDS):
        writer[number] = {"image": encoded(shade), "label": name if named else CLASSES.index(name)}
    writer.done()
    writer.merge()
    return root / "lit"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("form", [write_folder, write_parquet, write_tar, write_jsonl, write_litdata])
def test_every_form_gives_the_same_pictures_and_labels(tmp_path, form, named):
    data = pictures(form(tmp_path, named), 9, holdout=0.25, cache=tmp_path / "cache")
    data.prepare_data()
    names = CLASSES if named or form is write_folder else ("0", "1", "2")
    assert (data.class_names, data.num_classes) == (names, 3)
    (batch,) = data.train_dataloader()
    (held_out,) = data.val_dataloader()
    assert set(batch) == {*data.batch_keys, "real", "identity"}
    assert batch["image"].shape == (9, 3, 8, 8) and batch["label"].dtype == torch.int64
    assert sorted(batch["label"].tolist()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert held_out["label"].tolist() == [0, 1, 2]
    assert len({*batch["name"], *held_out["name"]}) == 12
    for part in (batch, held_out):
        shades = torch.tensor(list(SHADES.values()))[part["label"]] / 127.5 - 1
        torch.testing.assert_close(part["image"], shades[:, None, None, None].expand(part["image"].shape))


def test_a_folder_with_train_and_val_is_both_and_sub_folders_count(splits):
    data = pictures(splits)
    assert (len(data.dataset("train")), len(data.dataset("validation")), len(data.dataset("test"))) == (21, 6, 6)
    (batch,) = data.val_dataloader()
    assert batch["name"] == [f"{name}/{name}0{i}.png" for name in CLASSES for i in (0, 1)]
    assert "ant/deep/deeper/deeper02.png" in [data.train_source.name(i) for i in range(21)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("pattern", [False, True])
@pytest.mark.parametrize("form", [write_folder, write_parquet, write_tar, write_litdata])
def test_train_and_test_are_told_apart_in_every_form(tmp_path, form, pattern):
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        form(tmp_path / split, True)
    root = tmp_path
    if form in (write_parquet, write_tar):
        (tmp_path / "hub/data").mkdir(parents=True)
        for split in ("train", "test"):
            (file,) = (tmp_path / split).iterdir()
            file.rename(tmp_path / f"hub/data/{split}-00000-of-00001{file.suffix}")
        root = tmp_path / "hub/data/*" if pattern else tmp_path / "hub"
    elif form is write_litdata:
        for split in ("train", "test"):
            (tmp_path / "streams").mkdir(exist_ok=True)
            (tmp_path / split / "lit").rename(tmp_path / "streams" / split)
        root = tmp_path / "streams"
    data = pictures(root, holdout=0.25)
    assert data.class_names == CLASSES
    assert [len(data.dataset(split)) for split in ("train", "validation", "test")] == [9, 3, 12]
    assert data.dataset("train").source is data.dataset("validation").source is not data.dataset("test").source


def test_data_to_evaluate_with_alone_are_not_trained_on(tmp_path):
    write(tmp_path / "test" / "ant", 2, 0)
    with pytest.raises(ValueError, match="has only data for test: set sources to the training data"):
        pictures(tmp_path).dataset("train")


def test_some_of_the_classes(splits):
    data = pictures(splits, classes=["bee", "Zebra"])
    assert data.class_names == ("bee", "Zebra")
    assert len(data.dataset("train")) == 12
    assert next(iter(data.val_dataloader()))["label"].tolist() == [1, 1, 0, 0]
    with pytest.raises(ValueError, match="Got classes wasp, which no training label is: expected some of Zebra, ant"):
        _ = pictures(splits, classes=["wasp"]).num_classes


def test_labels_that_training_does_not_know_are_refused_before_the_start(splits):
    write(splits / "val" / "wasp", 1, 0)
    with pytest.raises(ValueError, match=r"val has labels that the training data has not: wasp"):
        pictures(splits).prepare_data()


def test_a_wrong_field_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"None of the 12 records .* has a label; the first is .*a.jsonl:0: no label"):
        pictures(write_jsonl(tmp_path, True), label_key="kind").prepare_data()
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"Found no data in .*empty: .*in one folder per class"):
        pictures(tmp_path / "empty").prepare_data()


def test_a_record_without_a_label_is_skipped_and_named(tmp_path):
    path = write_jsonl(tmp_path, True)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, json.dumps({"image": "0.png"})]))
    data = pictures(path, eval_sources=[path], eval_batch_size=13)
    with pytest.warns(UserWarning, match=r"a\.jsonl:12: it has no label"):
        (batch,) = data.val_dataloader()
    assert batch["real"].tolist() == [True] * 12 + [False]


def odd_files(folder):
    """Every kind of picture file that there is, and a few that are none."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    colour = Image.fromarray(rng.integers(0, 256, (40, 60, 3), np.uint8))
    colour.convert("L").save(folder / "grey.png")
    colour.convert("P").save(folder / "palette.png")
    colour.convert("CMYK").save(folder / "cmyk.jpg")
    colour.convert("1").save(folder / "bits.png")
    colour.convert("RGBA").save(folder / "clear.webp")
    Image.fromarray(rng.integers(0, 65536, (40, 60), np.uint16)).save(folder / "deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    colour.save(folder / "turned.jpg", exif=exif)
    picture(9, 1, 300).save(folder / "line.png")
    picture(9, 4000, 3000).save(folder / "large.png")
    (folder / "bad_cut.jpg").write_bytes((folder / "turned.jpg").read_bytes()[:900])
    (folder / "bad_empty.png").write_bytes(b"")
    (folder / "bad_text.png").write_text("no picture")


@pytest.mark.parametrize("view", [CentreCrop(16), Native()])
def test_odd_pictures_are_read_and_bad_ones_skipped_and_named(tmp_path, view):
    odd_files(tmp_path / "val" / "odd")
    write(tmp_path / "train" / "odd", 2, 0)
    data = pictures(tmp_path, 2, eval_framing=view, eval_batch_size=12, max_corrupt=0.5)
    with pytest.warns(UserWarning, match=r"bad_(cut.jpg|empty.png|text.png)") as caught:
        (batch,) = data.val_dataloader()
    assert sum("bad_" in str(one.message) for one in caught) == 3 and data.corrupt.seen == 12
    assert [name for name, real in zip(batch["name"], batch["real"].tolist(), strict=True) if real] == [
        f"odd/{name}" for name in sorted(path.name for path in (tmp_path / "val/odd").iterdir()) if "bad" not in name
    ]
    assert all(image.isfinite().all() and image.abs().max() <= 1 for image in batch["image"])


def test_mixed_sizes_are_a_list_and_a_turned_photograph_is_upright(tmp_path):
    odd_files(tmp_path / "val" / "odd")
    write(tmp_path / "train" / "odd", 2, 0)
    data = pictures(tmp_path, 2, eval_framing=Native(), eval_batch_size=12, max_corrupt=0.5)
    with pytest.warns(UserWarning, match="cannot be read"):
        (batch,) = data.val_dataloader()
    assert isinstance(batch["image"], list)
    sizes = {name: tuple(image.shape) for name, image in zip(batch["name"], batch["image"], strict=True)}
    assert sizes["odd/turned.jpg"] == (3, 60, 40) and sizes["odd/grey.png"] == (3, 40, 60)


@pytest.mark.parametrize("cost", ["sum", "padded"])
def test_batches_keep_to_the_budget(tmp_path, cost):
    rng = np.random.default_rng(0)
    for number in range(60):
        width, height = rng.integers(4, 40, 2).tolist()
        write(tmp_path / "train" / "abc"[number % 3] / str(number), 1, number, width, height)
        write(tmp_path / "val" / "abc"[number % 3] / str(number), 1, number, width, height)
    view = Native()
    data = pictures(
        tmp_path, 20, train_framing=view, eval_framing=view, patch_size=4, max_tokens=150, cost=cost, num_workers=2
    )
    for loader in (data.train_dataloader(), data.val_dataloader()):
        batches = list(loader)
        assert len(batches) == len(loader)
        names = [name for batch in batches for name in batch["name"]]
        assert len(names) == len(set(names)) and not data.corrupt.known
        for batch in batches:
            tokens = [image.shape[1] * image.shape[2] // 16 for image in batch["image"]]
            assert (sum(tokens) if cost == "sum" else max(tokens) * len(tokens)) <= 150
            assert batch["real"].shape == batch["label"].shape == (len(tokens),)
    assert len(names) == 60


def test_folder_to_predict_has_names_but_no_labels(splits, tmp_path):
    write(tmp_path / "new" / "deep", 3, 0)
    data = pictures(splits, predict=tmp_path / "new")
    data.setup("predict")
    (batch,) = data.predict_dataloader()
    assert set(batch) == {*data.batch_keys, "real", "identity"} == {"image", "name", "real", "identity"}
    assert batch["name"] == [f"deep/deep0{i}.png" for i in range(3)]
    without = pictures(splits)
    without.setup("predict")
    assert set(next(iter(without.predict_dataloader()))) == {*without.batch_keys, "real", "identity"}


def test_training_sees_pictures_by_its_own_view_and_taken_ones_by_that_of_evaluation(splits):
    data = pictures(splits, train_framing=RandomResizedCrop(12))
    assert next(iter(data.train_dataloader()))["image"].shape[-2:] == (12, 12)
    assert take(data, "train", range(3))["image"].shape == take(data, "test", range(3))["image"].shape == (3, 3, 8, 8)


def test_holdout_is_a_fixed_share_of_each_class(tmp_path):
    for name, count in {"a": 40, "b": 10, "c": 1}.items():
        write(tmp_path / name, count, 0)
    data, other = (pictures(tmp_path, holdout=0.1, seed=seed) for seed in (0, 1))
    batches = [next(iter(one.val_dataloader())) for one in (data, other)]
    assert batches[0]["label"].tolist() == [0] * 4 + [1]
    assert batches[0]["name"] == batches[1]["name"]
    assert len(data.dataset("train")) == 46


def deit(root, **options):
    """DeiT's whole recipe."""
    augmentation = pytest.importorskip("lumina.pictures.augmentation")
    options = {"train_framing": RandomResizedCrop(16), "eval_framing": CentreCrop(16), "repeats": 3, **options}
    return pictures(root, augmentation=augmentation.DeiTAugmentation(), mixing=augmentation.Mixing(), **options)


def test_augmented_pictures_depend_on_seed_epoch_copy_and_sample_alone(splits):
    def draws(**options):
        found = {}
        for epoch in range(2):
            loader = deit(splits, **options).train_dataloader()
            loader.sampler.set_epoch(epoch)
            keys = iter([key for key in loader.sampler])
            for image in (image for batch in loader for image in batch["image"]):
                key = next(keys)
                found[key.epoch, key.sample, key.copy] = image.numpy().tobytes()
        return found

    random.seed(1)
    one = draws(num_workers=0)
    random.seed(2)
    assert one.items() <= draws(num_workers=2, batch_size=2).items()
    assert len(one) == 36 and len(set(one.values())) > 18
    assert draws(seed=1) != one


class Recorder(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 3)
        self.trained, self.evaluated = [], []

    def training_step(self, batch, _):
        self.trained.append((batch["name"], batch["image"].clone(), batch["target"].clone()))
        return torch.nn.functional.cross_entropy(self.layer(batch["image"].mean((2, 3))), batch["target"])

    def validation_step(self, batch, _):
        self.evaluated.append((set(batch), batch["label"].tolist()))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def fit(data, epochs, save=None, **options):
    model = Recorder()
    Trainer(
        accelerator="cpu",
        logger=False,
        callbacks=[save] if save else [],
        enable_checkpointing=save is not None,
        enable_progress_bar=False,
        enable_model_summary=False,
        max_epochs=epochs,
    ).fit(model, datamodule=data, **options)
    return model


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("stop", [2, 3, 4])
def test_mixed_batches_resume_exactly_and_evaluation_is_not_mixed(splits, tmp_path, stop):
    whole = fit(deit(splits), 3)
    assert len(whole.trained) == 9
    for _, image, target in whole.trained:
        assert image.shape == (6, 3, 16, 16) and target.shape == (6, 3)
        torch.testing.assert_close(target.sum(1), torch.ones(6))
    assert not all(bool((target.amax(1) == 1).all()) for _, _, target in whole.trained)
    assert whole.evaluated[0] == ({"image", "label", "name", "real", "identity"}, [0, 0, 1, 1, 2, 2])

    save = ModelCheckpoint(tmp_path / "saved", every_n_train_steps=1, save_top_k=-1, filename="{step}")
    fit(deit(splits, num_workers=2), 2, save)
    rest = fit(deit(splits), 3, ckpt_path=tmp_path / f"saved/step={stop}.ckpt")
    for one, other in zip(rest.trained, whole.trained[stop:], strict=True):
        assert one[0] == other[0] and torch.equal(one[1], other[1]) and torch.equal(one[2], other[2])


@pytest.mark.parametrize(
    "options",
    [{"batch_size": 5}, {"train_framing": Native()}, {"max_tokens": 100}],
    ids=lambda options: next(iter(options)),
)
def test_what_cannot_be_mixed_is_refused(splits, options):
    with pytest.raises(ValueError, match=r"Got mixing with .*an even number of pictures of one size"):
        deit(splits, **options)


def test_impossible_arguments_are_refused(splits):
    with pytest.raises(ValueError, match="holdout 1"):
        pictures(splits, holdout=1)
    with pytest.raises(ValueError, match="patch_size 0"):
        pictures(splits, patch_size=0)
    with pytest.raises(ValueError, match="Got repeats 0"):
        pictures(splits, repeats=0).train_dataloader()
    with pytest.raises(ValueError, match=r"A sample has 35 tokens, more than data.max_tokens=30"):
        pictures(splits, train_framing=Native(), patch_size=4, max_tokens=30).train_dataloader()


def test_labels_of_a_table_are_read_without_its_pictures(tmp_path):
    path = write_parquet(tmp_path, True)
    assert pictures(path).num_classes == 3
    assert {columns for file, _, columns in GROUPS.held if file == path} == {("label",)}


def test_classes_of_a_hub_table_go_by_their_names(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    features = {"image": {"_type": "Image"}, "label": {"names": ["zebra", "ant"], "_type": "ClassLabel"}}
    table = pa.table({"image": [encoded(10)] * 5, "label": [0, 1, 0, 1, -1]})
    told = {"huggingface": json.dumps({"info": {"features": features}})}
    parquet.write_table(table.replace_schema_metadata(told), tmp_path / "a.parquet")
    data = pictures(tmp_path / "a.parquet", holdout=0.3)
    labels = [data.train_source.fields(index)["label"] for index in range(5)]
    assert labels == ["zebra", "ant", "zebra", "ant", -1] and data.class_names == ("ant", "zebra")
    parquet.write_table(table, tmp_path / "b.parquet")
    assert pictures(tmp_path / "b.parquet", holdout=0.3).class_names == ("0", "1")


def test_sizes_and_labels_are_gathered_once(splits, monkeypatch):
    options = {"train_framing": Native(), "patch_size": 4, "max_tokens": 100, "cache": splits / "cache"}
    pictures(splits, **options).prepare_data()
    monkeypatch.setattr("lumina.pictures.crops.picture_size", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(pictures(splits, **options).train_dataloader()) == 21 // 2


def test_the_disk_is_asked_once_for_each_file_at_the_start_of_a_run(tmp_path, monkeypatch):
    asked = []
    facts = arrays._facts
    monkeypatch.setattr(arrays, "_facts", lambda path: asked.append(path) or facts(path))
    records = write_jsonl(tmp_path, True)
    data = pictures(
        records, batch_size=2, train_framing=Native(), patch_size=4, max_tokens=100, cache=tmp_path / "cache"
    )
    data.prepare_data()
    data.train_dataloader()
    data.val_dataloader()
    assert len(asked) == len(set(asked)) > 3
