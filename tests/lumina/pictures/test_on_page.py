import re

import pytest
import torch

from lumina.pictures.on_page import picture_on_page
from lumina.pictures.sheet import save_picture


@pytest.mark.parametrize(("height", "width"), [(16, 64), (64, 16), (1024, 4096), (8, 8)])
def test_pictures_keep_their_proportions(tmp_path, height, width):
    file = save_picture(torch.zeros(3, height, width, dtype=torch.uint8), tmp_path / "0.png")
    shown = picture_on_page(file, '"a" & b')
    sides = [int(side) for side in re.findall(r'(?:width|height)="(\d+)"', shown.html)]
    assert sides[0] / sides[1] == pytest.approx(width / height, rel=0.01) and shown.width == sides[0]
    assert sides[0] * sides[1] == pytest.approx(256**2, rel=0.01)
    assert ('class="small"' in shown.html) == (width * height < 256**2)
    assert shown.note == f"{height}x{width}" and 'alt="&quot;a&quot; &amp; b"' in shown.html
