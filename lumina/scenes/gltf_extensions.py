"""Which extensions of glTF files are read, which are told, and which are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lumina.scenes.gltf_materials import GLOSSY, SOURCES

COMPRESSED = {
    "KHR_draco_mesh_compression": "Draco",
    "EXT_meshopt_compression": "meshopt",
    "KHR_meshopt_compression": "meshopt",
}
READ = ("KHR_mesh_quantization", "KHR_texture_transform", "KHR_texture_basisu", GLOSSY, *SOURCES)
"""Extensions that are read, or told where they are used."""

HARMLESS = (
    *("_material", "_texture", "_technique", "_light", "_packing_"),
    *("_animation", "_lod", "_xmp", "_features", "_metadata"),
)
"""What the names hold, after any vendor's letters, of extensions that leave a mesh at rest its shape."""

COPIES = "EXT_mesh_gpu_instancing"


def sift_extensions(head: Mapping[str, Any], said: list[str]) -> None:
    """Refuses a file whose shape needs an extension that is not read.

    Args:
        head: the file's JSON.
        said: extensions that are left out are added to it.

    Raises:
        ValueError: naming the extension.
    """
    required = head.get("extensionsRequired") or ()
    compressed = [COMPRESSED[name] for name in (*required, *_alone(head)) if name in COMPRESSED]
    if compressed:
        raise ValueError(f"it is compressed with {compressed[0]}, which is not read: export it without compression")
    for name in required:
        if name in READ:
            continue
        if not any(kind in name for kind in HARMLESS):
            raise ValueError(f"it requires the extension {name}, which is not read: export it without")
        said.append(f"it requires the extension {name}, which is left out")
    if any(COPIES in (node.get("extensions") or ()) for node in head.get("nodes", ())):
        said.append(f"the copies that {COPIES} makes of its meshes are left out")


def _alone(head: Mapping[str, Any]) -> Iterator[str]:
    """Extensions of primitives whose vertices are nowhere else, though they are not said to be required."""
    primitives = [primitive for mesh in head.get("meshes", ()) for primitive in mesh.get("primitives", ())]
    for primitive in primitives:
        place = primitive.get("attributes", {}).get("POSITION")
        if primitive.get("extensions") and place is not None and "bufferView" not in head["accessors"][place]:
            yield from primitive["extensions"]
