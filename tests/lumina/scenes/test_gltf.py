import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from tiny_meshes import TRIANGLE, glb, triangle_head

from lumina.errors import CorruptSample
from lumina.scenes.beside import InFolder
from lumina.scenes.gltf import Scene, local_matrix
from lumina.scenes.reading import read_mesh


def read(folder, arrays, head):
    file = folder / "a.glb"
    file.write_bytes(glb(arrays, head))
    return read_mesh(file)


def corners(mesh):
    return mesh.vertices[mesh.faces]


def test_a_triangle(tmp_path):
    mesh = read(tmp_path, [TRIANGLE], triangle_head())
    np.testing.assert_allclose(corners(mesh), [TRIANGLE])
    assert mesh.normals[0, 0].tolist() == [0, 0, 1] and mesh.substitutes == ()


def test_nodes_place_their_meshes(tmp_path):
    half = np.sqrt(0.5)
    head = triangle_head()
    head["nodes"] = [
        {"children": [1, 2], "translation": [10, 0, 0]},
        {"mesh": 0, "rotation": [0, 0, half, half], "scale": [2, 1, 1]},
        {"mesh": 0, "matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 5, 1]},
        {"mesh": 0},
    ]
    mesh = read(tmp_path, [TRIANGLE], head)
    assert len(mesh.faces) == 2  # the last node is in no scene
    got = sorted(corners(mesh).round(6).tolist(), key=lambda triangle: triangle[0][2])
    np.testing.assert_allclose(got[0], [[10, 0, 0], [10, 2, 0], [9, 0, 0]], atol=1e-9)
    np.testing.assert_allclose(got[1], TRIANGLE + np.array([10, 0, 5]), atol=1e-9)


def test_a_mirrored_node_keeps_its_outside(tmp_path):
    normals = np.tile(np.array([0, 0, 1], np.float32), (3, 1))
    head = triangle_head({"scale": [-1, 1, 1]})
    for attributes in ({"POSITION": 0}, {"POSITION": 0, "NORMAL": 1}):
        head["meshes"][0]["primitives"][0]["attributes"] = attributes
        mesh = read(tmp_path, [TRIANGLE, normals], head)
        a, b, c = corners(mesh)[0]
        assert np.cross(b - a, c - a)[2] > 0
        np.testing.assert_allclose(mesh.normals[0], normals)


@pytest.mark.parametrize(
    ("mode", "numbers", "faces"),
    [
        (4, [0, 1, 2, 1, 3, 2], [[0, 1, 2], [1, 3, 2]]),
        (5, [0, 1, 2, 3], [[0, 1, 2], [3, 2, 1]]),
        (5, [0, 1, 2, 2, 3], [[0, 1, 2]]),
        (6, [0, 1, 3, 2], [[0, 1, 3], [0, 3, 2]]),
    ],
)
def test_triangles_strips_and_fans(tmp_path, mode, numbers, faces):
    square = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], np.float32)
    head = triangle_head()
    head["meshes"][0]["primitives"][0] |= {"indices": 1, "mode": mode}
    got = corners(read(tmp_path, [square, np.array(numbers, np.uint16)], head))
    expected = square[np.array(faces)]
    assert sorted(map(str, np.roll(got, 0, 1).tolist())) == sorted(map(str, expected.astype(float).tolist()))


def test_vertex_colours_are_linear(tmp_path):
    head = triangle_head()
    head["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"] = 1
    colours = np.tile(np.array([1, 0.21404114, 0], np.float32), (3, 1))
    np.testing.assert_allclose(read(tmp_path, [TRIANGLE, colours], head).colours[0, 0], [1, 0.5, 0, 1], atol=1e-5)


def test_several_scenes_and_animations_are_told(tmp_path):
    head = triangle_head(animations=[{}])
    head["nodes"] = [{"mesh": 0}, {"mesh": 0, "translation": [0, 0, 9]}]
    head["scenes"] = [{"nodes": [0]}, {"nodes": [1]}]
    mesh = read(tmp_path, [TRIANGLE], head)
    assert mesh.vertices[:, 2].tolist() == [0, 0, 0]
    assert [word in " ".join(mesh.substitutes) for word in ("2 scenes: number 1 alone", "at rest")] == [True, True]
    assert read(tmp_path, [TRIANGLE], head | {"scene": 1}).vertices[:, 2].tolist() == [9, 9, 9]


def test_a_file_without_scenes_shows_all_roots(tmp_path):
    head = triangle_head()
    del head["scenes"]
    assert len(read(tmp_path, [TRIANGLE], head).faces) == 1


def test_bones_place_what_hangs_on_them(tmp_path):
    joints = np.array([[0, 1, 0, 0]] * 3, np.uint8)
    weights = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 1, 0, 0]], np.float32)
    inverse = np.stack([np.eye(4, dtype=np.float32)] * 2)
    inverse[1, 3, 0] = -1  # column by column: a translation by -1
    head = triangle_head({"skin": 0, "translation": [100, 0, 0]})
    head["nodes"] += [{"translation": [0, 0, 3]}, {"translation": [1, 0, 5]}]
    head["scenes"][0]["nodes"] = [0, 1, 2]
    head["skins"] = [{"joints": [1, 2], "inverseBindMatrices": 3}]
    head["meshes"][0]["primitives"][0]["attributes"] |= {"JOINTS_0": 1, "WEIGHTS_0": 2}
    mesh = read(tmp_path, [TRIANGLE, joints, weights, inverse.reshape(2, 16)], head)
    np.testing.assert_allclose(corners(mesh)[0], TRIANGLE + np.array([[0, 0, 3], [0, 0, 4], [0, 0, 5]]))


