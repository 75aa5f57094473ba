import io
import json
import os
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules.image_text import ImageText
from lumina.data.batches import take
from lumina.data.census import LeftOut
from lumina.errors import CorruptSample
from lumina.pictures.crops import crop_sizes

pyarrow = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

EMOJI = Path(__file__).parents[2] / "datamodules/data/fluent_emoji/train.parquet"
SHAPES = [(96, 96), (96, 64), (50, 120), (33, 128), (200, 60), (64, 65), (77, 150), (31, 40)]  # width, height
COUNT = 40


@pytest.fixture(scope="session")
def emoji():
    """Emoji at odd sizes and shapes: file name, encoded picture, caption."""
    rows = parquet.read_table(EMOJI).slice(0, COUNT).to_pylist()
    made = []
    for number, row in enumerate(rows):
        picture = Image.open(io.BytesIO(row["image"])).convert("RGB").resize(SHAPES[number % len(SHAPES)])
        file = io.BytesIO()
        picture.save(file, "PNG")
        made.append((f"{number:03}.png", file.getvalue(), row["caption"]))
    return made


def write_folder(root, emoji):
    for number, (name, data, caption) in enumerate(emoji):
        place = root / ("even" if number % 2 == 0 else "odd")
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
        (place / name).with_suffix(".txt").write_text(f"{caption}\n", "utf-8")
    return root


def write_pictures(root, emoji):
    root.mkdir()
    for name, data, _ in emoji:
        (root / name).write_bytes(data)


def write_jsonl(root, emoji):
    write_pictures(root, emoji)
    lines = [json.dumps({"path": name, "prompt": caption}) for name, _, caption in emoji]
    (root / "records.jsonl").write_text("\n".join(lines) + "\n\n")
    return root / "records.jsonl"


def write_json(root, emoji):
    write_pictures(root, emoji)
    turns = [{"from": "human", "value": "Describe it."}]
    records = [
        {"image": name, "conversations": [*turns, {"from": "gpt", "value": caption}]} for name, _, caption in emoji
    ]
    (root / "records.json").write_text(json.dumps(records))
    return root / "records.json"


def add(tar, name, data):
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def write_tars(root, emoji):
    root.mkdir()
    for shard in range(2):
        with tarfile.open(root / f"{shard:03}.tar", "w") as tar:
            for name, data, caption in emoji[shard::2]:
                add(tar, name, data)
                add(
                    tar,
                    name.replace("png", "txt" if shard else "json"),
                    (caption if shard else json.dumps({"caption": caption})).encode(),
                )
    return root / "{000..001}.tar"


def write_parquet(root, emoji):
    root.mkdir()
    rows = [{"image": {"bytes": data, "path": name}, "text": caption} for name, data, caption in emoji]
    parquet.write_table(pyarrow.Table.from_pylist(rows), root / "train.parquet", row_group_size=7)
    return root


def write_litdata(root, emoji):
    writer = pytest.importorskip("litdata.streaming.cache").Cache(str(root), chunk_bytes="16KB")
    for number, (_, data, caption) in enumerate(emoji):
        writer[number] = {"image": data, "caption": caption}
    writer.done()
    writer.merge()
    return root


FORMS = [write_folder, write_jsonl, write_json, write_tars, write_parquet, write_litdata]


def module(source, tmp_path, batch_size=4, **options):
    options = {"size": 64, "cell": 8, "cache": tmp_path / "cache", **options}
    return ImageText([source], batch_size=batch_size, **options)


def captions(batches):
    return [caption for batch in batches for caption in batch["caption"]]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("batching", ["mixed", "buckets"])
def test_every_form_gives_the_same_pictures_and_captions(tmp_path, emoji, form, batching):
    data = module(form(tmp_path / "data", emoji), tmp_path, max_aspect=4, batching=batching, holdout=0.5)
    table, by_caption = crop_sizes(64, 4, 8), {caption: (name, file) for name, file, caption in emoji}
    batches = [*data.val_dataloader(), *evaluated(data, "train")]
    assert sorted(captions(batches)) == sorted(caption for _, _, caption in emoji)
    for batch in batches:
        assert set(batch) - {"identity"} == {*data.batch_keys, "real"} and len(set(batch["name"])) == len(batch["name"])
        assert isinstance(batch["image"], torch.Tensor) or batching == "mixed"
        for image, caption, size in zip(batch["image"], batch["caption"], batch["size"].tolist(), strict=True):
            assert image.shape == (3, *size) and tuple(size) in table
            assert image.dtype == torch.float32 and image.abs().max() <= 1
            original = Image.open(io.BytesIO(by_caption[caption][1]))
            small = original.resize((8, 8), Image.Resampling.BOX)
            shrunk = torch.nn.functional.interpolate(image[None], (8, 8), mode="area")[0]
            assert np.abs(np.asarray(small).transpose(2, 0, 1) / 127.5 - 1 - shrunk.numpy()).mean() < 0.12


