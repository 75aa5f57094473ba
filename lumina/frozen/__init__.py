"""Pretrained networks that never train here: image VAEs, text encoders and the cache of their features."""
