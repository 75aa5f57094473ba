"""Command line and YAML configuration: parsing, validation, error messages, and locating named files."""
