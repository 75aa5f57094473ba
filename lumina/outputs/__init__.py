"""What comes out of a model, before metrics and files take it."""
