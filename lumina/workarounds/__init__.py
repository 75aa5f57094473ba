"""Remedies for what Lightning 2.6 or its dependencies get wrong, one behaviour a file.

What belongs here: a small piece that would be deleted if upstream were mended. Its docstring names the behaviour that
it remedies, and its test file has one test that shows that behaviour, so that it fails once the remedy may go.
"""
