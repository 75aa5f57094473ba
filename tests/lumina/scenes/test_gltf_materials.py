import numpy as np
import pytest
from tiny_meshes import TRIANGLE, glb, picture, triangle_head

from lumina.scenes.reading import read_mesh

UV = np.array([[0, 0], [1, 0], [0, 1]], np.float32)  # v downwards, as glTF has it


def mesh_of(folder, material, blobs=(), uv=UV, **head):
    told = triangle_head(materials=[material], **head)
    told["meshes"][0]["primitives"][0] |= {
        "material": 0,
        "attributes": {"POSITION": 0, "TEXCOORD_0": 1, "TEXCOORD_1": 2},
    }
    file = folder / "a.glb"
    file.write_bytes(glb([TRIANGLE, uv, UV * 0.5], told, blobs))
    return read_mesh(file)


def textured(reference=None, texture=None, image=None, **more):
    return {
        "material": {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0, **(reference or {})}}, **more},
        "textures": [{"source": 0} if texture is None else texture],
        "images": [{"bufferView": 3, "mimeType": "image/png"} if image is None else image],
    }


@pytest.mark.parametrize(
    ("told", "alpha", "cutoff"),
    [({}, "opaque", 0.5), ({"alphaMode": "MASK"}, "mask", 0.5), ({"alphaMode": "BLEND"}, "blend", 0.5),
     ({"alphaMode": "MASK", "alphaCutoff": 0.2}, "mask", 0.2)],
)  # fmt: skip
def test_the_factor_is_linear_and_alpha_has_a_mode(tmp_path, told, alpha, cutoff):
    material = {"pbrMetallicRoughness": {"baseColorFactor": [1, 0.21404114, 0, 0.25]}, **told}
    got = mesh_of(tmp_path, material).materials[0]
    np.testing.assert_allclose(got.colour, (1, 0.5, 0, 0.25), atol=1e-5)
    assert (got.alpha, got.cutoff) == (alpha, cutoff)


def test_a_texture_and_its_coordinates(tmp_path):
    mesh = mesh_of(tmp_path, blobs=[picture("RGB", (9, 8, 7))], **textured())
    assert mesh.materials[0].texture[0, 0].tolist() == [9, 8, 7, 255]
    assert mesh.uv[0].tolist() == [[0, 1], [1, 1], [0, 0]]  # v upwards
    assert mesh.substitutes == ()


def test_the_second_coordinates(tmp_path):
    mesh = mesh_of(tmp_path, blobs=[picture()], **textured({"texCoord": 1}))
    assert mesh.uv[0].tolist() == [[0, 1], [0.5, 1], [0, 0.5]]


def test_a_moved_texture(tmp_path):
    moved = {"offset": [0.25, 0], "scale": [2, 3], "rotation": np.pi / 2}
    mesh = mesh_of(tmp_path, blobs=[picture()], **textured({"extensions": {"KHR_texture_transform": moved}}))
    # by the extension's own words: scaled, then turned counter-clockwise on the picture (v downwards), then moved
    np.testing.assert_allclose(mesh.uv[0], [[0.25, 1], [0.25, 3], [3.25, 1]], atol=1e-6)


def test_normalised_coordinates(tmp_path):
    uv = ((UV * 255).astype(np.uint8), {"normalized": True})
    mesh = mesh_of(tmp_path, blobs=[picture()], uv=uv, **textured())
    assert mesh.uv[0].tolist() == [[0, 1], [1, 1], [0, 0]]


def test_diffuse_colours_of_glossy_materials(tmp_path):
    glossy = {"diffuseFactor": [1, 0, 0, 1], "diffuseTexture": {"index": 0}}
    told = textured() | {"material": {"extensions": {"KHR_materials_pbrSpecularGlossiness": glossy}}}
    got = mesh_of(tmp_path, blobs=[picture("RGB", (9, 8, 7))], **told).materials[0]
    assert got.colour == pytest.approx((1, 0, 0, 1)) and got.texture[0, 0, 0] == 9


def test_webp_is_read_by_its_extension(tmp_path):
    told = textured(texture={"extensions": {"EXT_texture_webp": {"source": 0}}})
    assert mesh_of(tmp_path, blobs=[picture(kind="WEBP")], **told).materials[0].texture is not None


@pytest.mark.parametrize(
    ("told", "blob", "why"),
    [
        (textured(image={"uri": "gone.png"}), b"", "gone.png"),
        (textured(image={"uri": "https://host/wood.png"}), b"", "https://host/wood.png"),
        (textured(image={"uri": "../secret.png"}), b"", "secret.png"),
        (textured(), b"nonsense", "identify"),
        (textured(texture={"extensions": {"KHR_texture_basisu": {"source": 0}}}), b"", "KTX2"),
        (textured(image={"bufferView": 3, "mimeType": "image/ktx2"}), b"\xabKTX 20\xbb\r\n\x1a\n", "KTX2"),
    ],
)
def test_textures_that_cannot_be_read_are_told(tmp_path, told, blob, why):
    folder = tmp_path / "mesh"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(picture())
    mesh = mesh_of(folder, blobs=[blob], **told)
    assert mesh.materials[0].texture is None and mesh.materials[0].colour == pytest.approx((1, 1, 1, 1))
    assert len(mesh.substitutes) == 1 and why in mesh.substitutes[0]


def test_ktx2_with_another_picture_takes_that(tmp_path):
    told = textured(texture={"source": 0, "extensions": {"KHR_texture_basisu": {"source": 7}}})
    mesh = mesh_of(tmp_path, blobs=[picture()], **told)
    assert mesh.materials[0].texture is not None and mesh.substitutes == ()


def test_what_only_glows_is_not_black(tmp_path):
    told = {"name": "screen", "emissiveFactor": [0, 1, 0], "pbrMetallicRoughness": {"baseColorFactor": [0, 0, 0, 1]}}
    mesh = mesh_of(tmp_path, told)
    assert mesh.materials[0].colour == pytest.approx((0, 1, 0, 1)) and "screen only glows" in mesh.substitutes[0]
