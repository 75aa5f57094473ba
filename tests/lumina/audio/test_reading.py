"""Reading sound files: formats, parts, levels, and files that lie."""

from __future__ import annotations

import io
import math
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from real_sounds import SOUNDS

from lumina.audio.reading import read_header, read_sound
from lumina.errors import CorruptSample

soundfile = pytest.importorskip("soundfile")


def tone(rate: int, seconds: float = 1.0, frequency: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * math.pi * frequency / rate * np.arange(round(rate * seconds)))


def written(path: Path, sound: np.ndarray, rate: int = 16_000, **how: str) -> Path:
    soundfile.write(path, sound, rate, **how)
    return path


def decibels_above_difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float(10 * torch.log10(theirs.square().sum() / (ours - theirs).square().sum()))


@pytest.mark.parametrize(
    ("suffix", "rate", "channels", "how"),
    [
        ("wav", 16_000, 1, {}),
        ("wav", 44_100, 2, {}),
        ("wav", 48_000, 6, {"subtype": "PCM_24", "format": "WAVEX"}),
        ("wav", 192_000, 1, {"subtype": "FLOAT"}),
        ("wav", 8000, 1, {"subtype": "PCM_U8"}),
        ("wav", 16_000, 1, {"subtype": "DOUBLE"}),
        ("flac", 44_100, 2, {"subtype": "PCM_24"}),
        ("ogg", 44_100, 1, {}),
        ("mp3", 44_100, 1, {}),
        ("aiff", 22_050, 1, {}),
    ],
)
def test_any_file_is_one_channel_at_one_rate(tmp_path, suffix, rate, channels, how):
    sound = np.repeat(tone(rate)[:, None], channels, 1)
    file = written(tmp_path / f"a.{suffix}", sound, rate, **how)
    got = read_sound(file, 16_000)
    assert got.shape == (16_000,)
    assert got.dtype == torch.float32
    expected = torch.from_numpy(tone(16_000)).float()
    assert decibels_above_difference(got[800:-800], expected[800:-800]) > 30
    header = read_header(file)
    assert (header.rate, header.samples, header.channels, header.seconds) == (rate, rate, channels, 1.0)


@pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not installed")
@pytest.mark.parametrize("file", sorted(SOUNDS.glob("*.flac")), ids=lambda file: file.stem)
def test_a_real_sound_is_what_sox_makes_of_it(tmp_path, file):
    remix = ["remix", "1-2"] if read_header(file).channels == 2 else []
    command = ["sox", "-D", file, "-r", "16000", "-e", "float", "-b", "32", tmp_path / "sox.wav", *remix]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    theirs = torch.from_numpy(soundfile.read(tmp_path / "sox.wav", dtype="float32")[0])
    ours = read_sound(file, 16_000)
    assert abs(len(ours) - len(theirs)) <= 1
    count = min(len(ours), len(theirs))
    assert decibels_above_difference(ours[:count], theirs[:count]) > 30


def test_channels_are_averaged_and_an_offset_stays(tmp_path):
    file = written(tmp_path / "a.wav", np.stack([np.full(100, 0.5), np.full(100, -0.25)], 1), subtype="FLOAT")
    torch.testing.assert_close(read_sound(file, 16_000), torch.full((100,), 0.125))


def test_peaks_above_one_are_clamped(tmp_path):
    file = written(tmp_path / "a.wav", 4 * tone(16_000), subtype="FLOAT")
    assert read_sound(file, 16_000).abs().max() == 1
    assert read_sound(file, 16_000, loudness="peak").abs().max() == 1
    assert read_sound(file, 16_000, loudness=-23.0).abs().max() < 0.5


