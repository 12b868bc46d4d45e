"""Token buckets, one for each key, refilled when they are looked at."""

import math
import threading
import time
from typing import Callable, NamedTuple


class Decision(NamedTuple):
    allowed: bool
    remaining: int
    retry_after: float


class _Bucket(NamedTuple):
    tokens: float
    seen_at: float


class TokenBucketLimiter:
    def __init__(
        self, capacity: int, refill_per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        if refill_per_second <= 0:
            raise ValueError("refill_per_second must be positive")
        self._capacity = capacity
        self._refill_per_second = refill_per_second
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def allow(self, key: str, cost: int = 1) -> Decision:
        if not key:
            raise ValueError("key must not be empty")
        if not 1 <= cost <= self._capacity:
            raise ValueError("cost must be between 1 and capacity")
        with self._lock:
            bucket = self._refilled(key)
            allowed = bucket.tokens >= cost
            if allowed:
                bucket = bucket._replace(tokens=bucket.tokens - cost)
            self._buckets[key] = bucket
        missing = 0.0 if allowed else cost - bucket.tokens
        return Decision(allowed, math.floor(bucket.tokens), missing / self._refill_per_second)

    def reset(self, key: str) -> None:
        with self._lock:
            self._buckets.pop(key, None)

    def tracked(self) -> int:
        with self._lock:
            return len(self._buckets)

    def purge(self) -> int:
        with self._lock:
            full = [key for key in self._buckets if self._refilled(key).tokens >= self._capacity]
            for key in full:
                del self._buckets[key]
        return len(full)

    def _refilled(self, key: str) -> _Bucket:
        """The key's bucket as it is now. The caller holds the lock."""
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            return _Bucket(self._capacity, now)
        elapsed = max(0.0, now - bucket.seen_at)
        return _Bucket(min(self._capacity, bucket.tokens + elapsed * self._refill_per_second), now)
