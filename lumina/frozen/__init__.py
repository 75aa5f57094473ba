"""Frozen pretrained networks: image VAEs, text encoders and the cache of text features."""
