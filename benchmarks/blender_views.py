"""Views of meshes by Blender's Cycles; `benchmarks.rendering` runs it by a Python of its own that has the package bpy.

``PYTHON blender_views.py FOLDER SIZE SAMPLES``: every ``NAME.npz`` in the folder gets ``NAME.seconds.npy`` ``[N]`` and
``NAME.alpha.npy`` ``[N, SIZE, SIZE]``, its views by one thread. Nothing of lumina is imported: bpy needs another NumPy.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import bpy
import numpy as np


def main(folder: Path, size: int, samples: int) -> None:
    """Renders every object of a folder."""
    for file in sorted(folder.glob("*.npz")):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        with np.load(file) as given:
            scene = _scene(size, samples)
            scene.collection.objects.link(_object(given))
            _light(scene)
            seconds, alpha = _views(scene, given, folder / "view.png")
        np.save(file.with_suffix(".seconds.npy"), seconds)
        np.save(file.with_suffix(".alpha.npy"), alpha)


def _scene(size: int, samples: int) -> Any:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = samples, False
    scene.cycles.pixel_filter_type, scene.cycles.filter_width = "BOX", 1  # as ours
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.film_transparent = scene.render.use_persistent_data = True
    scene.render.image_settings.file_format, scene.render.image_settings.color_mode = "PNG", "RGBA"
    scene.render.image_settings.compression = 0
    return scene


def _light(scene: Any) -> None:
    scene.world = bpy.data.worlds.new("world")
    scene.world.color = (0.5, 0.5, 0.5)
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    sun.data.energy, sun.rotation_euler = 3, (0.7, 0.3, 0)
    scene.collection.objects.link(sun)


def _object(given: Any) -> Any:
    mesh = bpy.data.meshes.new("mesh")
    faces = given["faces"]
    mesh.vertices.add(len(given["vertices"]))
    mesh.vertices.foreach_set("co", given["vertices"].astype(np.float32).ravel())
    mesh.loops.add(faces.size)
    mesh.loops.foreach_set("vertex_index", faces.astype(np.int32).ravel())
    mesh.polygons.add(len(faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, faces.size, 3, dtype=np.int32))
    mesh.uv_layers.new().data.foreach_set("uv", given["uv"].astype(np.float32).ravel())
    for number, colour in enumerate(given["colours"]):
        mesh.materials.append(_material(colour, given.get(f"texture{number}")))
    mesh.polygons.foreach_set("material_index", given["material"].astype(np.int32))
    mesh.update()
    return bpy.data.objects.new("object", mesh)


def _material(colour: Any, texture: Any) -> Any:
    material = bpy.data.materials.new("material")
    material.use_nodes = True
    base = material.node_tree.nodes["Principled BSDF"].inputs["Base Color"]
    base.default_value = colour
    if texture is not None:
        height, width = texture.shape[:2]
        image = bpy.data.images.new("texture", width, height)
        image.pixels.foreach_set((texture[::-1] / 255).astype(np.float32).ravel())
        node = material.node_tree.nodes.new("ShaderNodeTexImage")
        node.image = image
        material.node_tree.links.new(base, node.outputs["Color"])
    return material


def _views(scene: Any, given: Any, file: Path) -> tuple[Any, Any]:
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.angle = float(given["angle"])
    scene.collection.objects.link(camera)
    scene.camera, scene.render.filepath = camera, str(file)
    seconds, alpha = [], []
    for number, matrix in enumerate((given["cameras"][0], *given["cameras"])):  # the first builds what is kept
        camera.matrix_world = matrix.T.tolist()  # bpy takes columns
        began = time.process_time()
        bpy.ops.render.render(write_still=True)
        if number:
            seconds.append(time.process_time() - began)
            alpha.append(_alpha(file))
    return np.array(seconds), np.stack(alpha)


def _alpha(file: Path) -> Any:
    image = bpy.data.images.load(str(file))
    pixels = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(pixels)
    width, height = image.size
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)[::-1, :, 3]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
