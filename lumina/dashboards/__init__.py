"""A run on its dashboards: its configuration, its pictures, its curves."""
