"""Samples on a page that opens in a browser: one HTML file beside theirs, with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from lumina.values import Shown

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
p {{ margin: .3rem 0; overflow-wrap: anywhere; }}
small {{ opacity: .7; }}
{styles}
</style>
</head>
<body>
<h1>{title}</h1>
<p><small>{settings}</small></p>
<main>
{figures}
</main>{scripts}
</body>
</html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A file and what is said below it.

    Attributes:
        shown: the file.
        words: what it shows, a line each.
        away: what it stays away from, a line each.
        facts: seed, size, name of the file: on one line.
    """

    shown: Shown
    words: Sequence[str] = ()
    away: Sequence[str] = ()
    facts: Sequence[str] = ()


def write_page(folder: Path, title: str, settings: str, figures: Sequence[Figure]) -> Path:
    """Writes ``index.html``.

    Args:
        folder: where it goes; the files lie there too.
        title: of the page.
        settings: what all figures have in common.
        figures: in their order.
    """
    styles, scripts = ({getattr(f.shown, kind): None for f in figures} for kind in ("style", "script"))
    text = PAGE.format(
        title=escape(title),
        settings=escape(settings),
        figures="\n".join(map(_figure, figures)),
        styles="\n".join(styles),
        scripts="".join(scripts),
    )
    page = folder / "index.html"
    page.write_text(text, encoding="utf-8")
    return page


def _figure(figure: Figure) -> str:
    lines = [escape(words) for words in figure.words] + [
        f"<small>not: {escape(words)}</small>" for words in figure.away
    ]
    told = "".join(f'<p dir="auto">{line}</p>' for line in lines)
    facts = f"<p><small>{escape(' · '.join(figure.facts))}</small></p>" if figure.facts else ""
    return (
        f'<figure style="width: {figure.shown.width}px">{figure.shown.html}\n'
        f"<figcaption>{told}{facts}</figcaption></figure>"
    )
