"""Samples out of a trained model: what is asked for, from what it starts, how it is drawn."""