def test_morphs_that_are_on_at_rest(tmp_path):
    head = triangle_head()
    head["meshes"][0] |= {"weights": [0.5, 0]}
    head["meshes"][0]["primitives"][0]["targets"] = [{"POSITION": 1}, {"POSITION": 1}]
    assert read(tmp_path, [TRIANGLE, TRIANGLE + 4], head).vertices.min() == 2


def test_points_alone_are_refused_and_beside_faces_left_out(tmp_path):
    head = triangle_head()
    head["meshes"][0]["primitives"][0]["mode"] = 0
    with pytest.raises(CorruptSample, match=r"a\.glb: .*points or lines.*export it as a mesh"):
        read(tmp_path, [TRIANGLE], head)
    head["meshes"][0]["primitives"].append({"attributes": {"POSITION": 0}})
    assert "left out" in read(tmp_path, [TRIANGLE], head).substitutes[0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"asset": {"version": "1.0"}}, "glTF 2.0"),
        ({"buffers": [{"uri": "https://host/a.bin", "byteLength": 9}]}, "https://host/a.bin.*beside it"),
        ({"buffers": [{"uri": "gone.bin", "byteLength": 9}]}, "gone.bin"),
        ({"meshes": [{"primitives": [{"attributes": {}}]}]}, "lacks 'POSITION'"),
        ({"meshes": []}, "IndexError"),
        ({"nodes": [{}]}, "no faces"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, change, why):
    with pytest.raises(CorruptSample, match=why):
        read(tmp_path, [TRIANGLE], triangle_head() | change)


@pytest.mark.parametrize("count", [1_000_001, 30_000_001, 10**8])
def test_what_is_announced_without_data_is_refused_before_it_is_made(tmp_path, count):
    empty = {"componentType": 5126, "type": "VEC4", "count": count}
    head = triangle_head({"skin": 0}, skins=[{"joints": [0]}], accessors=[empty | {"type": "VEC3"}, empty])
    head["meshes"][0]["primitives"][0]["attributes"] |= {"JOINTS_0": 1, "WEIGHTS_0": 1}
    tracemalloc.start()
    with pytest.raises(CorruptSample, match=r"vertices, of|elements without data"):
        read(tmp_path, [TRIANGLE], head)
    assert tracemalloc.get_traced_memory()[1] < 1e7
    tracemalloc.stop()


def test_parts_of_a_shared_table_keep_their_own_vertices():
    corners = np.array([[5, 5, 5], [0, 0, 0], [1, 0, 0], [0, 1, 0], [7, 7, 7]], np.float32)
    data = corners.tobytes() + np.array([1, 2, 3], np.uint32).tobytes()
    head = triangle_head(buffers=[{"byteLength": len(data)}])
    head["bufferViews"] = [{"buffer": 0, "byteLength": 60}, {"buffer": 0, "byteOffset": 60, "byteLength": 12}]
    head["accessors"] = [
        {"bufferView": 0, "componentType": 5126, "type": "VEC3", "count": 5},
        {"bufferView": 1, "componentType": 5125, "type": "SCALAR", "count": 3},
    ]
    head["meshes"][0]["primitives"][0]["indices"] = 1
    [part] = Scene(head, data, InFolder(Path("/nowhere")), []).parts()
    assert part.vertices.tolist() == TRIANGLE.tolist() and part.faces.tolist() == [[0, 1, 2]]


def test_circles_of_nodes_end(tmp_path):
    head = triangle_head({"children": [0]})
    assert len(read(tmp_path, [TRIANGLE], head).faces) == 1


@pytest.mark.parametrize("kept", [8, 16, 30, -8])
def test_cut_off_files_are_refused(tmp_path, kept):
    file = tmp_path / "a.glb"
    file.write_bytes(glb([TRIANGLE], triangle_head())[:kept])
    with pytest.raises(CorruptSample, match=r"a\.glb"):
        read_mesh(file)


def test_text_files_with_buffers_beside(tmp_path):
    (tmp_path / "a b.bin").write_bytes(TRIANGLE.tobytes())
    head = triangle_head(asset={"version": "2.0"}, buffers=[{"uri": "a%20b.bin", "byteLength": 36}])
    head |= {"bufferViews": [{"buffer": 0, "byteLength": 36}]}
    head["accessors"] = [{"bufferView": 0, "componentType": 5126, "type": "VEC3", "count": 3}]
    (tmp_path / "a.gltf").write_text(json.dumps(head))
    np.testing.assert_allclose(corners(read_mesh(tmp_path / "a.gltf")), [TRIANGLE])


def test_matrices_of_nodes():
    half = np.sqrt(0.5)
    matrix = local_matrix({"translation": [1, 2, 3], "rotation": [half, 0, 0, half], "scale": [1, 2, 3]})
    np.testing.assert_allclose(matrix @ [0, 1, 0, 1], [1, 2, 5, 1], atol=1e-12)
    assert local_matrix({}).tolist() == np.eye(4).tolist()
