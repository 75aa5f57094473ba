"""What samples are measured with: plain functions, and metrics built on them."""
