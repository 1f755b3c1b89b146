"""``python -m skysieve``."""

from skysieve.cli import main

main()
