"""`lumina sample` of views as users type it, with a tiny model of random weights."""

import json
from pathlib import Path

import pytest
from PIL import Image
from tiny_text import MODEL, text_model

import lumina
from lumina.cli import main

CONDITIONS = [
    *MODEL["conditioners"],
    {"class_path": "lumina.conditioning.azimuths.ViewAzimuths"},
    {"class_path": "lumina.conditioning.reference.ReferenceView"},
]
VIEWS = {"class_path": "modalities.multiview.MultiView", "init_args": {"size": [32, 32], "views": 8, "patch_size": 8}}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    backbone = {"dim": 24, "num_layers": 2, "num_heads": 2, "multiple_of": 8, "axes_dims": [4, 4, 4]}
    arguments = {**MODEL, "modality": VIEWS, "backbone": backbone, "conditioners": CONDITIONS}
    return text_model(tmp_path_factory.mktemp("views") / "model", arguments)


@pytest.fixture
def chair(tmp_path):
    picture = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    picture.paste((200, 30, 30, 255), (8, 8, 32, 36))
    picture.save(tmp_path / "chair.png")
    return tmp_path / "chair.png"


def sample(model, *options):
    main(["sample", "--weights", str(model), "--trust", "--steps", "2", *map(str, options)])


def test_a_picture_and_a_caption_each_with_its_scale(model, chair, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sample(model, "--reference", chair, "--prompt", "a chair", "--azimuths", "0,33,-90", "--guidance.reference=2")
    folder = tmp_path / "samples/00000"
    files = {file.name for file in folder.iterdir()}
    assert {"sheet.png", "turntable.gif", "transforms.json", "00_azimuth_0.png", "01_azimuth_33.png"} <= files
    frames = json.loads((folder / "transforms.json").read_text())["frames"]
    assert [round(frame["azimuth"]) % 360 for frame in frames] == [0, 33, 270]
    assert "chair.png" in (tmp_path / "samples/settings.json").read_text()
    assert (tmp_path / "samples/index.html").is_file()


def test_a_reference_changes_what_is_drawn(model, chair, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sample(model, "--reference", chair, "--views", 2, "--output", "with")
    sample(model, "--count", 1, "--views", 2, "--output", "without")
    with_it, without = (Image.open(tmp_path / name / "00000/sheet.png").tobytes() for name in ("with", "without"))
    assert with_it != without


def test_more_views_than_trained_are_drawn_with_a_warning(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="9 views.*8"):
        sample(model, "--views", 9, "--count", 1)
    assert len(list((tmp_path / "samples/00000").glob("*_azimuth_*.png"))) == 9


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--azimuths="], "azimuths"),
        (["--azimuths=nan"], "azimuths"),
        (["--views=0"], "views"),
        (["--views=4", "--azimuths=0,90"], "azimuths"),
        (["--reference=."], "reference"),
        (["--reference=missing.png"], "missing.png"),
        (["--reference=dot.png"], "1x1"),
        (["--reference=clear.png"], "transparent everywhere"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_before_anything_is_drawn(
    model, tmp_path, monkeypatch, capsys, options, said
):
    monkeypatch.chdir(tmp_path)
    Image.new("RGBA", (1, 1), (9, 9, 9, 255)).save("dot.png")
    Image.new("RGBA", (64, 64), (9, 9, 9, 0)).save("clear.png")
    monkeypatch.setattr("lumina.module.LuminaModule.generate", None)
    with pytest.raises(SystemExit) as stop:
        sample(model, *options)
    error = capsys.readouterr().err
    assert stop.value.code == 2 and said in error and "Traceback" not in error and len(error) < 400
    assert not (tmp_path / "samples").exists()


def test_the_bundled_model_turns_a_held_out_picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = Path(lumina.__file__).parent / "pretrained/views"
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 20e6
    picture = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    picture.paste((200, 20, 20, 255), (16, 12, 48, 52))  # a red box
    picture.save(tmp_path / "box.png")
    main(["sample", "--weights", "views", "--reference", "box.png", "--views", "4", "--steps", "1"])
    for number, azimuth in enumerate((0, 90, 180, 270)):
        view = Image.open(tmp_path / f"samples/00000/{number:02}_azimuth_{azimuth}.png").convert("RGB")
        assert view.size == (64, 64)
        red, green, blue = view.getpixel((32, 32))
        assert red > green + 40 and red > blue + 40
        assert min(view.getpixel((2, 2))) > 200
