import numpy as np
import pytest
from tiny_meshes import picture

from lumina.scenes.beside import InFolder
from lumina.scenes.mtl import build_material, parse_mtl
from lumina.scenes.textures import Pictures


def material(folder, text, **files):
    for name, data in files.items():
        (folder / f"{name}.png").write_bytes(data)
    said = []
    told = parse_mtl(f"newmtl paint\n{text}")["paint"]
    return build_material("paint", told, InFolder(folder), Pictures(said)), said


@pytest.mark.parametrize(
    ("text", "colour", "alpha"),
    [
        ("Kd 1 0.5 0", (1, 0.5, 0, 1), "opaque"),
        ("Kd 0.5", (0.5, 0.5, 0.5, 1), "opaque"),
        ("Kd 1 0 0\nd 0.25", (1, 0, 0, 0.25), "blend"),
        ("Kd 1 0 0\nTr 0.75", (1, 0, 0, 0.25), "blend"),
        ("Kd 1 0 0\nd -halo 0.25", (1, 0, 0, 0.25), "blend"),
        ("kd 2 -1 0\nd 3", (1, 0, 0, 1), "opaque"),
        ("Kd nan nan nan\nd x\n\nNs\n# a word", (0.8, 0.8, 0.8, 1), "opaque"),
        ("Ka 1 1 1", (0.8, 0.8, 0.8, 1), "opaque"),
    ],
)
def test_colours(tmp_path, text, colour, alpha):
    made, said = material(tmp_path, text)
    assert made.colour == pytest.approx(colour) and made.alpha == alpha
    assert made.texture is None and not said


def test_several_materials_and_names_with_spaces():
    got = parse_mtl("Kd 0 0 0\nnewmtl dark red \nKd 0.5 0 0\nnewmtl\tblue\n\tKd\t0 0 1\n")
    assert {name: one.colour for name, one in got.items()} == {"dark red": (0.5, 0, 0), "blue": (0, 0, 1)}


@pytest.mark.parametrize("kd", ["Kd 0 0 0", "Kd 0.8 0.8 0.8", ""])
def test_a_texture_replaces_the_colour(tmp_path, kd):
    made, said = material(tmp_path, f"{kd}\nmap_Kd a.png", a=picture("RGB", (9, 8, 7)))
    assert made.colour == (1, 1, 1, 1) and made.alpha == "opaque" and not said
    assert made.texture[0, 0].tolist() == [9, 8, 7, 255]


@pytest.mark.parametrize(
    ("mask", "pixel"),
    [
        (picture("L", 100), (9, 8, 7, 100)),
        (picture("RGBA", (0, 0, 0, 30)), (9, 8, 7, 30)),
    ],
)
def test_a_mask_gives_alpha(tmp_path, mask, pixel):
    made, _ = material(tmp_path, "map_Kd a.png\nmap_d b.png", a=picture("RGB", (9, 8, 7)), b=mask)
    assert made.texture[0, 0].tolist() == list(pixel) and made.alpha == "blend"


def test_the_texture_as_its_own_mask(tmp_path):
    made, _ = material(tmp_path, "map_Kd a.png\nmap_d a.png", a=picture("RGB", (9, 8, 7)))
    assert made.texture[0, 0].tolist() == [9, 8, 7, 255] and made.alpha == "opaque"
    made, _ = material(tmp_path, "map_Kd a.png\nmap_d a.png", a=picture("RGBA", (9, 8, 7, 6)))
    assert made.texture[0, 0].tolist() == [9, 8, 7, 6] and made.alpha == "blend"


def test_a_mask_alone_keeps_the_colour(tmp_path):
    made, _ = material(tmp_path, "Kd 1 0 0\nmap_d b.png", b=picture("L", 100))
    assert made.colour == (1, 0, 0, 1) and made.texture[0, 0].tolist() == [255, 255, 255, 100]


@pytest.mark.parametrize(("kd", "stands"), [("Kd 1 0 0", (1, 0, 0, 1)), ("Kd 0 0 0", (0.8, 0.8, 0.8, 1))])
def test_a_missing_texture_is_told_and_never_black(tmp_path, kd, stands):
    made, said = material(tmp_path, f"{kd}\nmap_Kd gone.png")
    assert made.colour == stands and "gone.png" in said[0] and "missing" in said[0]
    made, said = material(tmp_path, f"{kd}\nmap_Kd a.png", a=b"nonsense")
    assert made.colour == stands and "a.png cannot be read" in said[0]


def test_options_of_textures(tmp_path):
    got = parse_mtl("newmtl p\nmap_Kd -clamp on -s 2 3 1 -o 0.5 -bm 1.0 my wood.png")["p"]
    assert got.texture == "my wood.png"
    np.testing.assert_allclose((got.scale, got.offset), ((2, 3), (0.5, 0)))


def test_what_only_glows_is_not_black(tmp_path):
    made, said = material(tmp_path, "Kd 0 0 0\nKe 1 1 0")
    assert made.colour == (1, 1, 0, 1) and "paint only glows" in said[0]
    made, said = material(tmp_path, "Kd 0 0 0\nKe 0 0 0")
    assert made.colour == (0, 0, 0, 1) and not said
