"""Side-by-side timings against peers; see README.md in this folder."""
