"""More than one process: sharding, and sharded checkpoints that are safe and whole."""
