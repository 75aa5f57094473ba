import zipfile
from pathlib import Path

import numpy as np
import pytest
from tiny_meshes import QUAD, cube_obj, picture
from tiny_shapes import NAMES, write_catalogue

from lumina.errors import CorruptSample
from lumina.scenes.catalogues import read_catalogue, read_piece
from lumina.scenes.normalise import upright, usual_up


def pieces(folder, **models):
    write_catalogue(folder, models={int(number[1:]): text for number, text in models.items()})
    return read_catalogue(folder / "test.sh3f")


def test_what_the_catalogue_says(tmp_path):
    got = pieces(tmp_path)
    assert [piece.name for piece in got] == [name.replace("\\u00d8", "Ø") for name in NAMES]
    assert (got[3].category, got[0].category) == ("Office", "Living room")
    assert got[0].size == (100, 30, 50) and got[0].model == "m/1.obj"
    assert str(got[0]) == f"{tmp_path / 'test.sh3f'}:m/1.obj"


def test_pieces_stand_at_their_size(tmp_path):
    got = pieces(tmp_path, _1=cube_obj((4, 2, 1)), _2=cube_obj((4, 2, 1)))
    for piece in got[:2]:  # the second one lies on its back
        mesh = read_piece(piece)
        np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), (100, 30, 50))
        outside = mesh.vertices[mesh.faces].mean(1) - (mesh.vertices.min(0) + mesh.vertices.max(0)) / 2
        assert (np.einsum("fi,fki->fk", outside, mesh.normals) > 0).all()
    placed, _ = upright(mesh, usual_up(got[0].file))
    np.testing.assert_allclose(np.ptp(placed.vertices, axis=0), (1, 0.5, 0.3))


def test_textures_come_from_the_archive(tmp_path):
    write_catalogue(tmp_path, models={1: f"mtllib A.mtl\n{QUAD}usemtl paint\nf 1/1 2/2 3/3 4/4\n"})
    with zipfile.ZipFile(tmp_path / "test.sh3f", "a") as archive:
        archive.writestr("m/a.mtl", "newmtl paint\nmap_Kd C:/Documents/Wood.PNG\n")
        archive.writestr("m/wood.png", picture("RGB", (9, 8, 7)))
    mesh = read_piece(read_catalogue(tmp_path / "test.sh3f")[0])
    assert mesh.materials[0].texture[0, 0].tolist() == [9, 8, 7, 255] and mesh.substitutes == ()


def test_damaged_models_are_named(tmp_path):
    got = pieces(tmp_path, _1="v 0 0\n", _3="")
    for piece in (got[0], got[2]):
        with pytest.raises(CorruptSample, match=rf"test\.sh3f:{piece.model}"):
            read_piece(piece)
    with zipfile.ZipFile(tmp_path / "test.sh3f", "w") as archive:
        archive.writestr("other", "")
    with pytest.raises(CorruptSample, match=r"1\.obj is not in the archive"):
        read_piece(got[0])


@pytest.mark.parametrize("content", [b"", b"PK\3\4 nonsense"])
def test_what_is_no_catalogue_is_refused(tmp_path, content):
    file = Path(tmp_path / "a.sh3f")
    file.write_bytes(content)
    with pytest.raises(ValueError, match="not a furniture catalogue"):
        read_catalogue(file)


@pytest.mark.parametrize(
    ("change", "why"),
    [(("width#2=1", "weight#2=1"), "piece 2 lacks its 'width'"), (("width#2=1", "width#2=wide"), "piece 2 is damaged")],
)
def test_damaged_pieces_are_named(tmp_path, change, why):
    keys = {"model": "a.obj", "name": "A", "category": "B", "width": "1", "depth": "1", "height": "1"}
    lines = [f"{key}#{number}={value}" for number in (1, 2) for key, value in keys.items()]
    with zipfile.ZipFile(tmp_path / "a.sh3f", "w") as archive:
        archive.writestr("PluginFurnitureCatalog.properties", "\n".join(lines).replace(*change))
    with pytest.raises(ValueError, match=rf"a\.sh3f is damaged: its {why}"):
        read_catalogue(tmp_path / "a.sh3f")
