"""Image files: reading, framing, augmentation, contact sheets and writing."""