def evaluated(data, split):
    """Batches of a split without augmentation."""
    return [take(data, split, [index]) | {"real": torch.tensor([True])} for index in range(len(data.dataset(split)))]


@pytest.mark.parametrize("form", [write_folder, write_tars, write_parquet, write_litdata])
@pytest.mark.parametrize("batching", ["mixed", "buckets"])
def test_workers_read_what_the_process_itself_reads(tmp_path, emoji, form, batching):
    source = form(tmp_path / "data", emoji)
    options = {"max_aspect": 4, "batching": batching, "batch_size": 2}
    loaders = [module(source, tmp_path, num_workers=workers, **options).train_dataloader() for workers in (0, 2)]
    for one, other in zip(*loaders, strict=True):
        assert one["name"] == other["name"] and one["caption"] == other["caption"]
        assert all(torch.equal(a, b) for a, b in zip(one["image"], other["image"], strict=True))


def test_the_real_emoji_at_one_size():
    data = ImageText([EMOJI], batch_size=64, size=64, cell=8, cache=None)
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (64, 3, 64, 64)
    assert batch["size"].tolist() == [[64, 64]] * 64
    assert len(set(batch["caption"])) == len(set(batch["name"])) == 64
    sizes = [len(data.dataset(split)) for split in ("train", "validation", "test")]
    assert sizes == [1673, 88, 88]


def one_picture(folder, size=(64, 64), captions='"a cat"'):
    Image.new("RGB", size, "red").save(folder / "a.png")
    (folder / "records.jsonl").write_text(
        "\n".join(f'{{"image": "a.png", "caption": {captions}, "id": {number}}}' for number in range(20))
    )
    return folder / "records.jsonl"


def test_one_of_the_captions_is_drawn_each_epoch(tmp_path):
    data = module(one_picture(tmp_path, captions='["one", "two", "three"]'), tmp_path, holdout=0.5)
    loader = data.train_dataloader()
    drawn = []
    for epoch in range(6):
        loader.sampler.set_epoch(epoch)
        drawn.append(captions(loader))
    assert {caption for epoch in drawn for caption in epoch} == {"one", "two", "three"}
    assert len({tuple(epoch) for epoch in drawn}) > 1
    assert set(captions(data.val_dataloader())) == {"one"}
    again = module(tmp_path / "records.jsonl", tmp_path, holdout=0.5).train_dataloader()
    again.sampler.set_epoch(3)
    assert captions(again) == drawn[3]


def test_training_crops_anywhere_and_evaluation_in_the_middle(tmp_path):
    ramp = np.broadcast_to(np.arange(128, dtype=np.uint8) * 2, (64, 128))
    source = one_picture(tmp_path)
    Image.fromarray(ramp.copy()).convert("RGB").save(tmp_path / "a.png")
    data = module(source, tmp_path, holdout=0.5)
    (middle,) = {image[0, 0, 0].item() for batch in data.val_dataloader() for image in batch["image"]}
    assert middle == pytest.approx(32 * 2 / 127.5 - 1)
    places = {round(image[0, 0, 0].item(), 4) for batch in data.train_dataloader() for image in batch["image"]}
    assert len(places) > 4 and min(places) < middle < max(places)


def test_several_sources_and_a_separate_evaluation(tmp_path, emoji):
    sources = [write_folder(tmp_path / "a", emoji[:10]), write_parquet(tmp_path / "b", emoji[10:30])]
    evaluation = write_jsonl(tmp_path / "c", emoji[30:])
    data = ImageText(sources, batch_size=5, size=64, cell=8, eval_sources=[evaluation], cache=None)
    assert len(set(captions(data.train_dataloader()))) == 30
    assert captions(data.val_dataloader()) == [caption for _, _, caption in emoji[30:]]


