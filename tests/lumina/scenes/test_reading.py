import os

import numpy as np
import pytest
from tiny_meshes import TRIANGLE, cube_obj, glb, picture, triangle_head, write_quad

from lumina.errors import CorruptSample
from lumina.scenes.reading import read_mesh


@pytest.mark.parametrize("name", ["a.obj", "a.OBJ", "a.glb", "a.GLB"])
def test_formats_by_suffix(tmp_path, name):
    data = glb([TRIANGLE], triangle_head()) if name.lower().endswith("glb") else cube_obj().encode()
    (tmp_path / name).write_bytes(data)
    assert len(read_mesh(tmp_path / name).faces) in (1, 12)


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\n", "no faces"),
        ("a.obj", b"v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "NaN"),
        ("a.obj", b"v 0 0 0\nv 0 0 0\nv 0 0 0\nf 1 2 3\n", "no extent"),
        ("a.obj", b"", "no vertices"),
        ("a.obj", bytes(range(190, 254)), ""),
        ("a.glb", b"", ""),
        ("a.gltf", b"[]", "no object"),
        ("a.gltf", b"{}", "no faces"),
        ("a.gltf", b'{"scene": 9, "scenes": [{}]}', r"it is damaged \(IndexError"),
        ("a.stl", bytes(80) + b"\7\0\0\0" + bytes(150), "no triangles, or fewer than it announces"),
        ("a.fbx", b"", r"none of \.glb"),
    ],
)
def test_what_is_no_mesh_is_refused_by_name(tmp_path, name, data, why):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CorruptSample, match=f"{name}: .*{why}"):
        read_mesh(tmp_path / name)


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "a.obj")
    (tmp_path / "b.obj").mkdir()
    for name in ("a.obj", "b.obj", "c.obj"):
        with pytest.raises(CorruptSample, match=name):
            read_mesh(tmp_path / name)


def test_secrets_outside_the_folder_are_not_read(tmp_path):
    folder = tmp_path / "mesh"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(picture())
    for path in ("../secret.png", str(tmp_path / "secret.png"), f"file://{tmp_path}/secret.png"):
        mesh = read_mesh(write_quad(folder, f"newmtl paint\nKd 1 0 0\nmap_Kd {path}\n"))
        assert mesh.materials[0].texture is None and "secret.png" in mesh.substitutes[0]


def test_a_quad_with_alpha(tmp_path):
    mtl = "newmtl paint\nmap_Kd a.png\nd 0.5\n"
    mesh = read_mesh(write_quad(tmp_path, mtl, {"a.png": picture("RGBA", (255, 0, 0, 128))}))
    assert mesh.materials[0].alpha == "blend" and mesh.materials[0].colour == (1, 1, 1, 0.5)
    np.testing.assert_allclose(mesh.normals, np.broadcast_to([0, 0, 1], (2, 3, 3)), atol=1e-6)


@pytest.mark.parametrize("name", ["a.obj", "a.glb", "a.ply"])
def test_files_of_implausible_size_are_refused_unread(tmp_path, name):
    with (tmp_path / name).open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(CorruptSample, match=f"{name} has 1,099,511,627,776 bytes"):
        read_mesh(tmp_path / name)


def test_copies_without_end_are_refused(tmp_path, monkeypatch):
    head = triangle_head()
    head["nodes"] = [{"mesh": 0}] * 5
    head["scenes"] = [{"nodes": list(range(5))}]
    (tmp_path / "a.glb").write_bytes(glb([TRIANGLE], head))
    assert len(read_mesh(tmp_path / "a.glb").faces) == 5
    monkeypatch.setattr("lumina.scenes.parts.MOST_FACES", 4)
    with pytest.raises(CorruptSample, match=r"5 faces or more.*simplify"):
        read_mesh(tmp_path / "a.glb")


@pytest.mark.filterwarnings("error")
def test_infinity_is_refused_without_warnings(tmp_path):
    (tmp_path / "a.obj").write_text("v inf 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3 4\n")
    with pytest.raises(CorruptSample, match="NaN or infinite"):
        read_mesh(tmp_path / "a.obj")
