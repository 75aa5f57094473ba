"""Captioned sounds of every form, length and damage."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from tiny_sounds import RATE, tone, write_tone, write_tones

from datamodules.audio_text import AudioText
from lumina.backbone import NextDiTConfig
from lumina.checks import check_budget
from lumina.data.batches import take
from lumina.data.sampler import Key
from lumina.data.summary import summary

SECONDS = [0.3, 0.7, 1.1, 0.3, 0.7, 1.1, 0.5, 0.5]


def encoded(number, seconds):
    file = io.BytesIO()
    soundfile.write(file, tone(seconds, 200 + 10 * number), RATE, format="FLAC")
    return file.getvalue()


def rows():
    return [(f"{n:03}.flac", encoded(n, seconds), f"tone number {n}") for n, seconds in enumerate(SECONDS)]


def write_files(root):
    root.mkdir()
    for name, data, _ in rows():
        (root / name).write_bytes(data)


def write_folder(root):
    return write_tones(root, SECONDS, ".flac")


def write_jsonl(root):
    write_files(root)
    (root / "a.jsonl").write_text("".join(json.dumps({"audio": n, "caption": c}) + "\n" for n, _, c in rows()))
    return root / "a.jsonl"


def write_audiocaps(root):
    """Its table, the files named by id; not all of them lie there."""
    write_files(root)
    lines = [f'{name[:3]},yt{name[:3]},30,"{caption}"' for name, _, caption in rows()]
    (root / "train.csv").write_text("\n".join(["audiocap_id,youtube_id,start_time,caption", *lines]))
    return root / "train.csv"


def write_make_an_audio(root):
    write_files(root)
    lines = [f"{n}\tset\t<{c}& start>\t{n}\t1.0\t{n}.npy\t{c}" for n, _, c in rows()]
    (root / "main.tsv").write_text(
        "\n".join(["name\tdataset\tcaption\taudio_path\tduration\tmel_path\tori_cap", *lines])
    )
    return root / "main.tsv"


def write_metadata(root):
    write_files(root)
    lines = [f"{name},{caption}" for name, _, caption in rows()]
    (root / "metadata.csv").write_text("\n".join(["file_name,caption", *lines]))
    return root


def write_tar(root):
    root.mkdir()
    with tarfile.open(root / "000.tar", "w") as tar:
        for name, data, caption in rows():
            for member, content in ((name, data), (f"{name[:3]}.txt", caption.encode())):
                info = tarfile.TarInfo(member)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return root / "000.tar"


def write_parquet(root):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    root.mkdir()
    table = [{"audio": {"bytes": data, "path": name}, "caption": c} for name, data, c in rows()]
    parquet.write_table(pyarrow.Table.from_pylist(table), root / "a.parquet")
    return root / "a.parquet"


FORMS = [
    *(write_folder, write_jsonl, write_audiocaps, write_make_an_audio),
    *(write_metadata, write_tar, write_parquet),
]


def module(source, tmp_path, **options):
    return AudioText([source], **{"batch_size": 2, "cache": tmp_path / "cache", "seconds": 1.0, **options})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("batching", ["mixed", "buckets"])
def test_every_form_gives_the_same_sounds_and_captions(tmp_path, form, batching):
    data = module(form(tmp_path / "data"), tmp_path, batching=batching, holdout=0.5)
    data.prepare_data()
    assert len(data.dataset("train")) == len(data.dataset("validation")) == 4
    seen = {}
    for split in ("train", "validation"):
        for number in range(4):
            batch = take(data, split, [number])
            assert set(data.batch_keys) <= set(batch)
            seen[batch["caption"][0]] = batch
    assert sorted(seen) == [f"tone number {n}" for n in range(8)]
    for number, seconds in enumerate(SECONDS):
        caption = f"tone number {number}"
        sound, length = seen[caption]["sound"][0], int(seen[caption]["length"])
        assert len(sound) % 512 == 0 and length == min(round(seconds * RATE), len(sound)) and sound.abs().max() <= 1
        expected = torch.from_numpy(tone(seconds, 200 + 10 * number)[:length]).float()
        torch.testing.assert_close(sound[:length], expected, atol=1e-4, rtol=0)
        assert not sound[length:].any()
        position = "start" if form is write_make_an_audio else "all"
        assert seen[caption]["structured"] == [f"<{caption}& {position}>"]


def test_a_template_names_the_files(tmp_path):
    write_tone(tmp_path / "Yabc_30.wav", 0.5)
    (tmp_path / "a.csv").write_text("youtube_id,start_time,caption\nabc,30,a tone\n")
    data = module(tmp_path / "a.csv", tmp_path, sound_key="Y{youtube_id}_{start_time}.wav")
    assert take(data, "train", [0])["length"].tolist() == [8000]


def test_buckets_hold_one_length_and_a_budget_its_tokens(tmp_path):
    source = write_folder(tmp_path / "data")
    for batch in module(source, tmp_path, batching="buckets", holdout=0).train_dataloader():
        assert batch["sound"].shape[0] == 2 and batch["length"].dtype == torch.int64
    data = module(source, tmp_path, max_tokens=40, batch_size=8, holdout=0)
    sizes = [[len(sound) // 512 for sound in batch["sound"]] for batch in data.train_dataloader()]
    assert all(sum(tokens) <= 40 for tokens in sizes) and any(len(set(tokens)) > 1 for tokens in sizes)


def test_a_budget_counts_what_the_backbone_computes(tmp_path):
    source = write_folder(tmp_path / "data")
    padded = NextDiTConfig(dim=32, num_layers=2, num_heads=2, mixed_sizes="padded")
    check_budget(module(source, tmp_path, max_tokens=40), replace(padded, mixed_sizes="packed"))
    with pytest.raises(ValueError, match=r"data\.max_tokens=40 .* set data\.cost to padded"):
        check_budget(module(source, tmp_path, max_tokens=40), padded)
    data = module(source, tmp_path, max_tokens=40, cost="padded", batch_size=8, holdout=0)
    check_budget(data, padded)
    sizes = [[len(sound) // 512 for sound in batch["sound"]] for batch in data.train_dataloader()]
    assert all(max(tokens) * len(tokens) <= 40 for tokens in sizes) and any(len(tokens) > 1 for tokens in sizes)


@pytest.mark.parametrize("loudness", ["loud", 3.0])
def test_an_unknown_loudness_is_refused_at_once(tmp_path, loudness):
    with pytest.raises(ValueError, match='expected "none", "peak" or LUFS'):
        module(tmp_path, tmp_path, loudness=loudness)


def test_a_length_does_not_depend_on_the_neighbours(tmp_path):
    data = module(write_folder(tmp_path / "data"), tmp_path, holdout=0)
    alone = [take(data, "train", [number])["sound"][0] for number in range(8)]
    together = take(data, "train", range(8))["sound"]
    assert isinstance(together, list)
    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))


def test_training_takes_a_random_part_and_evaluation_the_first(tmp_path):
    write_tone(tmp_path / "data/a.wav", 4, 50)
    (tmp_path / "data/a.txt").write_text("a long tone")
    data = module(tmp_path / "data", tmp_path, batch_size=1)
    first = take(data, "train", [0])["sound"][0]
    torch.testing.assert_close(first, torch.from_numpy(tone(4, 50)[: len(first)]).float(), atol=1e-4, rtol=0)
    samples = data.serve(data.dataset("train"), train=True).samples
    parts = [samples[Key(epoch, 0)].item["sound"] for epoch in (0, 0, 1)]
    assert torch.equal(parts[0], parts[1]) and not torch.equal(parts[0], parts[2])
    assert all(len(part) == len(first) == 31 * 512 for part in parts)


def test_windows_are_all_of_one_length(tmp_path):
    data = module(write_folder(tmp_path / "data"), tmp_path, window=0.512, holdout=0, batch_size=8)
    (batch,) = data.train_dataloader()
    assert batch["sound"].shape == (8, 8192)
    assert sorted(batch["length"].tolist()) == [4800, 4800, 8000, 8000, 8192, 8192, 8192, 8192]


def test_captions_from_names(tmp_path):
    for name in ("ambi_choir", "bass_hit"):
        write_tone(tmp_path / f"data/{name}.wav", 0.2)
    batch = take(module(tmp_path / "data", tmp_path, captions="names", holdout=0), "train", [0, 1])
    assert batch["caption"] == ["ambi choir", "bass hit"] and batch["structured"][0] == "<ambi choir& all>"


def damaged(root):
    """Sounds that cannot be read, by what is wrong with them."""
    write_tones(root, [0.5] * 10)
    contents = {
        "empty.wav": b"",
        "text.wav": b"I am a text.",
        "cut.wav": (root / "000.wav").read_bytes()[:5000],
        "none.wav": (root / "000.wav").read_bytes()[:40] + bytes(4),
    }
    for name, content in contents.items():
        (root / name).write_bytes(content)
    broken = tone(0.5)
    broken[100] = np.nan
    soundfile.write(root / "nan.wav", broken, RATE, subtype="FLOAT")
    for name in (*contents, "nan.wav"):
        (root / name).with_suffix(".txt").write_text("broken")
    return {*contents, "nan.wav"}


@pytest.mark.parametrize("batching", ["mixed", "buckets"])
@pytest.mark.parametrize("workers", [0, 1])
def test_damaged_sounds_are_skipped_named_and_counted(tmp_path, batching, workers):
    names = damaged(tmp_path / "data")
    data = module(
        tmp_path / "data", tmp_path, batching=batching, num_workers=workers, holdout=0, max_corrupt=1.0, batch_size=15
    )
    with pytest.warns(UserWarning, match="cannot be read"):
        (batch,) = data.train_dataloader()
    assert len(batch["sound"]) == 15 and "broken" not in batch["caption"]
    assert {message.split(":")[0].split("/")[-1] for message in data.corrupt.known.values()} == names
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="are corrupt"):
        list(module(tmp_path / "data", tmp_path, holdout=0, batch_size=15).train_dataloader())


def test_silent_sounds_and_odd_captions_are_kept(tmp_path):
    root = write_tones(tmp_path / "data", [0.5] * 4)
    soundfile.write(root / "000.wav", np.zeros(8000), RATE)
    for number, text in enumerate(["", "word " * 10_000, "🐕 barks", "<broken& structure"]):
        (root / f"{number:03}.txt").write_text(text)
    batch = take(module(root, tmp_path, holdout=0), "train", range(4))
    assert not batch["sound"][0].any() and batch["caption"][2] == "🐕 barks"
    assert len(batch["caption"][1].split()) == 10_000
    assert batch["structured"][0] == "" and batch["structured"][3] == r"<\<broken& structure& all>"


def test_fallbacks_are_told_in_the_summary(tmp_path):
    write_tone(tmp_path / "a.wav", 0.5)
    (tmp_path / "a.csv").write_text("audio,caption,structured\na.wav,rain,<rain& nowhere>\na.wav,wind,<wind& all>\n")
    data = module(tmp_path / "a.csv", tmp_path, holdout=0)
    assert take(data, "train", [0, 1])["structured"] == ["<rain& all>", "<wind& all>"]
    assert "outside of the grammar" in str(data.census())


def test_held_out_sounds_stay_when_others_come(tmp_path):
    source = write_folder(tmp_path / "data")
    held = {data["name"] for data in module(source, tmp_path, holdout=0.25).dataset("validation")}
    write_tones(source, [0.3] * 9, ".flac")
    assert len(held) == 2 and held & {data["name"] for data in module(source, tmp_path, holdout=0.25).dataset("test")}


def test_splits_by_the_names_of_folders(tmp_path):
    for name, count in (("train", 3), ("val", 2), ("test", 1)):
        write_tones(tmp_path / "data" / name, [0.2] * count)
    data = module(tmp_path / "data", tmp_path)
    assert [len(data.dataset(split)) for split in ("train", "validation", "test")] == [3, 2, 1]


def test_a_stamp_changes_with_the_files(tmp_path):
    source = write_folder(tmp_path / "data")
    stamps = []
    for _ in range(2):
        data = module(source, tmp_path)
        stamps.append(data.stamp(data.dataset("train")))
        write_tone(source / "000.flac", 0.9)
    assert stamps[0] != stamps[1]
    assert data.bucket_name(0) == "0.03 s"


@pytest.mark.parametrize("batching", ["mixed", "buckets"])
def test_sources_are_mixed_half_and_half(tmp_path, batching):
    main, other = (write_tones(tmp_path / name, [0.3] * count) for name, count in (("main", 4), ("other", 10)))
    data = AudioText([main, other], batch_size=2, shares=[1, 1], batching=batching, holdout=0, cache=None)
    loader, seen = data.train_dataloader(), set()
    for epoch in range(5):
        loader.sampler.set_epoch(epoch)
        indices = [index for batch in loader for index, _ in batch["identity"]]
        assert sorted(indices)[:4] == [0, 1, 2, 3] and len(set(indices)) == 8
        seen |= set(indices)
    assert seen == set(range(14))
    with pytest.raises(ValueError, match="for 2 sources"):
        AudioText([main, other], batch_size=2, shares=[1])


def test_silence_and_hours_are_told_before_training(tmp_path):
    root = write_tones(tmp_path / "data", [0.5] * 4)
    soundfile.write(root / "002.wav", np.zeros(8000), RATE)
    data = module(root, tmp_path, holdout=0)
    with pytest.warns(UserWarning, match=r"1 of 4 sounds looked at are silent, .*002\.wav among them: they are kept"):
        data.prepare_data()
    loader = data.train_dataloader()
    told = summary(data, loader, None, len(loader), 1, -1)
    assert "0.00 hours; 0.50 to 0.50 s each" in told and "1 of 4 looked at are silent" in told
