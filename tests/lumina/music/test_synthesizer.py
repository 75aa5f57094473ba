import sys

import numpy as np
import pytest
import torch

from lumina.audio.writing import write_sound
from lumina.music.notes import Clip, Note, Part, Segment
from lumina.music.synthesizer import Synthesizer, render

FLUTE, ORGAN, WOODBLOCK = 73, 19, 115


def peak_frequency(sound, rate=16_000):
    spectrum = np.abs(np.fft.rfft(sound.numpy() * np.hanning(len(sound))))
    return spectrum.argmax() * rate / len(sound)


def clip_of(*segments, seconds=2.0):
    return Clip(seconds, segments, "", [], {}, "")


@pytest.mark.parametrize(("pitch", "hertz"), [(69, 440.0), (81, 880.0), (76, 659.26)])
def test_pitch(synth, pitch, hertz):
    sound = synth.render([Part(FLUTE, [Note(0, 2, pitch)])], 32_000)
    assert sound.shape == (32_000,) and sound.dtype == torch.float32
    assert peak_frequency(sound[8_000:24_000]) == pytest.approx(hertz, rel=0.01)


def test_onsets_are_where_the_notes_are(synth):
    starts = [0.25 + 0.5 * beat for beat in range(4)]  # 120 beats per minute
    sound = synth.render([Part(0, [Note(start, 0.1, 37) for start in starts], drums=True)], 40_000)
    loud = sound.abs().view(-1, 80).amax(1) > 0.1 * sound.abs().max()
    onsets = [frame for frame in loud.nonzero().flatten().tolist() if not loud[max(0, frame - 20) : frame].any()]
    assert np.array(onsets) * 80 / 16_000 == pytest.approx(starts, abs=0.012)


def test_the_same_notes_sound_the_same_whatever_was_played_before(synth):
    parts = [Part(FLUTE, [Note(0, 1, 72)]), Part(0, [Note(0.5, 0.1, 38)], drums=True)]
    first = synth.render(parts, 16_000)
    synth.render([Part(ORGAN, [Note(0, 9, 50), Note(0, 9, 57)], drums=False)], 8_000)
    assert torch.equal(synth.render(parts, 16_000), first)
    assert torch.equal(Synthesizer(synth.soundfont, 16_000).render(parts, 16_000), first)
    assert first.abs().max() > 0.01


def test_notes_end(synth):
    sound = synth.render([Part(ORGAN, [Note(0, 0.5, 60)])], 32_000)
    assert sound[:8_000].std() > 100 * sound[24_000:].std()


def test_segments_lie_where_they_are_said_with_their_peaks(synth):
    parts = [Part(FLUTE, [Note(0, 0.5, 72)])]
    sound = render(clip_of(Segment(0.5, 0.5, 0.3, parts), Segment(1.25, 0.5, 0.9, parts)), synth)
    assert sound.shape == (32_000,)
    assert not sound[:8_000].any() and not sound[16_000:20_000].any() and not sound[28_000:].any()
    assert sound[8_000:16_000].abs().max() == pytest.approx(0.3)
    assert sound[20_000:28_000].abs().max() == pytest.approx(0.9)
    assert sound[15_999].abs() < 1e-3


def test_a_segment_may_be_a_file(synth, tmp_path):
    file = write_sound(torch.full((4_000,), 0.25), 16_000, tmp_path / "a.wav")
    sound = render(clip_of(Segment(1.0, 0.5, 0.5, file)), synth)
    assert sound[16_000:20_000].eq(0.5).all() and not sound[20_000:].any() and not sound[:16_000].any()
    long = write_sound(torch.full((40_000,), 0.25), 16_000, tmp_path / "b.wav")
    assert render(clip_of(Segment(1.0, 0.5, 0.5, long)), synth)[16_000:23_600].eq(0.5).all()


def test_silence_stays_silence(synth):
    assert not render(clip_of(Segment(0, 2, 0.5, [Part(FLUTE, [])])), synth).any()


def test_what_a_soundfont_lacks_is_named(synth, tmp_path):
    with pytest.raises(ValueError, match=r"TimGM6mb\.sf2 has no drum kit 99"):
        synth.render([Part(99, [Note(0, 1, 60)], drums=True)], 100)
    with pytest.raises(ValueError, match="16 parts: at most 15"):
        synth.render([Part(program, [Note(0, 1, 60)]) for program in range(16)], 100)
    (tmp_path / "broken.sf2").write_bytes(b"RIFF\x10\0\0\0sfbk" + b"\0" * 16)
    with pytest.raises(ValueError, match=r"broken\.sf2 cannot be read"):
        Synthesizer(tmp_path / "broken.sf2", 16_000)


def test_a_missing_package_is_named_with_the_way_to_install_it(synth, monkeypatch):
    monkeypatch.setitem(sys.modules, "tinysoundfont", None)
    with pytest.raises(ImportError, match=r"rendering music needs .*tinysoundfont.*--no-deps tinysoundfont=="):
        Synthesizer(synth.soundfont, 16_000)