def test_the_held_out_samples_do_not_depend_on_the_place_or_the_seed(tmp_path, emoji):
    first = module(write_folder(tmp_path / "a", emoji), tmp_path, holdout=0.2)
    second = module(write_folder(tmp_path / "b", emoji[:-1]), tmp_path, holdout=0.2, seed=5)
    held = [{name for batch in data.val_dataloader() for name in batch["name"]} for data in (first, second)]
    trained = {name for batch in evaluated(first, "train") for name in batch["name"]}
    assert len(held[0]) == 8 and not held[0] & trained and len(held[0] - held[1]) <= 1


def test_root_is_where_relative_paths_begin(tmp_path, emoji):
    source = write_jsonl(tmp_path / "data", emoji)
    moved = source.rename(tmp_path / "moved.jsonl")
    data = module(moved, tmp_path, root=tmp_path / "data")
    assert len(captions(data.val_dataloader())) == 2


def test_a_folder_prefers_tar_over_the_parquet_beside_it(tmp_path, emoji):
    write_tars(tmp_path / "data", emoji)
    parquet.write_table(pyarrow.table({"url": ["x"]}), tmp_path / "data" / "000.parquet")
    assert len(module(tmp_path / "data", tmp_path).dataset("train")) == 38


def test_caption_columns_together_are_a_pool(tmp_path, emoji):
    rows = [{"image": emoji[0][1], "short": f"s{i}", "long": None if i % 2 else f"l{i}"} for i in range(20)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    data = module(tmp_path / "a.parquet", tmp_path, caption_keys=["long", "short"])
    names = [item["caption"] for item in map(data.dataset("train").__getitem__, range(19))]
    assert {len(pool) for pool in names} == {1, 2}
    assert all(pool[-1].startswith("s") for pool in names)


def test_an_empty_caption_is_kept_and_one_that_cannot_be_read_is_corrupt(tmp_path, emoji):
    root = write_folder(tmp_path / "data", emoji)
    (root / "even" / "002.txt").write_text("  \n")
    (root / "odd" / "005.txt").write_bytes(b"caf\xe9")
    (root / "odd" / "007.png").write_bytes(emoji[7][1][:200])
    data = module(root, tmp_path, holdout=0.01, max_corrupt=0.5, batch_size=39)
    with pytest.warns(UserWarning, match="cannot be read"):
        (batch,) = data.train_dataloader()
    assert "" in batch["caption"]
    skipped = sorted(data.corrupt.known.values())
    assert all(name in message for name, message in zip(("005", "007"), skipped, strict=True))
    assert "utf-8" in skipped[0]


def test_broken_pictures_do_not_unsettle_buckets(tmp_path, emoji):
    root = write_folder(tmp_path / "data", emoji)
    (root / "odd" / "007.png").write_bytes(emoji[7][1][:20])  # no header
    (root / "even" / "010.png").write_bytes(emoji[10][1][:300])  # no pixels
    data = module(root, tmp_path, max_aspect=4, batching="buckets", eval_sources=[root], max_corrupt=0.5)
    with pytest.warns(UserWarning, match="cannot be read"):
        batches = list(data.val_dataloader())
    names = [
        name for batch in batches for name, real in zip(batch["name"], batch["real"].tolist(), strict=True) if real
    ]
    assert len(names) == len(set(names)) == COUNT - 2
    assert all(isinstance(batch["image"], torch.Tensor) for batch in batches)


def test_sizes_are_gathered_once(tmp_path, emoji):
    root = write_folder(tmp_path / "data", emoji)
    options = {"max_aspect": 4, "batching": "buckets"}
    data = module(root, tmp_path, **options)
    data.prepare_data()
    (file,) = (tmp_path / "cache").glob("sizes-*.npz")
    written = file.stat().st_mtime_ns
    sizes = data.dataset("train").sizes
    again = module(root, tmp_path, **options)
    assert (again.dataset("train").sizes == sizes).all() and file.stat().st_mtime_ns == written
    Image.new("RGB", (300, 90)).save(root / "odd" / "001.png")
    module(root, tmp_path, **options).prepare_data()
    assert len(list((tmp_path / "cache").glob("sizes-*.npz"))) == 2


def test_a_resumed_epoch_is_the_same(tmp_path, emoji):
    options = {"max_aspect": 4, "batching": "buckets", "batch_size": 2}
    source = write_parquet(tmp_path / "data", emoji)
    whole = [(batch["name"], batch["image"]) for batch in module(source, tmp_path, **options).train_dataloader()]
    loader = module(source, tmp_path, **options).train_dataloader()
    iterator = iter(loader)
    for _ in range(5):
        next(iterator)
    rest = module(source, tmp_path, **options).train_dataloader()
    rest.load_state_dict(loader.state_dict())
    resumed = [(batch["name"], batch["image"]) for batch in rest]
    assert [name for name, _ in resumed] == [name for name, _ in whole[5:]]
    assert all(torch.equal(one[1], other[1]) for one, other in zip(resumed, whole[5:], strict=True))


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


BAD = {
    "nothing": (lambda root: root / "none.parquet", "Nothing exists at .*none.parquet"),
    "no shard": (lambda root: root / "{00..01}.tar", "Nothing exists at .*00.tar"),
    "empty tar": (lambda root: write(root / "a.tar", b""), "a.tar is not a complete uncompressed tar .*empty file"),
    "text as tar": (lambda root: write(root / "a.tar", b"<html>" * 200), "a.tar is not a complete uncompressed tar"),
    "empty folder": (lambda root: write(root / "d" / "notes.md", b"x").parent, "Found no data in .*d: expected files"),
    "not json": (
        lambda root: write(root / "a.json", b'{"a": 1}\n{"a": 2}'),
        "a.json is not JSON .*must end in .jsonl",
    ),
    "one object": (lambda root: write(root / "a.json", b'{"a": 1}'), "a.json holds dict, expected a list"),
    "no lines": (lambda root: write(root / "a.jsonl", b"\n\n"), "a.jsonl has no records"),
    "no parquet": (lambda root: write(root / "a.parquet", b"PAR1"), "a.parquet is not a complete Parquet file"),
    "only a header": (lambda root: write(root / "a.csv", b"a,b"), "a.csv has no records"),
    "unknown": (lambda root: write(root / "a.xml", b"<a>"), "a.xml has no supported format"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_wrong_with_a_source_is_told_before_the_first_step(tmp_path, kind):
    make, message = BAD[kind]
    with pytest.raises(ValueError, match=message):
        module(make(tmp_path), tmp_path).prepare_data()


def test_a_tar_cut_off_is_told(tmp_path, emoji):
    write_tars(tmp_path / "data", emoji)
    path = tmp_path / "data" / "001.tar"
    path.write_bytes(path.read_bytes()[:-40_000])
    with pytest.raises(ValueError, match=r"001\.tar is not a complete uncompressed tar \(unexpected end of data\)"):
        module(path, tmp_path).prepare_data()


def test_parquet_without_the_columns_is_told(tmp_path):
    parquet.write_table(pyarrow.table({"jpeg_bytes": [b"x"], "alt": ["y"]}), tmp_path / "a.parquet")
    with pytest.raises(
        ValueError, match=r"a.parquet lacks the columns image or .*, caption or .*; it has: jpeg_bytes, alt"
    ):
        module(tmp_path / "a.parquet", tmp_path).prepare_data()
    with pytest.raises(ValueError, match=r"lacks the columns score; it has"):
        named = {"image_key": "jpeg_bytes", "caption_keys": ["alt", "score"]}
        module(tmp_path / "a.parquet", tmp_path, **named).prepare_data()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"image": "a.png"}', "no caption: looked for caption, .*; the record has: image"),
        (b'{"image": "a.png", "caption": 3}', "the caption 'caption' is int"),
        (b'{"image": "a.png", "caption": []}', "no caption"),
        (b'{"image": "none.png", "caption": "x"}', "No such file"),
        (b'{"caption": "x"}', "the record lacks image or path"),
        (b'{"image": 3.5, "caption": "x"}', "the medium is float"),
        (b'["a.png"]', "the record is list, expected an object"),
        (b"{oops", "Expecting property name"),
        (b'{"caption": "\xff"}', "utf-8"),
        (b'{"image": "a.png", "caption": "half \\ud83d"}', "the caption 'caption' is invalid Unicode"),
    ],
)
def test_broken_records_are_corrupt_and_named(tmp_path, line, reason):
    source = one_picture(tmp_path)
    source.write_bytes(source.read_bytes() + b"\n" + line)
    dataset = module(source, tmp_path, eval_sources=[source]).dataset("validation")
    with pytest.raises(CorruptSample, match=f"records.jsonl:20: .*{reason}"):
        dataset[20]
    assert dataset[19]["caption"] == ["a cat"]


