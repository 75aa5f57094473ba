"""Weights of others, in and out."""

from lumina.weights.diffusers import load_diffusers, save_diffusers
from lumina.weights.official import load_official, load_official_labels

__all__ = ["load_diffusers", "load_official", "load_official_labels", "save_diffusers"]
