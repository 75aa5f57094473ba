from random import Random

import pytest
import torch

from lumina.audio.writing import write_sound
from lumina.music.events import EVENTS, TwoEvents, events_of
from lumina.music.synthesizer import render
from lumina.text.structured import parse


def test_one_event_is_in_the_first_third_and_one_in_the_last(synth):
    for seed in range(24):
        clip = TwoEvents().compose(Random(seed), 3.0)
        thirds = render(clip, synth).view(3, -1)
        assert thirds[0].abs().max() == pytest.approx(0.6) and thirds[2].abs().max() == pytest.approx(0.6)
        assert not thirds[1].any()


def test_the_structured_caption_tells_the_order_and_the_plain_one_does_not():
    first_said = []
    for seed in range(200):
        clip = TwoEvents().compose(Random(seed), 3.0)
        (one, start), (other, end) = parse(clip.structured)
        assert (start, end) == ("start", "end")
        assert one in clip.caption and other in clip.caption
        first_said.append(clip.caption.index(one) < clip.caption.index(other))
        classes = [event["class"] for event in clip.facts["events"]]
        assert clip.label == classes[0] != classes[1]
        words = {event.name: event.words for event in EVENTS}
        assert one in words[classes[0]] and other in words[classes[1]]
    assert 60 < sum(first_said) < 140


def test_events_sound_different_from_each_other(synth):
    spectra = []
    for event in EVENTS:
        content = event.content(Random(0), 1.0)
        spectrum = torch.fft.rfft(synth.render(content, 16_000)).abs().view(-1)[:8000].view(80, 100).mean(1)
        spectra.append(spectrum / spectrum.norm())
    likeness = torch.stack(spectra) @ torch.stack(spectra).T - torch.eye(len(EVENTS))
    assert likeness.max() < 0.95


def test_files_are_events_too(synth, tmp_path):
    for name in ("dog_2.wav", "dog_1.wav", "Bell-2.wav", "old drum/a.wav", "old drum/b.wav", "notes.txt", "7.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_sound(torch.linspace(-1, 1, 100_000), 16_000, tmp_path / name.replace(".txt", ".wav")).rename(
            tmp_path / name
        )
    events = events_of(tmp_path)
    assert {event.name: [file.name for file in event.files] for event in events} == {
        **{"bell": ["Bell-2.wav"], "dog": ["dog_1.wav", "dog_2.wav"], "old drum": ["a.wav", "b.wav"]},
    }
    clip = TwoEvents(events).compose(Random(0), 3.0)
    assert "bell" in clip.caption or "dog" in clip.caption
    sound = render(clip, synth)
    assert sound[16_000:32_000].abs().max() == 0 and sound.abs().max() == pytest.approx(0.6)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no sounds in .*empty"):
        events_of(tmp_path / "empty")


def test_one_event_alone_is_refused():
    with pytest.raises(ValueError, match="two classes of sounds or more, got 1"):
        TwoEvents(EVENTS[:1])
