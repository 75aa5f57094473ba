"""The files of drawn views, from which a reconstruction can start."""

import json

import pytest
import torch
from PIL import Image

from lumina.pictures.reading import load_image, to_tensor
from lumina.scenes.layouts import read_views
from lumina.scenes.ring import Ring
from lumina.scenes.saving import save_views

RING = Ring(elevation=15.0, distance=1.8, field_of_view=30.0)


@pytest.fixture
def views():
    return torch.rand(3, 3, 16, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_a_folder_holds_all_of_a_sample(views, tmp_path):
    folder = save_views(views, (0, 33.5, 270), tmp_path / "00007", RING, {"lumina": "{}"})
    names = {file.name for file in folder.iterdir()} - {"turntable.mp4"}
    assert names == {
        "00_azimuth_0.png", "01_azimuth_33.5.png", "02_azimuth_270.png", "sheet.png", "turntable.gif", "transforms.json"
    }  # fmt: skip
    with Image.open(folder / "01_azimuth_33.5.png") as picture:
        assert picture.text == {"lumina": "{}"}
    with Image.open(folder / "turntable.gif") as gif:
        assert gif.n_frames == 3 and gif.size == (24, 16)


def test_views_are_read_back_with_their_cameras(views, tmp_path):
    read = read_views(save_views(views, (0, 33.5, 270), tmp_path / "00007", RING))
    assert read.name == "00007" and not read.remarks
    assert [view.camera.azimuth for view in read.views] == pytest.approx([0, 33.5, 270])
    for view, picture in zip(read.views, views, strict=True):
        assert view.camera.elevation == pytest.approx(15) and view.camera.field_of_view == pytest.approx(30)
        torch.testing.assert_close(to_tensor(load_image(view.file)), picture, atol=1 / 127, rtol=0)


def test_an_object_keeps_its_name(views, tmp_path):
    assert read_views(save_views(views, (0, 1, 2), tmp_path / "00007", RING, {"name": "chair"})).name == "chair"


def test_the_file_says_what_of_the_cameras_is_assumed(views, tmp_path):
    known, unknown = (
        save_views(views, (0, 1, 2), tmp_path / name, ring) for name, ring in (("a", RING), ("b", Ring()))
    )
    assert "assumed" not in json.loads((known / "transforms.json").read_text())
    assumed = json.loads((unknown / "transforms.json").read_text())["assumed"]
    assert assumed == Ring().assumed and read_views(unknown).views[0].camera.elevation == pytest.approx(
        assumed["elevation"]
    )


def test_the_same_azimuth_twice_has_two_files(views, tmp_path):
    folder = save_views(views, (0, 0, 0), tmp_path / "a", RING)
    assert len(read_views(folder).views) == len(list(folder.glob("*_azimuth_0.png"))) == 3


def test_one_grey_view_needs_no_turntable(tmp_path):
    folder = save_views(torch.zeros(1, 1, 8, 8), (0,), tmp_path / "a", RING)
    assert not list(folder.glob("turntable.*")) and len(read_views(folder).views) == 1


def test_the_cameras_come_with_the_caption(views, tmp_path):
    folder = save_views(views, (0, 1, 2), tmp_path / "a", RING, {"caption": "a red chair"})
    assert read_views(folder).caption == "a red chair"