def test_a_tar_with_a_sample_that_cannot_be_read(tmp_path, emoji):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, "x/one.png", emoji[0][1])
        add(tar, "x/one.txt", b"good")
        add(tar, "x/two.txt", b"no picture")
        add(tar, "x/three.mask.png", emoji[0][1])
        add(tar, "__README__", b"hello")
        add(tar, "x/six.png", emoji[0][1])
        add(tar, "x/six.json", b"[1]")
    data = module(tmp_path / "a.tar", tmp_path, eval_sources=[tmp_path / "a.tar"], max_corrupt=1)
    with pytest.warns(UserWarning, match="cannot be read"):
        (batch,) = data.val_dataloader()
    assert batch["name"] == ["a.tar:x/one"] * 2 and batch["real"].tolist() == [True, False]
    (six,) = data.corrupt.known.values()
    assert "a.tar:x/six: the record is list" in six
    left_out = data.eval_source.census.left_out
    assert left_out["samples without a medium"] == LeftOut(1, "a.tar:x/two")
    assert left_out["samples without a text or .json"] == LeftOut(1, "a.tar:x/three.mask")


def test_impossible_arguments_are_refused(tmp_path):
    with pytest.raises(ValueError, match="holdout 1"):
        module(tmp_path, tmp_path, holdout=1)
    with pytest.raises(ValueError, match="Got no sources"):
        ImageText([], batch_size=1, size=64).prepare_data()


