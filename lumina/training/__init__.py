"""What happens at an optimizer step, beside the optimizer."""
