"""Metrics of several views of one object."""

from lumina.metrics.views.agreement import Colours, colour_consistency, silhouettes_explained

__all__ = ["Colours", "colour_consistency", "silhouettes_explained"]
