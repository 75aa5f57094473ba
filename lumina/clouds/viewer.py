"""Point clouds on a web page: a canvas that turns them, with nothing from elsewhere."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

from torch import Tensor

from lumina.clouds.render import FAR, FILL, HIGH, INNER, LOW, centred

STEPS = 16_000  # of a coordinate between 0 and 1 in 16 bits: stray points to twice the radius have room too


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
