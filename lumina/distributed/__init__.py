"""Training on several processes: sharding, and safe, atomic sharded checkpoints.

`atomic_shards` can be deleted once Lightning writes sharded checkpoints atomically, and `sharded_metadata` once PyTorch
reads their index safely.
"""
