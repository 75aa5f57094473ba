"""NeRF's synthetic scenes: ``transforms_train.json``, ``_val`` and ``_test`` of one object, pictures without suffix."""

from __future__ import annotations

from pathlib import Path

from lumina.files.json_file import load_object
from lumina.scenes.layouts.layout import Layout
from lumina.scenes.layouts.ours import frames_of, views_of
from lumina.scenes.views import View, ViewSet

SPLITS = ("train", "val", "test")


def read(folder: Path) -> ViewSet:
    """The views of all splits: objects are held out, not views."""
    views: list[View] = []
    for file in files(folder):
        content = load_object(file)
        views += views_of(folder, content, frames_of(content))
    return ViewSet(name=folder.name, caption="", views=tuple(views))


def files(folder: Path) -> list[Path]:
    """The files of cameras that are there."""
    return [file for split in SPLITS if (file := folder / f"transforms_{split}.json").is_file()]


NERF_SYNTHETIC = Layout(name="nerf_synthetic", is_at=lambda folder: bool(files(folder)), read=read)
