import sys
import zipfile
import zlib
from itertools import pairwise
from random import Random

import pytest

from lumina.errors import CorruptSample
from lumina.music.instruments import DEFAULT, NAMED
from lumina.music.notes import Note
from lumina.music.scores import Excerpts, Score, corpus_files, read_score

pretty_midi = pytest.importorskip("pretty_midi")

SCALE = [60, 62, 64, 65, 67, 69, 71, 72]


def write_midi(path, programs=(40,), tempo=90.0, drums=False, bars=4):
    midi = pretty_midi.PrettyMIDI(initial_tempo=tempo)
    for program in programs:
        part = pretty_midi.Instrument(program, is_drum=drums)
        for place, pitch in enumerate(SCALE * bars):
            start = place * 60 / tempo
            part.notes.append(pretty_midi.Note(100, pitch, start, start + 0.4))
        midi.instruments.append(part)
    midi.write(str(path))
    return path


def write_abc(path, tempo="Q:1/4=132\n"):
    path.write_text(f"X:1\nT:Scale\nM:4/4\nL:1/4\n{tempo}K:C\n" + "C D E F|G A B c|" * 4 + "\n")
    return path


def test_a_midi_file_says_what_is_played_and_how_fast(tmp_path):
    score = read_score(write_midi(tmp_path / "a.mid"))
    [line] = score.lines
    assert line.program == 40 and not line.drums
    assert [note.start for note in line.notes[:4]] == pytest.approx([0, 1, 2, 3], abs=0.01)
    assert [note.pitch for note in line.notes[:8]] == SCALE
    assert score.tempo_at(5.0) == pytest.approx(90, rel=1e-4)
    clip = Excerpts((tmp_path / "a.mid",)).compose(Random(0), 4.0)
    assert clip.facts == {
        **{"instrument": "violin", "style": "piece", "key": clip.facts["key"], "tempo": 90},
        **{"loudness": clip.facts["loudness"], "score": "a.mid"},
    }
    starts = [note.start for note in clip.segments[0].content[0].notes]
    assert [later - sooner for sooner, later in pairwise(starts)] == pytest.approx(
        [60 / 90] * (len(starts) - 1), abs=0.01
    )


def test_an_excerpt_of_a_whole_scale_is_in_its_key(tmp_path):
    clip = Excerpts((write_midi(tmp_path / "a.mid", tempo=160),)).compose(Random(1), 10.0)
    assert clip.facts["key"] in ("C major", "A minor")


def test_drums_have_no_key_and_several_instruments_are_all_named(tmp_path):
    clip = Excerpts((write_midi(tmp_path / "d.mid", (0,), drums=True),)).compose(Random(0), 4.0)
    assert clip.facts["key"] is None and clip.label == "drums"
    clip = Excerpts((write_midi(tmp_path / "b.mid", (40, 73, 40)),)).compose(Random(0), 4.0)
    assert clip.facts["instrument"] == "violin, flute"
    assert "violin" in clip.caption and "flute" in clip.caption
    assert [part.program for part in clip.segments[0].content] == [40, 73]


def test_another_score_is_played_by_a_drawn_instrument_in_its_range(tmp_path):
    pytest.importorskip("music21")
    file = write_abc(tmp_path / "a.abc")
    score = read_score(file)
    assert [note.pitch for note in score.lines[0].notes[:8]] == SCALE
    assert score.lines[0].program is None
    assert score.tempos == [(0.0, 132.0)]
    clip = Excerpts((file,), (NAMED["synth bass"],)).compose(Random(0), 4.0)
    assert (clip.label, clip.facts["tempo"]) == ("synth bass", 132)
    assert {note.pitch for part in clip.segments[0].content for note in part.notes} <= {p - 24 for p in SCALE}
    untimed = read_score(write_abc(tmp_path / "b.abc", ""))
    assert untimed.tempos == [] and untimed.tempo_at(0) is None


def test_tempos_change_with_the_place():
    score = Score([], [(0.0, 60.0), (8.0, 120.0)])
    assert [score.tempo_at(beat) for beat in (0, 7.9, 8, 99)] == [60, 60, 120, 120]


@pytest.mark.parametrize("name", ["broken.mid", "broken.mxl"])
def test_a_broken_score_is_named_and_left_out(tmp_path, name):
    if name.endswith("mxl"):
        pytest.importorskip("music21")
    broken = tmp_path / name
    broken.write_bytes(b"MThd not music")
    with pytest.raises(CorruptSample, match=rf"{name}: .*cannot .*read"):
        read_score(broken)
    good = write_midi(tmp_path / "good.mid")
    excerpts = Excerpts((broken, good))
    with pytest.warns(UserWarning, match=f"left out: .*{name}"):
        clips = [excerpts.compose(Random(seed), 2.0) for seed in range(8)]
    assert {clip.facts["score"] for clip in clips} == {"good.mid"}
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="None of 1 scores can be read"):
        Excerpts((broken,)).compose(Random(0), 2.0)


def test_no_pickle_is_read(tmp_path, monkeypatch):
    """Music21 keeps parsed scores as pickles in a folder that all users of the machine share."""
    music21 = pytest.importorskip("music21")
    monkeypatch.setattr("music21.environment.Environment.getRootTempDir", lambda self: tmp_path)
    file = write_abc(tmp_path / "a.abc")
    planted = music21.converter.PickleFilter(file).getPickleFp(zipType="gz")
    assert planted.parent == tmp_path
    planted.write_bytes(zlib.compress(b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR."))
    assert len(read_score(file).lines[0].notes) == 32
    assert not (tmp_path / "ran").exists()
    with pytest.raises(CorruptSample, match="no score: expected a file ending in"):
        read_score(planted)


def test_an_archive_that_swells_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("music21")
    monkeypatch.setattr("lumina.files.zip_file.FREE", 1000)
    with zipfile.ZipFile(tmp_path / "a.mxl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", bytes(1_000_000))
    with pytest.raises(CorruptSample, match=r"a\.mxl: .*would unpack to 1000000"):
        read_score(tmp_path / "a.mxl")


def test_scores_that_cannot_sound_are_corrupt(tmp_path):
    with pytest.raises(CorruptSample, match="no notes"):
        read_score(write_midi(tmp_path / "empty.mid", bars=0))
    with pytest.raises(CorruptSample, match="16 instruments"):
        read_score(write_midi(tmp_path / "many.mid", range(16)))


def test_missing_packages_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pretty_midi", None)
    with pytest.raises(ImportError, match="reading MIDI files needs"):
        read_score(tmp_path / "a.mid")
    monkeypatch.setitem(sys.modules, "music21", None)
    with pytest.raises(ImportError, match="reading scores needs the package music21"):
        read_score(tmp_path / "a.abc")


def test_the_corpus_is_found_by_composer():
    pytest.importorskip("music21")
    assert len(corpus_files("bach")) > 100
    with pytest.raises(ValueError, match="has no 'nobody'"):
        corpus_files("nobody")


def test_labels_are_those_of_pitched_instruments():
    assert set(Excerpts((), DEFAULT).labels) == {one.name for one in DEFAULT} - {"drums"}
    assert Note(0, 1, 60).velocity == 96
