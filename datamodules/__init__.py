"""Datasets and data formats, one file each; ``class_path: datamodules.FILE.CLASS`` in an experiment names one."""

from lumina import __version__ as __lumina__

__all__ = ["__lumina__"]
