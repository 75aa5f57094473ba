"""What is asked for, from options and files together."""

import pytest

from lumina.conditioning.label import LabelConditioner
from lumina.conditioning.text import TextConditioner
from lumina.generation.requests import Regions
from lumina.generation.what import What
from lumina.generation.wishes import Wishes
from modalities.image import Image
from modalities.point_cloud import PointCloud

IMAGE = Wishes(Image, [TextConditioner])
CLOUD = Wishes(PointCloud, [TextConditioner, LabelConditioner])
NONE = Wishes(Image, [])


def test_several_conditions_are_told_together():
    asked = What(prompt=["a", "b"], label=[1, "c"], points=9).read(CLOUD)
    assert [(one.asked["prompt"], one.asked["label"]) for one in asked] == [("a", 1), ("a", "c"), ("b", 1), ("b", "c")]
    assert all(one.asked["points"] == 9 for one in asked)


def test_regions_need_a_prompt_each(tmp_path):
    (request,) = What(prompt=list("abcd"), compose="2x2").read(IMAGE)
    assert request.asked == {"prompt": Regions(("a", "b", "c", "d"))}
    for wrong in ({}, {"prompt": list("abc")}, {"prompt": list("abcd"), "prompts": tmp_path}):
        with pytest.raises(ValueError, match=r"--prompt 4 times"):
            What(**wrong, compose=(2, 2)).read(IMAGE)
    with pytest.raises(ValueError, match="at least 1 row"):
        What(compose="0x2").read(IMAGE)
    with pytest.raises(ValueError, match="a prompt 4 times"):
        What(compose="2x2").read(NONE)


def test_prompts_need_a_model_that_is_told_something(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(ValueError, match=r"line 1 of .* was trained with no conditions"):
        What(prompts=tmp_path / "a.txt").read(NONE)
