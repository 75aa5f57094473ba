from pathlib import Path

import pytest
import torch
from PIL import Image as Picture

from lumina.frozen.autoencoders import RandomAutoencoder
from lumina.pictures.reading import to_tensor
from lumina.pictures.start import FittedPicture, parse_box, parse_size
from modalities.image import Image

CPU = torch.device("cpu")


@pytest.fixture
def picture(tmp_path):
    """Each pixel says where it is: 20 rows, 30 columns."""
    rows, columns = torch.meshgrid(torch.arange(20), torch.arange(30), indexing="ij")
    pixels = torch.stack((rows * 10, columns * 8, rows + columns), -1).to(torch.uint8)
    path = tmp_path / "picture.png"
    Picture.fromarray(pixels.numpy()).save(path)
    return path


def start(modality, **request):
    return modality.start(request, CPU)


def decoded(modality, known, size):
    canvas = modality.layout(1, {"size": size})
    return modality.decode(canvas.with_features(known.features), {})[0]


def kept_cells(modality, known, size):
    canvas = modality.layout(1, {"size": size})
    return modality._unpatchify(canvas.with_features(known.keep_mask.float()), 0)


def test_picture_of_its_own_size_stays_as_it_is(picture):
    modality = Image((8, 8), patch_size=2)
    known = start(modality, image=picture, size=(20, 30)).known
    torch.testing.assert_close(decoded(modality, known, (20, 30)), to_tensor(Picture.open(picture)))
    assert known.strength == 0.6 and known.keep_mask is None


def test_picture_is_cut_evenly_to_the_proportions(picture):
    modality = Image((8, 8), patch_size=2)
    known = start(modality, image=picture, strength=0.3, size=(20, 20)).known
    torch.testing.assert_close(decoded(modality, known, (20, 20)), to_tensor(Picture.open(picture))[:, :, 5:25])
    assert start(modality, image=picture).known.features.shape == (1, 16, 12)
    assert known.strength == 0.3


def test_grey_models_get_grey_pictures(picture):
    modality = Image((8, 8), channels=1, patch_size=2)
    known = start(modality, image=picture, size=(20, 30)).known
    grey = to_tensor(Picture.open(picture).convert("L").convert("RGB"))[:1]
    torch.testing.assert_close(decoded(modality, known, (20, 30)), grey)


@pytest.mark.parametrize("box", ["3,5,9,14", (3, 5, 9, 14)])
def test_box_is_where_the_picture_is_not_kept(picture, box):
    modality = Image((8, 8), patch_size=2)
    known = start(modality, image=picture, box=parse_box(box), size=(20, 30)).known
    expected = torch.ones(3, 20, 30)
    expected[:, 3:9, 5:14] = 0
    assert torch.equal(kept_cells(modality, known, (20, 30)), expected)
    assert known.strength == 1


def test_box_is_cut_and_scaled_with_the_picture(picture):
    """Cut to columns 5 to 25 and doubled: columns 7 to 12 of the file become 4 to 14."""
    modality = Image((8, 8), patch_size=2)
    known = start(modality, image=picture, box=(0, 7, 20, 12), size=(40, 40)).known
    expected = torch.ones(3, 40, 40)
    expected[:, :, 4:14] = 0
    assert torch.equal(kept_cells(modality, known, (40, 40)), expected)


def test_box_widens_to_whole_cells_of_the_latent(picture):
    modality = Image((16, 16), patch_size=2, autoencoder=RandomAutoencoder(levels=3))
    known = start(modality, image=picture, box=(3, 4, 9, 8), size=(16, 24)).known
    expected = torch.ones(4, 4, 6)  # the file is scaled by 0.8: rows 2.4 to 7.2, columns 3.2 to 6.4; a cell is 4 pixels
    expected[:, 0:2, 0:2] = 0
    assert torch.equal(kept_cells(modality, known, (16, 24)), expected)


def test_pixels_outside_the_box_are_those_of_the_file(picture):
    """Not of whole latent cells, and not of a VAE's copy of them."""
    modality = Image((16, 16), patch_size=2, autoencoder=RandomAutoencoder(levels=3))
    drawn = torch.full((3, 24, 40), 0.123)
    (restored,) = start(modality, image=picture, box=(3, 5, 9, 14), size=(24, 40)).restore([drawn])
    inside = restored == drawn
    assert torch.equal(restored[~inside], FittedPicture.of(picture, (24, 40), 3).image[0][~inside])
    rows, columns = (torch.nonzero(inside.all(0).any(axis)).flatten() for axis in (1, 0))
    # the file is cut to 18 rows, from 1 on, and enlarged by 4/3: rows 2.7 to 10.7, columns 6.7 to 18.7
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 10, 6, 18)


@pytest.mark.parametrize("box", ["0,0,21,5", "5,5,5,9", "9,0,3,4", "0,30,4,31"])
def test_box_outside_the_picture(picture, box):
    with pytest.raises(ValueError, match="inside the picture of 20x30"):
        start(Image((8, 8), patch_size=2), image=picture, box=parse_box(box))


def test_box_in_what_is_cut_off(picture):
    with pytest.raises(ValueError, match="cut off"):
        start(Image((8, 8), patch_size=2), image=picture, box=(0, 0, 20, 5))


def test_box_and_strength_need_a_picture(picture):
    for options in ({"box": (0, 0, 1, 1)}, {"strength": 0.5}):
        with pytest.raises(ValueError, match="give --image"):
            Image.check_request(options)
    Image.check_request({"box": (0, 0, 1, 1), "image": Path("a.png")})


@pytest.mark.parametrize("text", ["1024x4096", "1024X4096", "1024 × 4096", "[1024,4096]", "1024, 4096", (1024, 4096)])
def test_size_is_height_and_width(text):
    assert parse_size(text) == (1024, 4096)


@pytest.mark.parametrize("text", ["1024", "1x2x3", "axb", "-1x4", "1.5x2", "", "x", "²x³", (1, 2, 3)])
def test_size_that_is_none(text):
    with pytest.raises(ValueError, match="HEIGHTxWIDTH"):
        parse_size(text)


def test_huge_size():
    with pytest.raises(ValueError, match="20000x20000 has more than"):
        parse_size("20000x20000")