@pytest.mark.parametrize("batching", ["mixed", "buckets"])
def test_names_that_are_not_unicode_are_read(tmp_path, emoji, batching):
    root = write_folder(tmp_path / "data", emoji)
    for suffix in (b".png", b".txt"):
        os.rename(root / "even" / f"004{suffix.decode()}", os.fsencode(root / "even") + b"/caf\xe9" + suffix)
    data = module(root, tmp_path, max_aspect=4, nearest_sizes=2, batching=batching, eval_sources=[root], num_workers=1)
    names = [name for batch in data.val_dataloader() for name in batch["name"]]
    assert len(names) == COUNT and os.fsdecode(b"even/caf\xe9.png") in names


@pytest.mark.parametrize("suffix", ["gif", "tif", "tiff", "jfif", "avif", "webp", "bmp", "JPEG"])
def test_pictures_of_every_ending_are_found(tmp_path, suffix):
    for number in range(3):
        kind = {"jfif": "JPEG", "tif": "TIFF"}.get(suffix)
        Image.new("RGB", (16, 16), (200, 30, 40)).save(tmp_path / f"{number}.{suffix}", kind)
        (tmp_path / f"{number}.txt").write_text("red")
    data = ImageText([tmp_path], batch_size=1, size=16, cell=8, eval_sources=[tmp_path], cache=None)
    images = torch.cat([batch["image"] for batch in data.val_dataloader()])
    colour = torch.tensor([200, 30, 40]).view(3, 1, 1) / 127.5 - 1
    assert images.shape == (3, 3, 16, 16) and (images - colour).abs().max() < 0.1


def test_train_and_test_folders_are_splits(tmp_path, emoji):
    write_folder(tmp_path / "all" / "train", emoji[:20])
    write_folder(tmp_path / "all" / "test", emoji[20:])
    data = module(tmp_path / "all", tmp_path, holdout=0.2)
    sets = {split: set(captions(data.loader(split))) for split in ("train", "validation", "test")}
    assert sets["test"] == {caption for _, _, caption in emoji[20:]}
    assert sets["train"] | sets["validation"] == {caption for _, _, caption in emoji[:20]}
    assert not sets["train"] & sets["validation"] and len(sets["validation"]) == 4


@pytest.mark.parametrize("form", [write_folder, write_jsonl])
@pytest.mark.parametrize("batching", ["mixed", "buckets"])
def test_a_dangling_link_ends_no_run_however_batches_are_made(tmp_path, emoji, form, batching):
    source = form(tmp_path / "data", emoji[:9])
    path = next((tmp_path / "data").rglob("004.png"))
    path.unlink()
    path.symlink_to("gone.png")
    data = module(source, tmp_path, batching=batching, eval_sources=[source], max_corrupt=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batches = list(data.val_dataloader())
    real = [name for batch in batches for name, own in zip(batch["name"], batch["real"], strict=True) if own]
    assert len(real) == len(set(real)) == 8
    told = [*data.corrupt.known.values(), *data.census().lines()]
    assert sum("004.png" in line for line in told) == 1
