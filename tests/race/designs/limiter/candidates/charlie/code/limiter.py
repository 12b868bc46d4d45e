"""A limiter that counts whole tokens only."""

import threading
import time
from dataclasses import dataclass
from typing import Callable, NamedTuple


class Decision(NamedTuple):
    allowed: bool
    remaining: int
    retry_after: float


@dataclass
class Bucket:
    tokens: int
    last: float

    def refill(self, now: float, rate: float, capacity: int) -> None:
        gained = int((now - self.last) * rate)
        self.tokens = min(capacity, self.tokens + gained)
        self.last = now


class TokenBucketLimiter:
    def __init__(self, capacity: int, refill_per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        if refill_per_second <= 0:
            raise ValueError("refill_per_second must be positive")
        self.capacity = capacity
        self.rate = refill_per_second
        self.clock = clock
        self.mutex = threading.Lock()
        self.buckets: dict[str, Bucket] = {}

    def check(self, key: str, cost: int) -> None:
        if key == "":
            raise ValueError("key must not be empty")
        if cost < 1 or cost > self.capacity:
            raise ValueError("cost must be between 1 and capacity")

    def allow(self, key: str, cost: int = 1) -> Decision:
        self.check(key, cost)
        with self.mutex:
            now = self.clock()
            bucket = self.buckets.setdefault(key, Bucket(self.capacity, now))
            bucket.refill(now, self.rate, self.capacity)
            if bucket.tokens < cost:
                return Decision(False, bucket.tokens, (cost - bucket.tokens) / self.rate)
            bucket.tokens -= cost
            return Decision(True, bucket.tokens, 0.0)

    def reset(self, key: str) -> None:
        with self.mutex:
            if key in self.buckets:
                self.buckets[key].tokens = self.capacity

    def tracked(self) -> int:
        return len(self.buckets)

    def purge(self) -> int:
        with self.mutex:
            before = len(self.buckets)
            now = self.clock()
            for bucket in self.buckets.values():
                bucket.refill(now, self.rate, self.capacity)
            self.buckets = {key: bucket for key, bucket in self.buckets.items() if bucket.tokens < self.capacity}
            return before - len(self.buckets)
