"""``python -m lumina``."""

from lumina.cli import main

main()
