"""Optimizers, and what happens to gradients before they step."""
