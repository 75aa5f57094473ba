"""Pictures as a medium: files in, framing and augmentation, contact sheets and files out."""
