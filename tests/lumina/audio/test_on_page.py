"""Sounds on a page: a player and a spectrogram, and nothing from elsewhere."""

import re
from base64 import b64decode
from io import BytesIO

import pytest
import soundfile
import torch
from PIL import Image

from lumina.audio.on_page import exhibit_sound, sound_on_page


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a b#.wav"
    soundfile.write(path, 0.5 * torch.sin(torch.arange(24_000) / 5).numpy(), 16_000)
    return path


def test_player_and_spectrogram(file):
    shown = sound_on_page(file, 'a "dog" <b>')
    assert 'src="a%20b%23.wav"' in shown.html and 'alt="a &quot;dog&quot; &lt;b&gt;"' in shown.html
    assert shown.note == "1.50 s, peak 0.50"
    data = re.search(r"data:image/png;base64,([\w+/=]+)", shown.html)[1]
    with Image.open(BytesIO(b64decode(data))) as picture:
        assert picture.height == 80 and 40 < picture.width <= 320
    assert "http" not in shown.html + shown.style + shown.script


def test_other_rates_are_shown_too(tmp_path):
    path = tmp_path / "high.flac"
    soundfile.write(path, torch.rand(44_100, 2).numpy() - 0.5, 44_100)
    assert sound_on_page(path).note.startswith("1.00 s")


def test_what_samples_were_made_from_is_copied_each_under_a_name_of_its_own(file, tmp_path):
    folder = tmp_path / "page"
    folder.mkdir()
    for name in ("start.wav", "start_1.wav"):
        shown = exhibit_sound(file, folder, "start", "The sound")
        assert (folder / name).is_file() and name in shown.html
        assert shown.note == "The sound, 1.50 s, peak 0.50"
