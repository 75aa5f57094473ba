"""Autoencoders of pictures and mel spectrograms: their networks, losses and training."""
