import numpy as np

from lumina.scenes.mesh import Material, Mesh


def test_a_mesh_needs_no_colours_and_no_texture():
    mesh = Mesh(
        vertices=np.zeros((3, 3)),
        faces=np.array([[0, 1, 2]], np.int32),
        normals=np.zeros((1, 3, 3), np.float32),
        uv=np.zeros((1, 3, 2), np.float32),
        colours=None,
        material=np.zeros(1, np.int32),
        materials=(Material(),),
    )
    assert mesh.substitutes == ()
    assert mesh.materials[0].texture is None
