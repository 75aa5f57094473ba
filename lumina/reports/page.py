"""A contact sheet that opens in a browser: one HTML file beside the samples, with nothing from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lumina.clouds.ply import read_ply
from lumina.clouds.viewer import canvas_of, script
from lumina.pictures.opening import open_picture

PICTURES = (".png", ".jpg", ".webp")
CLOUD = ".ply"
SIDE = 256  # pixels along a square picture on the page; others have the same area

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 14px/1.4 system-ui, sans-serif; }}
body {{ margin: 1.5rem; }}
main {{ display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }}
figure {{ margin: 0; min-width: 10rem; max-width: 100%; }}
img {{ display: block; max-width: 100%; height: auto; }}
img.small {{ image-rendering: pixelated; }}
canvas {{ display: block; cursor: grab; touch-action: none; background: #fff; }}
p {{ margin: .3rem 0; overflow-wrap: anywhere; }}
small {{ opacity: .7; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p><small>{settings}</small></p>
<main>
{figures}
</main>{script}
</body>
</html>
"""


def write_page(
    folder: Path, files: Sequence[Path], samples: Sequence[Mapping[str, Any]], settings: str, start: Path | None = None
) -> Path:
    """Writes ``index.html``.

    Args:
        folder: where it goes; the files lie there too.
        files: one a sample; pictures are shown, point clouds can be turned, everything else is a link.
        samples: what each is: prompt, seed, ...
        settings: what all have in common.
        start: the picture that they start from, shown before them; None = noise.
    """
    first = [] if start is None else [_figure(start, {"prompt": "The picture that they start from"})]
    figures = "\n".join([*first, *(_figure(file, sample) for file, sample in zip(files, samples, strict=True))])
    title = f"{len(files)} sample{'s' if len(files) > 1 else ''}"
    page = folder / "index.html"
    turns = script() if any(file.suffix == CLOUD for file in files) else ""
    text = PAGE.format(title=title, settings=escape(settings), figures=figures, script=turns)
    page.write_text(text, encoding="utf-8")
    return page


def _figure(file: Path, sample: Mapping[str, Any]) -> str:
    link, width, shown = quote(file.name), SIDE, escape(file.name)
    size = above = ""
    if file.suffix in PICTURES:
        with open_picture(file) as picture:
            size, (width, height) = f" · {picture.height}x{picture.width}", _display(*picture.size)
            small = ' class="small"' if width > picture.width else ""
        alt = escape(str(sample.get("prompt", "")))
        sides = f'width="{width}" height="{height}" style="width: {width}px"'
        shown = f'<img src="{link}" alt="{alt}" {sides} loading="lazy"{small}>'
    if file.suffix == CLOUD:
        points = read_ply(file)
        size, above = f" · {len(points):,} points", canvas_of(points, SIDE) + "\n"
    seed = f"seed {sample['seed']}{size} · " if "seed" in sample else ""
    return (
        f'<figure style="width: {width}px">{above}<a href="{link}">{shown}</a>\n<figcaption>{_caption(sample)}'
        f"<p><small>{seed}{escape(file.name)}</small></p></figcaption></figure>"
    )


def _display(width: int, height: int) -> tuple[int, int]:
    """Pixels on the page: the proportions of the picture, the area of all."""
    ratio = math.sqrt(width / height)
    return round(SIDE * ratio), round(SIDE / ratio)


def _caption(sample: Mapping[str, Any]) -> str:
    prompts = sample.get("prompt", [])
    lines = [escape(text) for text in ([prompts] if isinstance(prompts, str) else prompts)]
    lines += [f"<small>not: {escape(sample['negative'])}</small>"] if "negative" in sample else []
    lines += [escape(sample.get("class", f"label {sample['label']}"))] if "label" in sample else []
    return "".join(f'<p dir="auto">{line}</p>' for line in lines)
