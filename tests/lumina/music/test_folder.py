import json

import pytest
import soundfile

from lumina.files.atomic import PARTIAL
from lumina.music.composing import Phrases
from lumina.music.folder import SoundFolder, record
from lumina.music.recipes import Durations, Recipe
from lumina.music.synthesizer import render
from lumina.text.structured import parse

RECIPE = Recipe({"train": Phrases(), "test": Phrases()}, Durations(1.0))


def folder(path, **changes):
    return SoundFolder(path, RECIPE, {"train": 3, "test": 1}, "flac", {"seed": 0, **changes})


def contents(path):
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_sounds_and_manifests(synth, tmp_path):
    assert folder(tmp_path / "a").write(synth) == 4
    rows = [json.loads(line) for line in (tmp_path / "a/train/metadata.jsonl").read_text("utf-8").splitlines()]
    assert [row["path"] for row in rows] == ["000000.flac", "000001.flac", "000002.flac"]
    for index, row in enumerate(rows):
        clip = RECIPE.clip("train", index)
        assert row == record(clip, row["path"], "train")
        assert {"caption", "structured", "label", "instrument", "key", "tempo", "style", "split"} <= set(row)
        assert parse(row["structured"]) == [(row["caption"], "all")]
        samples, rate = soundfile.read(tmp_path / "a/train" / row["path"], dtype="float32")
        assert rate == 16_000 and samples == pytest.approx(render(clip, synth).numpy(), abs=1 / 32_768)
    assert "TimGM6mb.sf2 (licence: GPL-2" in (tmp_path / "a/CREDITS.txt").read_text()


def test_an_interrupted_run_goes_on_to_the_same_bytes(synth, tmp_path):
    folder(tmp_path / "a").write(synth)
    whole = contents(tmp_path / "a")
    (tmp_path / "a/train/000001.flac").unlink()
    (tmp_path / "a/train/metadata.jsonl").unlink()
    (tmp_path / f"a/train/.000001.flac.12345678{PARTIAL}").touch()
    assert folder(tmp_path / "a").write(synth) == 1
    assert contents(tmp_path / "a") == whole
    folder(tmp_path / "b").write(synth)
    assert contents(tmp_path / "b") == whole


def test_other_settings_are_refused(synth, tmp_path):
    folder(tmp_path / "a").write(synth)
    with pytest.raises(ValueError, match="was rendered with seed 0, now 1: choose another folder"):
        folder(tmp_path / "a", seed=1).write(synth)
    (tmp_path / "a/synthesis.json").write_text("{")
    with pytest.raises(ValueError, match=r"synthesis\.json cannot be read"):
        folder(tmp_path / "a").write(synth)
