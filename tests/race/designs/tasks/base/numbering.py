"""Numbers in a row, also for several threads at once."""

import threading


class Numbering:
    """1, 2, 3 and so on."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        with self._lock:
            self._last += 1
            return self._last

    def restart(self) -> None:
        """The next number is 1 again."""
        with self._lock:
            self._last = 0
