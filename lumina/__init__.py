"""One Next-DiT backbone for images, audio, music, views, point clouds and recognition, on PyTorch Lightning."""

__version__ = "0.1.0"
