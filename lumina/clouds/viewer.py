"""Point clouds on a web page: a canvas that turns them, with nothing from elsewhere."""

from __future__ import annotations

import json
from base64 import b64encode
from html import escape
from pathlib import Path
from urllib.parse import quote

from torch import Tensor

from lumina.clouds.ply import read_ply
from lumina.clouds.render import FAR, FILL, HIGH, INNER, LOW, centred
from lumina.values import Shown

SIDE = 256  # pixels of the page
STYLE = "canvas { display: block; cursor: grab; touch-action: none; background: #fff; }"
STEPS = 16_000  # of a coordinate between 0 and 1 in 16 bits: stray points to twice the radius have room too


def cloud_on_page(file: Path) -> Shown:
    """A cloud that turns, above a link to its file.

    Args:
        file: in the folder of the page, as `lumina.clouds.ply.write_ply` wrote it.
    """
    points = read_ply(file)
    html = f'{canvas_of(points, SIDE)}\n<a href="{quote(file.name)}">{escape(file.name)}</a>'
    return Shown(html=html, note=f"{len(points):,} points", width=SIDE, style=STYLE, script=script())


def script() -> str:
    """Goes behind the canvases of a page: drag turns a cloud, the wheel enlarges it."""
    numbers = {"LOW": LOW, "HIGH": HIGH, "INNER": INNER, "FAR": FAR, "FILL": FILL, "STEPS": STEPS}
    constants = f"const {', '.join(f'{name} = {json.dumps(value)}' for name, value in numbers.items())};"
    return f"<script>\n{constants}\n{Path(__file__).with_suffix('.js').read_text()}</script>"


def canvas_of(points: Tensor, side: int) -> str:
    """The canvas that `script` fills.

    Args:
        points: ``[P, 3]``, y upwards.
        side: in pixels of the page.
    """
    steps = (centred(points.float()) * STEPS).round().clamp(-32_767, 32_767)
    data = b64encode(steps.numpy().astype("<i2").tobytes()).decode()
    return f'<canvas class="cloud" style="width: {side}px; height: {side}px" data-points="{data}"></canvas>'
