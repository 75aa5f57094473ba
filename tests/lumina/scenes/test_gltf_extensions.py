import pytest
from tiny_meshes import TRIANGLE, glb, triangle_head

from lumina.errors import CorruptSample
from lumina.scenes.gltf_extensions import sift_extensions
from lumina.scenes.reading import read_mesh


@pytest.mark.parametrize(
    ("required", "why"),
    [
        (["KHR_draco_mesh_compression"], "compressed with Draco.*export"),
        (["EXT_meshopt_compression"], "compressed with meshopt"),
        (["KHR_materials_unlit", "FOO_bar"], "requires the extension FOO_bar, .*without"),
        (["EXT_mesh_gpu_instancing"], "EXT_mesh_gpu_instancing, which is not read"),
        (["KHR_node_visibility"], "KHR_node_visibility, which is not read"),
    ],
)
def test_what_the_shape_needs_is_refused(required, why):
    with pytest.raises(ValueError, match=why):
        sift_extensions({"extensionsRequired": required}, [])


def test_extensions_that_are_left_out_are_told():
    required = ["KHR_materials_unlit", "KHR_mesh_quantization", "KHR_texture_transform"]
    node, said = {"mesh": 0, "extensions": {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": 0}}}}, []
    sift_extensions({"extensionsRequired": required, "nodes": [{}, node]}, said)
    unlit, copied = said
    assert "KHR_materials_unlit, which is left out" in unlit and "copies that EXT_mesh_gpu_instancing" in copied


@pytest.mark.parametrize(
    "name",
    [
        *("KHR_xmp_json_ld", "KHR_techniques_webgl", "EXT_mesh_features", "EXT_structural_metadata", "MSFT_lod"),
        *("KHR_animation_pointer", "GOOGLE_texture_basis", "ADOBE_materials_clearcoat_tint", "KHR_lights_punctual"),
    ],
)
def test_extensions_of_any_vendor_that_leave_the_shape_alone_are_told(name):
    said = []
    sift_extensions({"extensionsRequired": [name]}, said)
    assert said == [f"it requires the extension {name}, which is left out"]


def read(folder, head):
    (folder / "a.glb").write_bytes(glb([TRIANGLE], head))
    return read_mesh(folder / "a.glb")


def test_compressed_vertices_are_refused_though_the_file_does_not_call_them_required(tmp_path):
    head = triangle_head()
    head["meshes"][0]["primitives"][0]["extensions"] = {"KHR_draco_mesh_compression": {"bufferView": 0}}
    assert len(read(tmp_path, head).faces) == 1  # the same vertices are there uncompressed
    head["accessors"] = [{"componentType": 5126, "count": 3, "type": "VEC3"}]
    with pytest.raises(CorruptSample, match="compressed with Draco"):
        read(tmp_path, head)


def test_no_extensions_may_be_null(tmp_path):
    head = triangle_head()
    head |= {"extensionsRequired": None, "textures": [{"extensions": None}]}
    reference = {"index": 0, "extensions": None}
    head["materials"] = [{"extensions": None, "pbrMetallicRoughness": {"baseColorTexture": reference}}]
    head["nodes"][0]["extensions"] = None
    head["meshes"][0]["primitives"][0] |= {"extensions": None, "material": 0}
    assert len(read(tmp_path, head).faces) == 1
