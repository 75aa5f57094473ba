import sys

import pytest
import torch

from datamodules.rendered_music import RenderedMusic
from lumina.text.structured import parse

pytest.importorskip("tinysoundfont")
pytest.importorskip("pretty_midi")


def music(**options):
    return RenderedMusic(**{"batch_size": 8, "count": 32, "eval_count": 16, "seconds": 1.0, **options})


def test_batches():
    data = music()
    batch = next(iter(data.train_dataloader()))
    assert set(batch) == {*data.batch_keys, "real", "identity"}
    assert batch["sound"].shape == (8, 16_000) and batch["sound"].dtype == torch.float32
    assert batch["sound"].abs().amax(1).gt(0.1).all() and batch["sound"].abs().max() <= 1
    assert batch["length"].tolist() == [16_000] * 8
    for label, caption, structured in zip(batch["label"], batch["caption"], batch["structured"], strict=True):
        assert data.class_names[label] in caption
        assert parse(structured) == [(caption, "all")]
    assert data.num_classes == 12


def test_splits_share_nothing_and_do_not_depend_on_the_seed_of_the_order():
    data, other = music(), music(seed=3)
    sounds = {}
    for split in ("train", "validation", "test"):
        dataset = data.dataset(split)
        for index in range(len(dataset)):
            item = dataset[index]
            sounds.setdefault(item["sound"].numpy().tobytes(), item["name"])
            assert index > 3 or torch.equal(other.dataset(split)[index]["sound"], item["sound"])
    assert len(sounds) == 64 and len(set(sounds.values())) == 64
    assert not torch.equal(music(clips_seed=1).dataset("test")[0]["sound"], data.dataset("test")[0]["sound"])
    with pytest.raises(IndexError):
        data.dataset("test")[16]


def test_a_batch_has_one_length_where_there_are_several():
    data = music(longest=2.0, count=64, batch_size=4)
    lengths = set()
    for batch in data.train_dataloader():
        assert batch["sound"].shape[1] == batch["length"][0] and len(set(batch["length"].tolist())) == 1
        lengths.add(int(batch["length"][0]))
    assert lengths == {16_000, 24_000, 32_000}
    assert data.bucket_name(1) == "1.50 s"
    mixed = data.collate([data.dataset("train")[index] for index in range(8)])
    assert [len(sound) for sound in mixed["sound"]] == mixed["length"].tolist()


def test_workers_render_the_same():
    batch, other = (next(iter(music(num_workers=workers).val_dataloader())) for workers in (0, 1))
    assert torch.equal(batch["sound"], other["sound"]) and batch["caption"] == other["caption"]


def test_events_are_labelled_by_the_first():
    data = music(content=["events"], seconds=1.5)
    assert data.class_names[:2] == ("bird", "telephone") and data.num_classes == 8
    batch = next(iter(data.val_dataloader()))
    assert [[position for _, position in parse(text)] for text in batch["structured"]] == [["start", "end"]] * 8
    assert not batch["sound"].view(8, 3, -1)[:, 1].any()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"count": 0}, "count 0"),
        ({"seconds": 0.0}, "0 to 0 seconds"),
        ({"instruments": ["kazoo"]}, "kazoo"),
        ({"soundfont": "nowhere.sf2"}, "no soundfont"),
    ],
)
def test_wrong_arguments_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        music(**options)


def test_a_missing_package_is_told_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "tinysoundfont", None)
    with pytest.raises(ImportError, match="--no-deps tinysoundfont"):
        music()


def test_a_split_is_known_by_its_soundfont_and_its_clips():
    def of(split="test", **options):
        data = music(**options)
        return data.stamp(data.dataset(split))

    assert of() == of(seed=7, batch_size=2)
    others = [of("train"), of(clips_seed=1), of(rate=22_050), of(instruments=["violin"]), of(eval_count=17)]
    assert len({of(), *others}) == 6
    [line] = music().about(music().dataset("train"))
    assert line.startswith("rendered with ") and line.endswith((".sf2", ".sf3"))
