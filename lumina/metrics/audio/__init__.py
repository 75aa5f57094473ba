"""Metrics of sounds, on features of frozen networks."""
