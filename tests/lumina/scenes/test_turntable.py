"""Views one after the other."""

import shutil
import stat

import pytest
import torch
from PIL import Image

from lumina.scenes.turntable import turned, wandb_turntables, write_gif, write_mp4

SHADES = torch.tensor([-1.0, 0.0, 1.0, 0.5])


def plain(channels=3, size=(8, 10)):
    return SHADES.view(-1, 1, 1, 1).expand(-1, channels, *size)


def test_views_pass_in_the_order_of_their_azimuths_from_the_first():
    assert turned([0, 33, 270]) == [0, 1, 2]
    assert turned([0, 270, 33, 90]) == [0, 2, 3, 1]
    assert turned([350, 10, 340]) == [0, 1, 2]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_gif_turns_without_an_end(tmp_path, channels):
    write_gif(plain(channels), tmp_path / "x.gif")
    with Image.open(tmp_path / "x.gif") as gif:
        assert (gif.n_frames, gif.size, gif.info["loop"]) == (4, (10, 8), 0)
        assert gif.info["duration"] == 400
        for frame, shade in enumerate((0, 128, 255, 191)):
            gif.seek(frame)
            assert gif.convert("RGB").getpixel((3, 3)) == pytest.approx((shade,) * 3, abs=3)


def test_many_views_turn_in_the_same_time(tmp_path):
    write_gif(torch.rand(24, 3, 8, 8) * 2 - 1, tmp_path / "x.gif")
    with Image.open(tmp_path / "x.gif") as gif:
        assert gif.n_frames == 24 and gif.info["duration"] == 100


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
@pytest.mark.parametrize("size", [(8, 10), (33, 65)])
def test_an_mp4_is_written_by_ffmpeg(tmp_path, size):
    file = write_mp4(plain(size=size), tmp_path / "x.mp4")
    assert file is not None and file.read_bytes()[4:8] == b"ftyp"


def test_without_ffmpeg_there_is_no_mp4(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert write_mp4(plain(), tmp_path / "x.mp4") is None


def test_an_ffmpeg_that_fails_costs_a_line(tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\n/bin/cat > /dev/null\necho no such encoder >&2\nexit 1\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.warns(UserWarning, match=r"x\.mp4 is not written: ffmpeg says 'no such encoder'"):
        assert write_mp4(plain(), tmp_path / "x.mp4") is None
    assert not (tmp_path / "x.mp4").exists()


def test_a_dashboard_gets_gifs():
    pytest.importorskip("wandb")
    one, other = wandb_turntables([plain(), plain(1)], ["a chair", "a lamp"])
    assert (one._caption, other._caption) == ("a chair", "a lamp") and one._format == "gif"
