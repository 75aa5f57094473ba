"""The paper's figures of what happens inside: one file a figure, each writing a PNG and a CSV."""
