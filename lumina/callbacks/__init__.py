"""Lightning callbacks, one per file; a YAML names them by import path."""
