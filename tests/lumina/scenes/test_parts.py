import numpy as np
import pytest

from lumina.scenes import parts
from lumina.scenes.mesh import Material
from lumina.scenes.parts import Part, assemble

CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [9, 9, 9]], np.float32)
FACE = np.array([[0, 1, 2]])


def test_parts_become_one_mesh():
    red, blue = Material(colour=(1, 0, 0, 1)), Material(colour=(0, 0, 1, 1))
    coloured = np.full((1, 3, 4), 0.5)
    mesh = assemble(
        [
            Part(vertices=CORNERS, faces=FACE, material=red),
            Part(vertices=CORNERS + 1, faces=FACE, uv=np.ones((1, 3, 2)), material=blue),
            Part(vertices=CORNERS + 2, faces=FACE, colours=coloured, material=red),
        ],
        ["a word", "a word"],
    )
    assert mesh.vertices.shape == (9, 3)  # the far one belongs to no face
    assert mesh.vertices[mesh.faces].tolist() == [(CORNERS[:3] + k).tolist() for k in range(3)]
    assert mesh.material.tolist() == [0, 1, 0] and mesh.materials == (red, blue)
    assert mesh.uv[:, 0, 0].tolist() == [0, 1, 0]
    assert mesh.colours is not None and mesh.colours[:, 0, 0].tolist() == [1, 1, 0.5]
    assert mesh.normals[0, 0].tolist() == [0, 0, 1]
    assert mesh.substitutes == ("a word",)
    dtypes = [getattr(mesh, name).dtype for name in ("vertices", "faces", "normals", "uv", "colours", "material")]
    assert dtypes == [np.float64, np.int32, *[np.float32] * 3, np.int32]


@pytest.mark.parametrize(
    ("vertices", "faces", "why"),
    [
        (CORNERS, np.zeros((0, 3), int), "no faces"),
        (CORNERS, [[0, 1, 7]], "names vertex 7 of 4"),
        (CORNERS, [[0, 1, -1]], "names vertex"),
        (CORNERS * np.nan, FACE, "NaN"),
        (CORNERS + np.inf, FACE, "NaN or infinite"),
        (CORNERS * 0, FACE, "no extent"),
    ],
)
def test_what_cannot_be_rendered_is_refused(vertices, faces, why):
    with pytest.raises(ValueError, match=why):
        assemble([Part(vertices=vertices, faces=np.asarray(faces), material=Material())])


def test_a_vertex_that_no_face_uses_may_be_anything():
    vertices = CORNERS.copy()
    vertices[3] = np.nan
    assert np.isfinite(assemble([Part(vertices=vertices, faces=FACE, material=Material())]).vertices).all()


def test_too_many_faces_are_refused(monkeypatch):
    monkeypatch.setattr(parts, "MOST_FACES", 1)
    with pytest.raises(ValueError, match=r"2 faces or more.*simplify"):
        assemble([Part(vertices=CORNERS, faces=FACE, material=Material())] * 2)


def test_a_texture_without_coordinates_becomes_its_mean_colour():
    texture = np.zeros((1, 2, 4), np.uint8)
    texture[0, 0] = (255, 51, 0, 255)  # the other pixel cannot be seen
    material = Material(colour=(1, 1, 1, 1), texture=texture, alpha="blend")
    mesh = assemble([Part(vertices=CORNERS, faces=FACE, material=material)])
    np.testing.assert_allclose(mesh.materials[0].colour, (1, 0.2, 0, 0.5))
    assert mesh.materials[0].texture is None
    assert "mean colour" in mesh.substitutes[0]


def test_an_invisible_mesh_is_shown():
    hidden = Material(colour=(1, 0, 0, 0), alpha="blend")
    mesh = assemble([Part(vertices=CORNERS, faces=FACE, material=hidden)])
    assert mesh.materials[0].alpha == "opaque" and "opaque" in mesh.substitutes[0]
    clear = np.zeros((1, 1, 4), np.uint8)
    empty = Part(vertices=CORNERS, faces=FACE, uv=np.zeros((1, 3, 2)), material=Material(texture=clear, alpha="mask"))
    assert assemble([empty]).materials[0].alpha == "opaque"
    both = [Part(vertices=CORNERS, faces=FACE, material=one) for one in (hidden, Material())]
    assert assemble(both).materials[0].alpha == "blend"


def test_words_fit_on_a_line():
    part = Part(vertices=CORNERS, faces=FACE, material=Material())
    assert assemble([part], ["a\nb\x1b[31m"]).substitutes == ("a b [31m",)
    (line,) = assemble([part], ["it" + "x" * 10**6 + "end"]).substitutes
    assert len(line) < 400 and line.startswith("it") and line.endswith("end")
