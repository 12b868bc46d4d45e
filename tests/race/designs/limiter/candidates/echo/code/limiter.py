# Rate limiting by buckets that belong to callers; time comes from outside.

import math
import threading
import time
from typing import Callable, NamedTuple


class _State(NamedTuple):
    level: float
    touched: float


class Decision(NamedTuple):
    allowed: bool
    remaining: int
    retry_after: float


class TokenBucketLimiter:
    def __init__(
        self, capacity: int, refill_per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        # Refuse limits that make no sense.
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        if refill_per_second <= 0:
            raise ValueError("refill_per_second must be positive")
        self._size = capacity
        self._rate = refill_per_second
        self._time = clock
        self._states: dict[str, _State] = {}
        self._guard = threading.Lock()

    def tracked(self) -> int:
        with self._guard:
            return len(self._states)

    def reset(self, key: str) -> None:
        with self._guard:
            self._states.pop(key, None)

    def allow(self, key: str, cost: int = 1) -> Decision:
        # The caller's mistakes come first.
        if not key:
            raise ValueError("key must not be empty")
        if not 1 <= cost <= self._size:
            raise ValueError("cost must be between 1 and capacity")
        with self._guard:
            state = self._current(key)
            granted = state.level >= cost
            if granted:
                state = state._replace(level=state.level - cost)
            self._states[key] = state
        lacking = 0.0 if granted else cost - state.level
        return Decision(granted, math.floor(state.level), lacking / self._rate)

    def _current(self, key: str) -> _State:
        instant = self._time()
        state = self._states.get(key)
        if state is None:
            return _State(self._size, instant)
        passed = max(0.0, instant - state.touched)
        return _State(min(self._size, state.level + passed * self._rate), instant)

    def purge(self) -> int:
        with self._guard:
            idle = [name for name in self._states if self._current(name).level >= self._size]
            for name in idle:
                del self._states[name]
        return len(idle)
