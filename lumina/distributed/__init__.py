"""Training on several processes: sharding, and safe, atomic sharded checkpoints."""
