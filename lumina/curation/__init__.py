"""Choosing pictures from large tables."""
