"""Conditions that several modalities share."""
