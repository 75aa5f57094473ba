"""Trained weights of every form as one value, below the module that takes them."""