@pytest.mark.parametrize("rate", [16_000, 44_100, 8000, 48_000])
@pytest.mark.parametrize(("start", "seconds"), [(0.0, 0.3), (0.7123, 0.5), (1.5, None), (1.9, 5.0)])
def test_a_part_is_the_part_of_the_whole(tmp_path, rate, start, seconds):
    file = written(tmp_path / "a.wav", np.random.default_rng(0).normal(scale=0.2, size=2 * rate), rate)
    first = round(start * 16_000)
    last = None if seconds is None else round((start + seconds) * 16_000)
    part = read_sound(file, 16_000, start=start, seconds=seconds)
    torch.testing.assert_close(part, read_sound(file, 16_000)[first:last], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3", "opus"])
def test_a_part_of_a_compressed_file_is_the_part_of_the_whole(tmp_path, suffix):
    sound = np.concatenate([tone(48_000, 1.0, frequency) for frequency in (200, 440, 900, 1300, 3000)])
    how = {"format": "OGG", "subtype": "OPUS"} if suffix == "opus" else {}
    file = written(tmp_path / f"a.{suffix}", sound, 48_000, **how)
    whole = read_sound(file, 16_000)
    assert decibels_above_difference(whole, torch.from_numpy(np.ascontiguousarray(sound[::3])).float()) > 25
    for start in (0.0, 1.3, 3.9):
        part = read_sound(file, 16_000, start=start, seconds=1.0)
        assert decibels_above_difference(part, whole[round(start * 16_000) :][:16_000]) > 40


def test_open_files_are_read_too(tmp_path):
    data = io.BytesIO()
    soundfile.write(data, tone(16_000), 16_000, format="FLAC")
    data.seek(17)
    assert len(read_sound(data, 16_000, name="shard.tar/a.flac")) == 16_000
    with pytest.raises(CorruptSample, match=r"shard\.tar/b\.flac"):
        read_sound(io.BytesIO(b"none"), 16_000, name="shard.tar/b.flac")


def test_twelve_seconds_of_three_hours_are_read_fast(tmp_path):
    minute = np.random.default_rng(0).integers(-99, 99, 2000 * 60).astype(np.int16)
    for suffix in ("wav", "flac"):
        with soundfile.SoundFile(tmp_path / f"long.{suffix}", "w", 2000, 1, "PCM_16") as long:
            for _ in range(180):
                long.write(minute)
        part = read_sound(tmp_path / f"long.{suffix}", 2000, start=9000.5, seconds=0.1)
        torch.testing.assert_close(part, torch.from_numpy(minute[1000:1200]) / 32768, atol=1e-6, rtol=0)
    code = (
        "import resource, sys, time; from pathlib import Path\n"
        "from lumina.audio.reading import read_header, read_sound\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for file in map(Path, sys.argv[1:]):\n"
        "    read_sound(file, 16_000, 1.0, 1.0); before, began = peak(), time.process_time()\n"
        "    assert read_header(file).seconds == 10_800 and len(read_sound(file, 16_000, 9000.5, 12.0)) == 192_000\n"
        "    print(time.process_time() - began, peak() - before)"
    )
    files = [str(tmp_path / f"long.{suffix}") for suffix in ("wav", "flac")]
    run = subprocess.run([sys.executable, "-c", code, *files], capture_output=True, text=True, check=True)
    for line in run.stdout.splitlines():
        seconds, kilobytes = map(float, line.split())
        assert seconds < 1
        assert kilobytes < 200_000


def test_a_truncated_file_says_how_much_there_is(tmp_path):
    file = written(tmp_path / "a.wav", tone(16_000))
    file.write_bytes(file.read_bytes()[: 44 + 2 * 4000])
    with pytest.raises(CorruptSample, match=r"a\.wav: truncated: it holds 4000 of the 16000 samples"):
        read_header(file)
    lying = bytearray(written(tmp_path / "b.wav", tone(16_000)).read_bytes())
    lying[40:44] = struct.pack("<I", 0xC0000000)
    with pytest.raises(CorruptSample, match=r"it holds 16000 of the 1610612736 samples"):
        read_header(io.BytesIO(bytes(lying)))
    flac = written(tmp_path / "a.flac", np.random.default_rng(0).normal(scale=0.2, size=16_000))
    flac.write_bytes(flac.read_bytes()[: flac.stat().st_size // 2])
    with pytest.raises(CorruptSample, match=r"a\.flac: truncated or damaged after about 4096 of the 16000"):
        read_sound(flac, 16_000)


@pytest.mark.parametrize("suffix", ["aiff", "au", "caf", "w64", "mp3", "ogg", "opus"])
def test_other_truncated_formats_are_corrupt_or_shorter_by_their_own_count(tmp_path, suffix):
    sound = np.random.default_rng(0).normal(scale=0.2, size=48_000 * 20)
    how = {"format": "OGG", "subtype": "OPUS"} if suffix == "opus" else {}
    file = written(tmp_path / f"a.{suffix}", sound, 48_000, **how)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    if suffix in ("ogg", "opus"):  # their length is found, not claimed
        assert 8 < read_header(file).seconds < 12
        assert len(read_sound(file, 16_000)) == pytest.approx(read_header(file).seconds * 16_000, abs=1)
    else:
        with pytest.raises(CorruptSample):
            read_sound(file, 16_000)


@pytest.mark.parametrize("claimed", [0xFFFFFFFF, 0x7FFFF000], ids=["ffmpeg", "sox"])
def test_streams_of_unknown_length_are_read(tmp_path, claimed):
    """What is written into a pipe claims a length that nobody knew."""
    file = written(tmp_path / "a.wav", tone(16_000))
    data = bytearray(file.read_bytes())
    data[4:8] = data[40:44] = struct.pack("<I", claimed)
    file.write_bytes(data)
    assert len(read_sound(file, 16_000)) == 16_000


def flac_claiming(samples: int) -> bytes:
    data = io.BytesIO()
    soundfile.write(data, tone(16_000), 16_000, format="FLAC")
    content = bytearray(data.getvalue())
    place = 4 + 4 + 10  # marker, block header, then sizes of blocks and frames
    fields = int.from_bytes(content[place : place + 8], "big") >> 36 << 36 | samples
    content[place : place + 8] = fields.to_bytes(8, "big")
    return bytes(content)


def test_absurd_claims_take_no_memory(tmp_path):
    file = tmp_path / "a.flac"
    file.write_bytes(flac_claiming(16_000))
    assert len(read_sound(file, 16_000)) == 16_000
    file.write_bytes(flac_claiming(2**36 - 1))
    with pytest.raises(CorruptSample, match=f"after about 16000 of the {2**36 - 1} samples that its header claims"):
        read_sound(file, 16_000)


@pytest.mark.parametrize("rate", [1, 999, 2**31 - 1])
def test_absurd_rates_are_refused(tmp_path, rate):
    file = written(tmp_path / "a.wav", tone(16_000), rate)
    with pytest.raises(CorruptSample, match=f"rate of {rate} Hz"):
        read_sound(file, 16_000)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_corrupt(tmp_path, value):
    sound = tone(16_000)
    sound[5] = value
    file = written(tmp_path / "a.wav", sound, subtype="FLOAT")
    with pytest.raises(CorruptSample, match=r"a\.wav: it holds NaN or infinity"):
        read_sound(file, 16_000)


def test_no_samples_text_and_other_files_are_corrupt(tmp_path):
    with pytest.raises(CorruptSample, match="it holds no samples"):
        read_header(written(tmp_path / "empty.wav", np.zeros(0)))
    for name in ("text.wav", "text.vox", "text.gsm", "text.raw", "text.au"):
        (tmp_path / name).write_text("no sound at all, but a text of some length" * 100)
        with pytest.raises(CorruptSample, match=name):
            read_header(tmp_path / name)
    with pytest.raises(CorruptSample, match="convert it to WAV or FLAC"):
        read_header(written(tmp_path / "a.mat", tone(16_000), format="MAT5"))


def test_pipes_folders_and_missing_files_do_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    for name in ("pipe.wav", "", "missing.wav"):
        with pytest.raises(CorruptSample):
            read_header(tmp_path / name)


def test_a_part_beyond_the_end_is_named(tmp_path):
    file = written(tmp_path / "a.wav", tone(16_000))
    with pytest.raises(CorruptSample, match=r"it lasts 1\.000 seconds, but a part from 2\.000 seconds on"):
        read_sound(file, 16_000, start=2.0)


@pytest.mark.parametrize(("start", "seconds"), [(-1.0, None), (0.0, 0.0), (0.0, -1.0), (0.0, math.nan)])
def test_impossible_parts_are_refused(tmp_path, start, seconds):
    with pytest.raises(ValueError, match="set start to 0 or more, seconds above 0"):
        read_sound(tmp_path / "a.wav", 16_000, start=start, seconds=seconds)
