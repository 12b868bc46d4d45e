"""Where the program keeps its files."""

import os


def store_file(environment: dict[str, str]) -> str:
    """Path of the store: below PANTRY_HOME, or below the user's home."""
    home = environment.get("PANTRY_HOME") or os.path.join(environment["HOME"], ".pantry")
    return os.path.join(home, "store")
