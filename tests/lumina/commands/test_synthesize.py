import hashlib
import json
import subprocess
import sys

import pytest
import torch

from lumina.audio.writing import write_sound
from lumina.cli import main
from lumina.commands.synthesize import composers_of, split_counts
from lumina.music.instruments import DEFAULT
from lumina.music.soundfonts import find_soundfont

pytest.importorskip("tinysoundfont")
pretty_midi = pytest.importorskip("pretty_midi")


def rows(folder, split="train"):
    return [json.loads(line) for line in (folder / split / "metadata.jsonl").read_text("utf-8").splitlines()]


def digests(folder):
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return [(str(file.relative_to(folder)), hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]


def line(output, *options):
    """With the soundfont that loads fast."""
    return ["synthesize", str(output), "--seconds=1", f"--soundfont={find_soundfont(None, [])}", *map(str, options)]


def synthesize(output, *options):
    main(line(output, *options))


def test_two_processes_write_the_same_bytes(tmp_path):
    options = ["--count=6", "--validation=0.2", "--test=0.2", "--content=[phrases,events]"]
    synthesize(tmp_path / "a", *options)
    command = [sys.executable, "-m", "lumina", *line(tmp_path / "b", *options)]
    subprocess.run(command, check=True, capture_output=True)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert [len(rows(tmp_path / "a", split)) for split in ("train", "validation", "test")] == [4, 1, 1]


def test_it_says_what_it_did(tmp_path, capsys):
    synthesize(tmp_path / "a", "--count=4", "--validation=0", "--test=0", "--instruments=[violin,flute]")
    out = capsys.readouterr().out
    assert "soundfont: " in out and "train: 4 clips" in out and "4 clips rendered" in out
    assert {row["instrument"] for row in rows(tmp_path / "a")} <= {"violin", "flute"}
    synthesize(tmp_path / "a", "--count=4", "--validation=0", "--test=0", "--instruments=[violin,flute]")
    assert "complete already" in capsys.readouterr().out


def test_scores_are_in_one_split_each(tmp_path):
    scores = tmp_path / "scores"
    scores.mkdir()
    for number in range(6):
        midi = pretty_midi.PrettyMIDI()
        midi.instruments.append(pretty_midi.Instrument(73))
        midi.instruments[0].notes += [pretty_midi.Note(90, 60 + number + n, n / 4, n / 4 + 0.2) for n in range(12)]
        midi.write(str(scores / f"{number}.mid"))
    synthesize(tmp_path / "a", f"--scores={scores}", "--count=60", "--validation=0.2", "--test=0.2")
    used = [{row["score"] for row in rows(tmp_path / "a", split)} for split in ("train", "validation", "test")]
    assert sum(map(len, used)) == 6 and set.union(*used) == {f"{number}.mid" for number in range(6)}
    assert {row["instrument"] for row in rows(tmp_path / "a")} == {"flute"}


def test_events_of_own_sounds(tmp_path):
    for name in ("dog_1.wav", "bell_1.wav", "rain_1.wav"):
        (tmp_path / "sounds").mkdir(exist_ok=True)
        write_sound(torch.ones(8000), 16_000, tmp_path / "sounds" / name)
    synthesize(tmp_path / "a", f"--sounds={tmp_path / 'sounds'}", "--content=events", "--count=8")
    assert {row["label"] for row in rows(tmp_path / "a")} <= {"dog", "bell", "rain"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--content=scores"], "scores go with the content scores"),
        (["--scores=nowhere"], "no scores at nowhere"),
        (["--soundfont=nowhere.sf2"], "no soundfont nowhere.sf2"),
        (["--instruments=[kazoo]"], "no instrument 'kazoo'"),
        (["--sounds=nowhere"], "add --content=events"),
        (["--sounds=nowhere", "--content=events"], "no sounds in nowhere"),
        (["--seconds=0"], "set 0.5 to 600"),
        (["--count=0"], "ask for more"),
        (["--validation=0.6", "--test=0.6"], "smaller shares"),
        (["--validation=1"], "share"),
        (["--rate=1"], "set 8000 to 192000"),
        (["--format=mp3"], "format"),
    ],
)
def test_wrong_options_are_refused(tmp_path, monkeypatch, capsys, options, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        synthesize(tmp_path / "a", *options)
    error = capsys.readouterr().err
    assert words in error and "Traceback" not in error
    assert not (tmp_path / "a").exists()


def test_a_folder_with_other_files_is_refused(tmp_path, capsys):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(SystemExit):
        synthesize(tmp_path)
    assert "is in use; choose a new or empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_splits_without_clips_are_left_out():
    assert split_counts(1000, 0.05, 0.1) == {"train": 850, "validation": 50, "test": 100}
    assert split_counts(3, 0.05, 0.05) == {"train": 3}


def test_too_few_scores_for_the_splits_are_refused(tmp_path):
    with pytest.raises(ValueError, match="2 scores are too few for 3 splits"):
        files = [tmp_path / "a.mid", tmp_path / "b.mid"]
        composers_of(None, DEFAULT, files, {"train": 1, "validation": 1, "test": 1}, (0.1, 0.1))
