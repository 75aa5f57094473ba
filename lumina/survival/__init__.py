"""A run that is stopped, killed or diverges: checkpoints that are whole, exact resuming, a graceful stop."""
