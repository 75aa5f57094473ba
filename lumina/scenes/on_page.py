"""Drawn views on a web page: a turntable above the views themselves, with nothing from elsewhere."""

from __future__ import annotations

from html import escape
from pathlib import Path
from urllib.parse import quote

from lumina.pictures.opening import open_picture
from lumina.scenes.layouts import read_views
from lumina.scenes.saving import CAMERAS, GIF, MP4, SHEET
from lumina.scenes.views import View
from lumina.values import Shown

WIDTH, SIDE, GAP = 328, 256, 4  # pixels of the page; the side is the turntable's
IN_A_ROW = 4
STYLE = (
    f"div.views {{ display: flex; flex-wrap: wrap; gap: {GAP}px; width: {WIDTH}px; }}\n"
    "div.views figure { min-width: 0; }\n"
    "div.views figcaption { font-size: 11px; text-align: center; opacity: .7; }\n"
    "div.views img, img.turntable { display: block; height: auto; }\n"
    "img.small { image-rendering: pixelated; }"
)


def views_on_page(folder: Path, text: str = "") -> Shown:
    """A turntable that links to the sheet, the views that link to their files, and links to what else there is.

    Args:
        folder: that `lumina.scenes.saving.save_views` wrote, in the folder of the page.
        text: what is seen, in words.
    """
    views = read_views(folder).views
    with open_picture(views[0].file) as picture:
        width, height = picture.size
    side = (WIDTH + GAP) // IN_A_ROW - GAP
    shown = folder / (GIF if (folder / GIF).is_file() else views[0].file.name)
    small = ["turntable", "small"] if SIDE > width else ["turntable"]
    turntable = (
        f'<img class="{" ".join(small)}" src="{_link(shown)}" alt="{escape(text)}" width="{SIDE}" loading="lazy">'
    )
    strip = "\n".join(_figure(view, views[0], side, side > width) for view in views)
    others = [file for name in (CAMERAS, MP4) if (file := folder / name).is_file()]
    links = " ".join(f'<a href="{_link(file)}">{escape(file.name)}</a>' for file in others)
    html = f'<a href="{_link(folder / SHEET)}">{turntable}</a>\n<div class="views">\n{strip}\n</div>\n{links}'
    return Shown(html=html, note=f"{len(views)} x {height}x{width}", width=WIDTH, style=STYLE)


def _figure(view: View, first: View, side: int, small: bool) -> str:
    azimuth = f"{(view.camera.azimuth - first.camera.azimuth) % 360:.4g}°"
    pixelated = ' class="small"' if small else ""
    image = f'<img{pixelated} src="{_link(view.file)}" alt="{azimuth}" width="{side}" loading="lazy">'
    return f'<figure><a href="{_link(view.file)}">{image}</a><figcaption>{azimuth}</figcaption></figure>'


def _link(file: Path) -> str:
    """From the page to a file in a folder beside it."""
    return quote(f"{file.parent.name}/{file.name}")
