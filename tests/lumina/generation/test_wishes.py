"""What a model may be asked for."""

import pytest

from lumina.conditioning.label import LabelConditioner
from lumina.conditioning.text import TextConditioner
from lumina.generation.what import What
from lumina.generation.wishes import Wishes
from modalities.image import Image
from modalities.point_cloud import PointCloud

IMAGE = Wishes(Image, [TextConditioner])
CLOUD = Wishes(PointCloud, [TextConditioner, LabelConditioner])
NONE = Wishes(Image, [])


@pytest.mark.parametrize("points", [0, "many", 1.5, True])
def test_numbers_of_points(points):
    with pytest.raises(ValueError, match="points"):
        CLOUD.read("points", points)
    assert CLOUD.read("points", 9) == 9


def test_wishes_that_the_model_has_no_use_for():
    assert What(prompt="a", size="8x8").read(IMAGE)[0].asked == {"size": (8, 8), "prompt": "a"}
    with pytest.raises(ValueError, match=r"--points was given, but this model is of Image .*: it is for PointCloud"):
        What(points=9).read(IMAGE)
    with pytest.raises(ValueError, match=r"--size was given, but this model is of PointCloud .*: it is for Image"):
        What(size=(8, 8)).read(CLOUD)
    with pytest.raises(ValueError, match=r"--promt was given, .* did you mean 'prompt'"):
        What(promt="a").read(IMAGE)
    with pytest.raises(ValueError, match=r"--prompt was given, but this model is of Image and takes size, .*Condit"):
        What(prompt="a").read(NONE)
