"""Sounds on a web page: a player below a spectrogram, with nothing from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from html import escape
from io import BytesIO
from itertools import count
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from lumina.audio.conventions import MAKE_AN_AUDIO
from lumina.audio.reading import read_header, read_sound
from lumina.audio.spectrogram import spectrogram_picture
from lumina.audio.writing import write_sound
from lumina.pictures.sheet import to_uint8
from lumina.values import MelConvention, Shown

WIDTH = 320  # pixels of the page
LONGEST = 60.0  # seconds of a sound that samples were made from
STYLE = "figure audio, img.sound { display: block; width: 100%; }"


def sound_on_page(file: Path, text: str = "", convention: MelConvention = MAKE_AN_AUDIO) -> Shown:
    """A player of a file.

    Args:
        file: in the folder of the page.
        text: what is heard, in words.
        convention: of the spectrogram.
    """
    sound = read_sound(file, convention.rate)
    picture = Image.fromarray(to_uint8(spectrogram_picture(sound, convention)).permute(1, 2, 0).numpy())
    written = BytesIO()
    picture.quantize(128).save(written, "PNG")
    data = f"data:image/png;base64,{b64encode(written.getvalue()).decode()}"
    image = f'<img class="sound" src="{data}" alt="{escape(text)}" width="{WIDTH}" height="80">'
    player = f'<audio controls preload="none" src="{quote(file.name)}"></audio>'
    note = f"{read_header(file).seconds:.2f} s, peak {float(sound.abs().amax()):.2f}"
    return Shown(html=f"{image}\n{player}", note=note, width=WIDTH, style=STYLE)


def exhibit_sound(file: Path, folder: Path, name: str, text: str) -> Shown:
    """A sound that samples were made from; its first minute is copied.

    Args:
        file: anywhere.
        folder: that of the page.
        name: of the copy; with a number where the folder has it already.
        text: what it is.
    """
    rate = read_header(file).rate
    copies = (folder / f"{name}{f'_{number}' if number else ''}.wav" for number in count())
    copy = next(copy for copy in copies if not copy.exists())
    shown = sound_on_page(write_sound(read_sound(file, rate, seconds=LONGEST), rate, copy, {}), text)
    return replace(shown, note=f"{text}, {shown.note}")
