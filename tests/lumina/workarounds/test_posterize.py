"""RandAugment at its greatest magnitude."""

import pytest
from PIL import Image

from lumina.workarounds.posterize import keep_a_bit

auto_augment = pytest.importorskip("timm.data.auto_augment")
PICTURE = Image.linear_gradient("L").convert("RGB")


def posterize():
    operations = auto_augment.rand_augment_transform("rand-m10-p1-inc1", {})
    operations.ops = [operation for operation in operations.ops if operation.name == "PosterizeIncreasing"]
    operations.choice_weights = None
    return operations


def test_upstream_asks_for_no_bits():
    """When this fails, the remedy may go."""
    with pytest.raises(ValueError, match="bits must be between"):
        posterize().ops[0](PICTURE)


def test_a_bit_is_kept():
    operations = posterize()
    keep_a_bit(operations)
    assert {colour for _, colour in operations.ops[0](PICTURE).getcolors()} == {(0, 0, 0), (128, 128, 128)}
