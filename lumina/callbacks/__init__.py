"""What a run does beside training: Lightning callbacks, each in a file of its own and named in YAML by its path."""
