"""Which checkpoint a run goes on from, whether it is whole, and in what it differs from the run."""
