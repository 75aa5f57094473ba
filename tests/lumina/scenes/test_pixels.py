import json
import pickle
from dataclasses import replace
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_views import FIELD_OF_VIEW, write_object

from lumina.errors import CorruptSample
from lumina.metrics.views.pinholes import Pinholes
from lumina.scenes.layouts import read_views
from lumina.scenes.pixels import PixelReader, read_pixels
from lumina.scenes.sets import Opened


def pixels(folder, size=8, count=(3, 3), reference="own"):
    return read_pixels(Opened(read_views(folder)), PixelReader(size, 0), count, reference)


def change(folder, edit):
    content = json.loads((folder / "transforms.json").read_text())
    edit(content)
    (folder / "transforms.json").write_text(json.dumps(content))


def test_pictures_and_cameras(tmp_path):
    found = pixels(write_object(tmp_path / "ball", size=16))
    assert found.views.shape == (3, 4, 8, 8) and found.reference.shape == (4, 8, 8)
    assert found.azimuths.tolist() == [0, 120, 240] and found.azimuths.dtype == torch.float32
    assert found.camera_to_world.shape == (3, 4, 4) and found.camera_to_world.dtype == torch.float32
    assert found.field_of_view.item() == pytest.approx(FIELD_OF_VIEW)
    colour, alpha = found.views[:, :3], found.views[:, 3:]
    assert (alpha[..., 4, 4] == 1).all() and (alpha[..., 0, 0] == 0).all() and (colour <= alpha).all()
    greens = found.views[:, 1, 4, 4] * 255
    assert greens.tolist() == pytest.approx([round(a / 360 * 255) for a in (10, 130, 250)])


def test_other_colours_are_the_same_in_all_views_and_leave_black_white_and_outlines(tmp_path):
    found = pixels(write_object(tmp_path / "ball", size=16))
    other = found.recoloured([2, 0, 1], torch.tensor([2.0, 1.0, 0.5]))
    alpha = found.views[:, 3:]
    for before, after in ((found.views, other.views), (found.reference, other.reference)):
        torch.testing.assert_close(after[..., 3, :, :], before[..., 3, :, :])
        own = before[..., :3, :, :] / before[..., 3:, :, :].clamp_min(1e-6)
        expected = torch.stack((own[..., 2, :, :] ** 2, own[..., 0, :, :], own[..., 1, :, :] ** 0.5), -3)
        torch.testing.assert_close(after[..., :3, :, :], expected * before[..., 3:, :, :])
    for shade in (0.0, 1.0):
        grey = replace(found, views=torch.cat((shade * alpha.expand(-1, 3, -1, -1), alpha), 1))
        torch.testing.assert_close(grey.recoloured([1, 2, 0], torch.tensor([0.4, 2.5, 1.0])).views, grey.views)


def test_no_reference(tmp_path):
    assert pixels(write_object(tmp_path / "ball"), reference="none").reference is None


def test_a_wide_picture_is_cropped_in_the_middle_and_its_field_of_view_with_it(tmp_path):
    folder = write_object(tmp_path / "ball", size=16)
    for file in folder.glob("*.png"):
        wide = Image.new("RGBA", (32, 16), (255, 255, 255, 255))
        wide.paste(Image.open(file), (8, 0))
        wide.save(file)
    before = pixels(write_object(tmp_path / "square", size=16))
    change(folder, lambda content: content.update(w=32, cx=16))  # of the same focal length
    found = pixels(folder)
    torch.testing.assert_close(found.views, before.views)
    torch.testing.assert_close(found.field_of_view, before.field_of_view)


def test_a_picture_of_another_shape_than_its_camera_is_corrupt(tmp_path):
    folder = write_object(tmp_path / "ball", size=16)
    Image.fromarray(np.zeros((16, 24, 4), np.uint8)).save(folder / "0_1.png")
    with pytest.raises(CorruptSample, match=r"0_1\.png: the picture has 24 by 16 pixels, its camera 16 by 16"):
        pixels(folder)


def test_views_of_unequal_fields_of_view_are_corrupt(tmp_path):
    folder = write_object(tmp_path / "ball", size=16)
    change(folder, lambda content: content["frames"][1].update(fl_x=40))
    with pytest.raises(CorruptSample, match=r"fields of view from 22\.6 to 40\.0 degrees"):
        pixels(folder)


def test_too_few_views_are_corrupt(tmp_path):
    with pytest.raises(CorruptSample, match=r"ball: its largest group has 4 views"):
        pixels(write_object(tmp_path / "ball"), count=(5, 5))


def test_a_damaged_picture_is_corrupt(tmp_path):
    folder = write_object(tmp_path / "ball")
    (folder / "0_0.png").write_bytes((folder / "0_0.png").read_bytes()[:60])
    with pytest.raises(CorruptSample, match=r"0_0\.png"):
        pixels(folder)


def test_pictures_stay_in_memory_up_to_a_limit(tmp_path):
    views = read_views(write_object(tmp_path / "ball")).views
    reader = PixelReader(8, 3 * 4 * 8 * 8)
    first = [reader.read(view, keep=True) for view in views[:4]]
    for view in views:
        view.file.unlink()
    assert all(reader.read(view, keep=True) is pixels for view, pixels in zip(views[1:4], first[1:], strict=True))
    for view, other in ((views[0], reader), (views[3], pickle.loads(pickle.dumps(reader)))):
        with pytest.raises(CorruptSample):
            other.read(view, keep=True)


def test_what_is_unpacked_is_not_kept(tmp_path):
    views = read_views(write_object(tmp_path / "ball"))
    reader = PixelReader(8, 2**20)
    read_pixels(Opened(views, TemporaryDirectory()), reader, (3, 3), "own")
    assert not reader._held
    read_pixels(Opened(views), reader, (3, 3), "own")
    assert len(reader._held) == 4


def test_a_mirrored_object_lands_on_the_mirrored_pixels(tmp_path):
    before = pixels(write_object(tmp_path / "ball"))
    mirrored = before.mirrored()
    assert torch.equal(mirrored.views, before.views.flip(-1)) and torch.equal(
        mirrored.reference, before.reference.flip(-1)
    )
    assert mirrored.azimuths.tolist() == [0, 240, 120]
    points = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)) / 4
    there, depth = Pinholes.of_view(before.camera_to_world, before.field_of_view).project(points)
    here, same = Pinholes.of_view(mirrored.camera_to_world, mirrored.field_of_view).project(
        points * torch.tensor([-1, 1, 1])
    )
    torch.testing.assert_close(here, there * torch.tensor([-1, 1]))
    torch.testing.assert_close(same, depth)
    turns = mirrored.camera_to_world[:, :3, :3]
    torch.testing.assert_close(torch.linalg.det(turns), torch.ones(3))  # cameras, not mirror images of cameras
    again = mirrored.mirrored()
    torch.testing.assert_close(again.camera_to_world, before.camera_to_world)
    assert again.azimuths.tolist() == before.azimuths.tolist()


def test_no_mirrored_azimuth_is_360(tmp_path):
    found = replace(pixels(write_object(tmp_path / "ball")), azimuths=torch.tensor([0.0, 1e-6, 359.0]))
    assert found.mirrored().azimuths.tolist() == [0, 0, 1]
