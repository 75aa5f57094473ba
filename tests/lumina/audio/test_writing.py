"""Writing sound files: never clipped, with their texts, whole or not at all."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import warnings
from pathlib import Path

import pytest
import torch

from lumina.audio.reading import read_header, read_sound
from lumina.audio.writing import write_sound

soundfile = pytest.importorskip("soundfile")
TEXTS = {"prompt": 'a dog, "ö" 🎵\nand a cat', "settings": "x" * 10_001}


def tone(level: float = 0.5) -> torch.Tensor:
    return level * torch.sin(torch.arange(16_001) / 20)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
@pytest.mark.parametrize("texts", [None, TEXTS])
def test_what_is_written_is_read_again(tmp_path, suffix, texts):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = write_sound(tone(), 16_000, tmp_path / f"new/a{suffix}", texts)
    torch.testing.assert_close(read_sound(path, 16_000), tone(), atol=1e-4, rtol=0)
    assert read_header(path).samples == 16_001
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_samples_are_rounded_not_cut_off(tmp_path, suffix):
    ramp = torch.linspace(-1, 1, 70_001)
    error = soundfile.read(write_sound(ramp, 16_000, tmp_path / f"a{suffix}"))[0] - ramp.double().numpy()
    assert abs(error[:-2]).max() * 2**15 < 0.51 and abs(error.mean()) * 2**15 < 0.01
    grid = torch.arange(-(2**15), 2**15) / 2**15
    assert torch.equal(read_sound(write_sound(grid, 16_000, tmp_path / f"b{suffix}"), 16_000), grid)


def test_texts_are_in_the_file(tmp_path):
    with soundfile.SoundFile(write_sound(tone(), 16_000, tmp_path / "a.flac", TEXTS)) as file:
        assert json.loads(file.comment) == TEXTS
    short = {"prompt": TEXTS["prompt"]}
    with soundfile.SoundFile(write_sound(tone(), 16_000, tmp_path / "short.wav", short)) as file:
        assert json.loads(file.comment) == short
    content = write_sound(tone(), 16_000, tmp_path / "a.wav", TEXTS).read_bytes()
    assert chunks(content[12:])["LIST"][:4] == b"INFO"
    comment = chunks(chunks(content[12:])["LIST"][4:])["ICMT"]
    assert json.loads(comment.rstrip(b"\0")) == TEXTS
    assert int.from_bytes(content[4:8], "little") == len(content) - 8


def chunks(content: bytes) -> dict[str, bytes]:
    found, place = {}, 0
    while place < len(content):
        size = int.from_bytes(content[place + 4 : place + 8], "little")
        found[content[place : place + 4].decode()] = content[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
    return found


@pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not installed")
def test_others_read_it_without_a_warning(tmp_path):
    path = write_sound(tone(), 16_000, tmp_path / "a.wav", TEXTS)
    run = subprocess.run(["soxi", "-s", path], capture_output=True, text=True, check=True)
    assert (run.stdout.strip(), run.stderr) == ("16001", "")


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_peak_above_one_is_scaled_and_said(tmp_path, suffix):
    with pytest.warns(UserWarning, match=rf"a\{suffix}: the sound's peak was 1\.60 and is scaled to 1"):
        path = write_sound(tone(1.6), 16_000, tmp_path / f"a{suffix}")
    torch.testing.assert_close(read_sound(path, 16_000), tone(1.0), atol=1e-3, rtol=0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_refused(tmp_path, value):
    sound = tone()
    sound[7] = value
    with pytest.raises(ValueError, match="NaN or infinity"):
        write_sound(sound, 16_000, tmp_path / "a.wav")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", [(0,), (1, 100), (2, 100)])
def test_other_shapes_are_refused(tmp_path, shape):
    with pytest.raises(ValueError, match=r"expected \[N\]"):
        write_sound(torch.zeros(shape), 16_000, tmp_path / "a.wav")


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"written as \.flac or \.wav, not as \.mp3"):
        write_sound(tone(), 16_000, Path(tmp_path / "a.mp3"))
