"""Fault tolerance: atomic checkpoints, exact resuming, graceful stops, protection from divergence.

A file that names a fault of Lightning can be deleted once Lightning has fixed it. The others (`checkpoints`, `choose`,
`differences`) define what ``ckpt_path`` means, and stay.
"""
