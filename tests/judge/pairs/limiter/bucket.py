"""A token bucket for each client."""
import threading
import time


class RateLimiter:
    def __init__(self, limit, window_seconds):
        if limit < 1 or window_seconds <= 0:
            raise ValueError("limit and window must be positive")
        self.capacity = limit
        self.rate = limit / window_seconds
        self.buckets = {}
        self.lock = threading.Lock()

    def allow(self, client):
        now = time.monotonic()
        with self.lock:
            tokens, last = self.buckets.get(client, (self.capacity, now))
            tokens = min(self.capacity, tokens + (now - last) * self.rate)
            if tokens < 1:
                self.buckets[client] = (tokens, now)
                return False
            self.buckets[client] = (tokens - 1, now)
            return True

    def reset(self, client):
        with self.lock:
            self.buckets.pop(client, None)
