"""The benchmark of consistency, on balls."""

from __future__ import annotations

import json
import sys

import pytest
import torch
from tiny_scenes import ring, see

from benchmarks import views
from benchmarks.views import Claim, claims, measure, thinned
from lumina.metrics.views.pinholes import Pinholes
from tests.tiny_views import write_objects

EVEN = range(0, 360, 45)


@pytest.fixture(scope="module")
def true():
    cameras = ring(EVEN)
    seen = see(cameras)
    return Claim(seen.pictures, seen.masks.float(), Pinholes.of(cameras))


def test_a_camera_that_is_off_stands_further_on(true):
    expected = Pinholes.of(ring([0, 60, *EVEN[2:]])).camera_to_world
    torch.testing.assert_close(true.off(15).cameras.camera_to_world, expected)


def test_claims_are_of_other_views(true):
    other = Claim(-true.pictures, 1 - true.masks, true.cameras)
    found = claims([true, other], 0)
    assert torch.equal(found["order reversed"].pictures, true.pictures.flip(0))
    assert torch.equal(found["copies of the first"].masks[5], true.masks[0])
    assert torch.equal(found["other objects"].pictures[0], other.pictures[0])
    assert torch.equal(thinned(true, 4).cameras.camera_to_world, true.cameras.camera_to_world[::2])


def test_blurred_views_are_larger_and_their_colours_differ(true):
    blurred = true.blurred(1)
    assert blurred.masks.sum() > true.masks.sum()
    assert float((blurred.pictures - true.pictures).abs().mean()) > 0.01
    level = torch.full_like(true.pictures, 0.5)
    torch.testing.assert_close(Claim(level, true.masks, true.cameras).blurred(2).pictures, level)


def test_what_is_wrong_is_told(true):
    rows = measure([true])
    assert rows["true"]["silhouettes_explained"] > 0.99 > rows["one 45 degrees off"]["silhouettes_explained"]
    assert rows["true"]["colour_over_shuffled"] < rows["order reversed"]["colour_over_shuffled"]
    ratios = [rows[name]["colour_over_shuffled"] for name in ("true", "blurred by 1 pixel", "blurred by 2 pixels")]
    assert ratios == sorted(ratios)


def test_a_folder_is_read_and_a_table_printed(tmp_path, monkeypatch, capsys):
    write_objects(tmp_path / "in", 3, azimuths=[EVEN], references=False)
    output = tmp_path / "out.json"
    arguments = ["views", str(tmp_path / "in"), "--count=2", "--size=16", f"--output={output}"]
    monkeypatch.setattr(sys, "argv", arguments)
    views.main()
    document = json.loads(output.read_text())
    assert document["objects"] == 2
    assert document["4_views"]["true"]["silhouettes_explained"] > 0.9
    assert "| one 15 degrees off | " in capsys.readouterr().out
