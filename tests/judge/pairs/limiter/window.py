import threading
import time
from collections import deque


class RateLimiter:
    def __init__(self, limit, window_seconds):
        if limit < 1 or window_seconds <= 0:
            raise ValueError("limit and window must be positive")
        self.limit = limit
        self.window = window_seconds
        self.calls = {}
        self.lock = threading.Lock()

    def allow(self, client):
        now = time.monotonic()
        with self.lock:
            history = self.calls.setdefault(client, deque())
            while history and history[0] <= now - self.window:
                history.popleft()
            if len(history) >= self.limit:
                return False
            history.append(now)
            return True

    def reset(self, client):
        with self.lock:
            self.calls.pop(client, None)
