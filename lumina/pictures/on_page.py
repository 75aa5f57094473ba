"""Pictures on a web page."""

from __future__ import annotations

import math
from dataclasses import replace
from html import escape
from itertools import count
from pathlib import Path
from urllib.parse import quote

from lumina.pictures.opening import open_picture
from lumina.pictures.reading import load_image
from lumina.values import Shown

SIDE = 256  # pixels along a square picture on the page; others have the same area
EXHIBIT = 512  # pixels at most along a picture that samples were made from
STYLE = "img { display: block; max-width: 100%; height: auto; }\nimg.small { image-rendering: pixelated; }"


def picture_on_page(file: Path, text: str = "") -> Shown:
    """A picture that links to its file; all are shown with the same area, small ones with sharp pixels.

    Args:
        file: in the folder of the page.
        text: what it shows, in words.
    """
    with open_picture(file) as picture:
        own = picture.size
    ratio = math.sqrt(own[0] / own[1])
    width, height = round(SIDE * ratio), round(SIDE / ratio)
    small = ' class="small"' if width > own[0] else ""
    link, sides = quote(file.name), f'width="{width}" height="{height}" style="width: {width}px"'
    image = f'<img src="{link}" alt="{escape(text)}" {sides} loading="lazy"{small}>'
    return Shown(html=f'<a href="{link}">{image}</a>', note=f"{own[1]}x{own[0]}", width=width, style=STYLE)


def exhibit_picture(file: Path, folder: Path, name: str, text: str) -> Shown:
    """A picture that samples were made from, copied in a size for pages.

    Args:
        file: anywhere.
        folder: that of the page.
        name: of the copy; with a number where the folder has it already.
        text: what it is.
    """
    picture = load_image(file)
    picture.thumbnail((EXHIBIT, EXHIBIT))
    copies = (folder / f"{name}{f'_{number}' if number else ''}.png" for number in count())
    copy = next(copy for copy in copies if not copy.exists())
    picture.save(copy)
    return replace(picture_on_page(copy, text), note=f"{text}: {file.name}")
