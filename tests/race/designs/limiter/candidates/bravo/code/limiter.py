"""Rate limiter."""
import json
import time
import threading
from collections import namedtuple

Decision = namedtuple("Decision", ["allowed", "remaining", "retry_after"])


class AbstractBucketStrategy:
    """Base class of all strategies."""

    def take(self, c):
        raise NotImplementedError

    def is_full(self):
        raise NotImplementedError

    def describe(self):
        raise NotImplementedError


class TokenBucketStrategy(AbstractBucketStrategy):
    def __init__(self, m, r, f):
        self.m = m
        self.r = r
        self.f = f
        self.d = {}
        self.d["tokens"] = m * 1.0
        self.d["time"] = f()
        self.d["hits"] = 0
        self.d["misses"] = 0

    def take(self, c):
        t = self.f()
        e = t - self.d["time"]
        if e > 0:
            self.d["tokens"] = self.d["tokens"] + e * self.r
            if self.d["tokens"] > self.m:
                self.d["tokens"] = self.m * 1.0
            self.d["time"] = t
        else:
            if e < 0:
                self.d["time"] = t
        if self.d["tokens"] >= c:
            self.d["tokens"] = self.d["tokens"] - c
            self.d["hits"] = self.d["hits"] + 1
            return True, int(self.d["tokens"]), 0.0
        else:
            self.d["misses"] = self.d["misses"] + 1
            w = (c - self.d["tokens"]) / self.r
            return False, int(self.d["tokens"]), w

    def is_full(self):
        t = self.f()
        e = t - self.d["time"]
        if e > 0:
            self.d["tokens"] = self.d["tokens"] + e * self.r
            if self.d["tokens"] > self.m:
                self.d["tokens"] = self.m * 1.0
            self.d["time"] = t
        else:
            if e < 0:
                self.d["time"] = t
        return self.d["tokens"] >= self.m

    def describe(self):
        return json.dumps(self.d)


class BucketStrategyFactory:
    def __init__(self, kind="token"):
        self.kind = kind

    def create(self, m, r, f):
        if self.kind == "token":
            return TokenBucketStrategy(m, r, f)
        else:
            raise ValueError("unknown strategy")


def format_wait(w):
    if w > 3600:
        return str(int(w / 3600)) + "h"
    elif w > 60:
        return str(int(w / 60)) + "m"
    else:
        return str(int(w)) + "s"


class TokenBucketLimiter:
    def __init__(self, capacity, refill_per_second, clock=time.monotonic):
        if capacity is not None:
            if capacity >= 1:
                if refill_per_second is not None:
                    if refill_per_second > 0:
                        self.c = capacity
                        self.r = refill_per_second
                        self.f = clock
                        self.b = {}
                        self.x = BucketStrategyFactory("token")
                        self.l = threading.RLock()
                        self.n = 4096
                    else:
                        raise ValueError("refill_per_second must be positive")
                else:
                    raise ValueError("refill_per_second must be positive")
            else:
                raise ValueError("capacity must be at least 1")
        else:
            raise ValueError("capacity must be at least 1")

    def allow(self, key, cost=1):
        if key is not None and len(key) > 0:
            if cost >= 1:
                if cost <= self.c:
                    self.l.acquire()
                    try:
                        if key in self.b:
                            s = self.b[key]
                            a, m, w = s.take(cost)
                            if a:
                                return Decision(True, m, 0.0)
                            else:
                                if w > 0:
                                    return Decision(False, m, w)
                                else:
                                    return Decision(False, m, 0.001)
                        else:
                            if len(self.b) > 65536 - self.n:
                                self.purge()
                            s = self.x.create(self.c, self.r, self.f)
                            self.b[key] = s
                            a, m, w = s.take(cost)
                            if a:
                                return Decision(True, m, 0.0)
                            else:
                                if w > 0:
                                    return Decision(False, m, w)
                                else:
                                    return Decision(False, m, 0.001)
                    finally:
                        self.l.release()
                else:
                    raise ValueError("cost must be between 1 and capacity")
            else:
                raise ValueError("cost must be between 1 and capacity")
        else:
            raise ValueError("key must not be empty")

    def reset(self, key):
        self.l.acquire()
        try:
            if key in self.b:
                del self.b[key]
        finally:
            self.l.release()

    def tracked(self):
        self.l.acquire()
        try:
            q = 0
            for k in self.b:
                q = q + 1
            return q
        finally:
            self.l.release()

    def purge(self):
        self.l.acquire()
        try:
            g = []
            for k in self.b:
                if self.b[k].is_full():
                    g.append(k)
            q = 0
            for k in g:
                del self.b[k]
                q = q + 1
            return q
        finally:
            self.l.release()
