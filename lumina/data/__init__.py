"""Data: which sample is next (`sampler`, `buckets`, `budget`), reading it (`samples`, `sources`), unreadable files."""
