"""Clouds on a page."""

from __future__ import annotations

import base64
import re

import numpy as np
import torch

from lumina.clouds.render import centred
from lumina.clouds.viewer import canvas_of, script


def test_viewer_holds_the_points_and_needs_nothing_else():
    points = torch.randn(500, 3)
    canvas = canvas_of(points, 200)
    data = re.search('data-points="([^"]*)"', canvas)[1]
    back = torch.from_numpy(np.frombuffer(base64.b64decode(data), "<i2").astype(np.float32).reshape(-1, 3))
    torch.testing.assert_close(back, centred(points) * 16_000, atol=0.5, rtol=0)
    assert not re.search(r"https?://|src=|import |fetch", script())
