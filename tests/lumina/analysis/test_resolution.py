"""Pictures of a size that fit into one batch, and the curves of the figure."""

import pytest
import yaml

from lumina.analysis.resolution import crop, draw, fitting
from lumina.pictures.framing import CentreCrop


@pytest.mark.parametrize(("size", "count"), [(224, 64), (448, 16), (320, 31), (4096, 1)])
def test_larger_pictures_come_with_fewer_others(size, count):
    """As many pixels as 64 of 224 x 224 have, and never none."""
    found = fitting(64, size, (224, 448, 320, 4096))
    assert found == count
    assert found * size**2 <= 64 * 224**2 or found == 1
    assert (found + 1) * size**2 > 64 * 224**2


def test_the_crop_is_the_framing_that_it_names():
    read = yaml.safe_load(crop(384, 0.875))
    assert read["class_path"].endswith(f".{CentreCrop.__name__}")
    assert CentreCrop(**read["init_args"]).size(500, 700) == (384, 384)


def test_each_run_has_a_colour_and_each_rule_a_style(tmp_path, is_figure):
    draw(
        {"a, none": ({224: 0.8, 384: 0.7}, "none", 0), "a, ntk": ({224: 0.8, 384: 0.75}, "ntk", 0)}, tmp_path / "x.png"
    )
    assert is_figure(tmp_path / "x.png")
