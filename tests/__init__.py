"""The tests. A package, so that spawned processes import it instead of the `tests` that torch-fidelity installs."""
