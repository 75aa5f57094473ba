"""What users ask of a sound is understood, or refused in a sentence."""

import math

import pytest
import soundfile
import torch

from lumina.audio.wishes import (
    check_together,
    in_samples,
    parse_keep,
    parse_seconds,
    parse_sound,
    parse_strength,
    show_keep,
    wanted_seconds,
)

INF = math.inf


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """A file of three seconds."""
    path = tmp_path_factory.mktemp("sounds") / "three.wav"
    soundfile.write(path, torch.rand(3 * 16_000).numpy() - 0.5, 16_000)
    return path


@pytest.mark.parametrize("seconds", [0.5, 1.003, 60.0])
def test_lengths_in_their_range(seconds):
    assert parse_seconds(seconds) == seconds


@pytest.mark.parametrize("seconds", [0.0, -1.0, 0.49, 60.1, 1e9, math.nan, INF])
def test_other_lengths_are_refused(seconds):
    with pytest.raises(ValueError, match=r"must be at least 0\.5 and at most 60"):
        parse_seconds(seconds)


@pytest.mark.parametrize("strength", [-0.1, 1.1, math.nan])
def test_other_strengths_are_refused(strength):
    assert parse_strength(0.0) == 0 and parse_strength(1.0) == 1
    with pytest.raises(ValueError, match="must be at least 0"):
        parse_strength(strength)


@pytest.mark.parametrize(
    ("text", "keep", "shown"),
    [
        ("0:3", ((0, 3),), "0:3"),
        (":3", ((0, 3),), "0:3"),
        ("1.5:", ((1.5, INF),), "1.5:"),
        (":", ((0, INF),), "0:"),
        ("3:4, 0:1", ((0, 1), (3, 4)), "0:1,3:4"),
        ("0:2,1:3", ((0, 3),), "0:3"),
        ("0:3,1:2", ((0, 3),), "0:3"),
        ("0:1,1:2", ((0, 2),), "0:2"),
        (".25:.75", ((0.25, 0.75),), "0.25:0.75"),
    ],
)
def test_parts_that_stay(text, keep, shown):
    assert parse_keep(text) == keep and show_keep(keep) == shown
    assert parse_keep(show_keep(keep)) == keep


@pytest.mark.parametrize(
    "text", ["", "3", "3:1", "1:1", "1:1.1", "a:b", "-1:3", "0:3:4", "0:1,,2:3", "nan:3", "1e3:2e3", "0:³"]
)
def test_what_is_no_part_is_refused(text):
    with pytest.raises(ValueError, match=r"is not understood: give START:END in seconds"):
        parse_keep(text)


def test_parts_in_samples_end_with_the_sound():
    assert in_samples(((0, 1), (2, INF)), 100, 250) == [(0, 100), (200, 250)]
    assert in_samples(((0, 2.501),), 100, 250) == [(0, 250)]


def test_length_of_a_sample(three):
    assert wanted_seconds({}, 9.0) == 9 and wanted_seconds({"audio": three}, 9.0) == 3
    assert wanted_seconds({"audio": three, "seconds": 2.0}, 9.0) == 2


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"strength": 0.3},
        {"seconds": 2.0},
        {"seconds": 2.0, "keep": ((0.5, 1),)},
        {"seconds": 8.0, "keep": ((0, INF),)},
        {"seconds": 8.0, "keep": ((0, 3.0005),)},
        {"keep": ((0, 1), (2, 3)), "strength": 0.5},
    ],
)
def test_what_goes_together(three, request_):
    check_together({"audio": three, **request_})


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"seconds": 8.0}, "has 3 s of the 8 s asked for: to go on after it, give --keep 0:"),
        ({"keep": ((0, 4),)}, "keep=0:4 goes beyond the 3 s used"),
        ({"keep": ((0, 1), (4, 5)), "seconds": 8.0}, "keep=0:1,4:5 goes beyond the 3 s"),
        ({"keep": ((0, 3),), "seconds": 2.0}, "keep=0:3 goes beyond the 2 s"),
        ({"keep": ((2.9, INF),), "seconds": 9.0}, "goes beyond"),
        ({"keep": ((0, INF),)}, "leaves nothing of 3 s to draw"),
        ({"keep": ((0, 3),)}, "leaves nothing of 3 s to draw"),
        ({"keep": ((0, 3),), "seconds": 8.0, "strength": 0.5}, "--strength applies to what"),
    ],
)
def test_what_does_not_go_together(three, request_, told):
    with pytest.raises(ValueError, match=told):
        check_together({"audio": three, **request_})


@pytest.mark.parametrize("request_", [{"keep": ((0, 3),)}, {"strength": 0.5}])
def test_without_a_sound(request_):
    check_together({"seconds": 3.0})
    with pytest.raises(ValueError, match="give --audio"):
        check_together(request_)


def test_a_sound_too_short_or_too_long_by_itself(tmp_path):
    path = tmp_path / "short.wav"
    soundfile.write(path, torch.zeros(1600).numpy(), 16_000)
    with pytest.raises(ValueError, match=r"has 0\.1 s, samples have 0\.5 to 60 s: give --seconds"):
        check_together({"audio": path})


def test_files_that_are_no_sound(tmp_path, three):
    assert parse_sound(three) == three
    (tmp_path / "text.wav").write_text("hello")
    soundfile.write(tmp_path / "nan.wav", torch.full((9000,), math.nan).numpy(), 16_000, "FLOAT")
    for name in ("text.wav", "absent.wav", "nan.wav"):
        with pytest.raises(ValueError, match=f"--audio cannot be read: .*{name}"):
            parse_sound(tmp_path / name)
