"""Clocks: callables that give seconds as a float."""


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def __call__(self) -> float:
        return self._now

    def move(self, seconds: float) -> None:
        """Moves the clock; a negative number turns it back, as an adjusted system clock does."""
        self._now += seconds
