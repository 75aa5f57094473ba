"""Sheets of drawn views, by the bundled model of objects that come with lumina."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import view_pictures
from benchmarks.view_pictures import read_objects, write_hull
from lumina.commands.render import Order, render
from lumina.config.locate import locate
from lumina.metrics.views.hull import Hull
from lumina.scenes.reading import read_mesh
from lumina.scenes.recording import Recipe

MESHES = locate("package:datamodules/data/objects")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("views") / "objects"
    assert not render(MESHES, folder, Recipe(size=64, groups=1, azimuths="even"), Order(only=["red_*"], workers=0))
    return folder


@pytest.mark.filterwarnings("ignore:.*was trained with")
def test_all_sheets_are_drawn(rendered, tmp_path, monkeypatch):
    output = tmp_path / "sheets"
    words = ["views", str(rendered), str(output), "--names", "red_chair", "--meshes", str(MESHES)]
    monkeypatch.setattr(sys, "argv", ["view_pictures", *words])
    view_pictures.main()
    sizes = {file.name: Image.open(file).size for file in output.glob("*.png")}
    assert sizes == {
        "counts.png": (9 * 128, 3 * 128),
        "conditions.png": (9 * 128, 4 * 128),
        "wrong_azimuths.png": (9 * 128, 3 * 128),
        "turntable.png": (12 * 128, 2 * 128),
        "hulls.png": (9 * 128, 128),
    }
    assert Image.open(output / "turntable.gif").n_frames == 24
    assert {file.name for file in output.glob("*.ply")} == {"hull_red_chair.ply"}
    told = np.array(Image.open(output / "wrong_azimuths.png").resize((9 * 64, 3 * 64), Image.Resampling.BOX), float)
    true, right, turned = (told[row * 64 : row * 64 + 64, 64:] for row in range(3))
    moved = np.roll(true, -64, axis=1)  # by a view
    assert np.abs(right - true).mean() < np.abs(right - moved).mean()
    assert np.abs(turned - moved).mean() < np.abs(turned - true).mean()


def test_names_are_patterns(rendered):
    (one,) = read_objects(rendered, ["*chair"], 32)
    assert one.name == "red_chair" and one.shown.shape == (3, 32, 32) and one.views.shape == (8, 3, 32, 32)
    with pytest.raises(ValueError, match="--names sofa is none of the"):
        read_objects(rendered, ["sofa"], 32)


def test_a_hull_is_written_where_it_is(tmp_path):
    filled = torch.zeros(4, 4, 4, dtype=torch.bool)
    filled[1:3, 1:, 2] = True
    low, high = torch.tensor([-1.0, 0.0, 2.0]), torch.tensor([1.0, 1.0, 4.0])
    mesh = read_mesh(write_hull(Hull(filled, low, high), tmp_path / "hull.ply"))
    np.testing.assert_allclose(mesh.vertices.min(0), [-0.5, 0.25, 3.0])
    np.testing.assert_allclose(mesh.vertices.max(0), [0.5, 1.0, 3.5])
    with pytest.raises(ValueError, match=r"hull\.ply is empty"):
        write_hull(Hull(filled & False, low, high), tmp_path / "hull.ply")
