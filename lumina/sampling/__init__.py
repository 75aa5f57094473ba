"""From noise to data: `schedules` x `solvers` x `guidance`, put together by `sampler.Sampler`."""
