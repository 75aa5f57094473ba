"""One file per modality: its adapter to tokens, its private conditioners and its head.

Nothing is re-exported: the file path is the import path and the ``class_path`` in YAML.
"""

from lumina import __version__ as __lumina__

__all__ = ["__lumina__"]
