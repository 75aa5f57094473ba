"""``lumina views``: views of objects from one layout of files into another."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from tqdm.auto import tqdm

from lumina.config.locate import locate
from lumina.config.parser import ShortErrorParser
from lumina.data.census import Census, counted
from lumina.errors import CorruptSample
from lumina.files.atomic import PARTIAL, replace_folder
from lumina.files.folders import require_free
from lumina.scenes.layouts import LAYOUTS, find_view_sets, read_views, write_views
from lumina.scenes.layouts.ours import OURS
from lumina.scenes.views import ViewSet, remarks_of


def main(arguments: list[str]) -> None:
    """Parses the folders and the layout, and converts."""
    parser = ShortErrorParser(prog="lumina views", description=(views.__doc__ or "").partition("Args:")[0])
    parser.add_argument("folder", type=Path, help="the views of one object, or of many in folders below")
    parser.add_argument("output", type=Path, help="the folder to write to; new or empty")
    parser.add_function_arguments(views, as_positional=False, skip={"folder", "output"})
    views(**vars(parser.instantiate(parser.parse_args(arguments))))


def views(folder: Path, output: Path, layout: Literal["ours", "zero123", "colmap"] = "ours") -> None:
    """Converts views of objects between layouts of files.

    Reads a transforms.json as ours and nerfstudio's, NeRF's synthetic scenes, Zero123's, G-Objaverse's and COLMAP's
    folders. Azimuths and elevations are computed from the matrices, whatever the files claim. Objects that cannot be
    read are named and left out.

    Args:
        folder: the views of one object, or of many in folders below.
        output: the folder to write to; new or empty.
        layout: ours = a transforms.json that nerfstudio reads, with captions, azimuths, elevations, groups and roles;
            zero123 = a matrix beside each picture; colmap = COLMAP's text files.

    Raises:
        ValueError: there is no such folder, the output is in use or inside it, or no object could be converted.
    """
    folder = locate(folder)
    if output.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"the output {output} lies in {folder}: choose a place outside of it.")
    require_free(output)
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder: give the views of one object, or the folder of many.")
    census = Census()
    found = find_view_sets(folder, census)
    for line in census.lines():
        warnings.warn(f"left out {line}", stacklevel=2)
    if not found:
        raise ValueError(f"{folder} holds no views in a known layout: {', '.join(LAYOUTS)}.")
    done = []
    for place in tqdm(found, unit="object", disable=None):
        try:
            done.append(_convert(place, output / place.relative_to(folder), layout))
        except (CorruptSample, ValueError) as error:
            warnings.warn(f"left out {error}", stacklevel=2)
    for remark in remarks_of(done):
        warnings.warn(remark, stacklevel=2)
    if not done:
        raise ValueError(f"none of the {len(found)} objects in {folder} could be converted.")
    count = sum(len(views_of_one.views) for views_of_one in done)
    left = f", {len(found) - len(done):,} left out" if len(done) < len(found) else ""
    print(f"{output}: {counted(count, 'view')} of {counted(len(done), 'object')}{left}")
    if layout != OURS.name and (lost := list(_without_place(done))):
        print(f"The layout {layout} has no place for {', '.join(lost)}: they were left out.")


def _without_place(done: Sequence[ViewSet]) -> Iterator[str]:
    """What the objects have that only our own layout keeps."""
    views = [view for views_of_one in done for view in views_of_one.views]
    kinds = {
        "captions": any(views_of_one.caption for views_of_one in done),
        "groups": any(view.group for view in views),
        "roles (references become views)": any(view.role == "reference" for view in views),
        "depth": any(view.depth for view in views),
        "normals": any(view.normals for view in views),
    }
    yield from (kind for kind, there in kinds.items() if there)


def _convert(place: Path, target: Path, layout: str) -> ViewSet:
    """Writes one object's views, whole or not at all."""
    found = read_views(place)
    partial = target.with_name(f".{target.name}{PARTIAL}")
    try:
        write_views(found, partial, layout)
        replace_folder(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return found
