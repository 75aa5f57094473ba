import numpy as np
import pytest

from lumina.data.crops import Crops, best_crops, crop_sizes


@pytest.mark.parametrize(("size", "count"), [(256, 49), (512, 97), (1024, 193)])
def test_the_released_codes_tables(size, count):
    sizes = crop_sizes(size)
    assert len(sizes) == len(set(sizes)) == count
    assert {(height, width) for width, height in sizes} == set(sizes)
    assert (size, size) in sizes and (size // 2, size * 2) in sizes and (size * 2, size // 2) in sizes
    for height, width in sizes:
        assert height % 16 == width % 16 == 0
        assert height * width <= size**2 < (height + 16) * (width + 16)
        assert max(height, width) <= 4 * min(height, width)


@pytest.mark.parametrize("size", [256, 512])
def test_the_tables_are_the_released_codes_staircase(size):
    """Its walk: one column less when a row more would be too much."""
    cells, columns, rows, walk = (size // 16) ** 2, (size // 16) ** 2, 1, []
    while columns > 0:
        if max(columns, rows) <= 4 * min(columns, rows):
            walk.append((rows * 16, columns * 16))
        if (rows + 1) * columns <= cells:
            rows += 1
        else:
            columns -= 1
    assert sorted(walk) == sorted(crop_sizes(size))


def test_aspect_one_is_the_square_alone():
    assert crop_sizes(256, max_aspect=1) == [(256, 256)]
    assert crop_sizes(64, max_aspect=1, cell=8) == [(64, 64)]


def test_impossible_tables_are_refused():
    with pytest.raises(ValueError, match="size 100 with cells of 16"):
        crop_sizes(100)
    with pytest.raises(ValueError, match=r"max_aspect 0\.5"):
        crop_sizes(64, 0.5)


def test_the_best_crop_loses_least():
    sizes = crop_sizes(256)
    generator = np.random.default_rng(0)
    for height, width in generator.integers(20, 3000, (200, 2)).tolist():
        scales = [max(rows / height, columns / width) for rows, columns in sizes]
        shares = [a * b / (height * s * width * s) for (a, b), s in zip(sizes, scales, strict=True)]
        best = best_crops((height, width), sizes, 4)
        assert [shares[place] for place in best] == pytest.approx(sorted(shares, reverse=True)[:4])


def test_one_of_the_nearest_sizes_by_name():
    sizes = crop_sizes(256)
    crops = Crops(sizes, nearest=4)
    drawn = [crops.of((300, 300), f"{number}.png") for number in range(200)]
    assert set(drawn) == set(best_crops((300, 300), sizes, 4))
    assert drawn == [Crops(sizes, nearest=4).of((300, 300), f"{number}.png") for number in range(200)]
    assert sizes[Crops(sizes).of((300, 300), "any")] == (256, 256)
    with pytest.raises(ValueError, match="nearest_sizes 0"):
        Crops(sizes, 0)
