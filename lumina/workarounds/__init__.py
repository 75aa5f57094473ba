"""Workarounds for bugs in Lightning 2.6 and its dependencies, one bug per file.

A workaround is a small piece of code that can be deleted once the bug is fixed upstream. Its docstring names the bug.
Its test file has one test that reproduces the bug, which fails once the workaround is no longer needed.
"""
