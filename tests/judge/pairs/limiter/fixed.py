import threading
import time


class RateLimiter:
    """Counts calls in fixed windows."""

    def __init__(self, limit, window_seconds):
        if limit < 1:
            raise ValueError("limit must be positive")
        if window_seconds <= 0:
            raise ValueError("window must be positive")
        self.limit = limit
        self.window = window_seconds
        self.counts = {}
        self.lock = threading.Lock()

    def allow(self, client):
        window = int(time.monotonic() // self.window)
        with self.lock:
            started, count = self.counts.get(client, (window, 0))
            if started != window:
                count = 0
            if count >= self.limit:
                return False
            self.counts[client] = (window, count + 1)
            return True

    def reset(self, client):
        with self.lock:
            self.counts.pop(client, None)
