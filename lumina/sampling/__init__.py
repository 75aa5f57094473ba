"""Sampling from noise to data: `sampler.Sampler` combines `schedules`, `solvers` and `guidance`."""
