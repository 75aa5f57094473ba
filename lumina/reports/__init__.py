"""What people read of a run: dashboards, pages of samples, curves, estimates of memory."""
