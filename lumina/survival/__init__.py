"""Fault tolerance: atomic checkpoints, exact resuming, graceful stops, protection from divergence."""
