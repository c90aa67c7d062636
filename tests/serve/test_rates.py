"""Counts of windows against the definition, and against the library's own."""

import threading

import numpy as np
import pytest

pytest.importorskip("limits", reason="pip install 'headwater[serve]'")

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from headwater.serve.rates import Counts


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("seed", range(5))
def test_a_window_begins_with_its_first_request_and_ends_for_good(seed):
    """Two lengths of windows, a few people."""
    rng, clock = np.random.default_rng(seed), Clock()
    counts, told = Counts(clock), {}
    for _ in range(3_000):
        clock.now += rng.exponential(0.1)
        key, length = f"u{rng.integers(20)}", int(rng.choice([3, 10]))
        name = f"{key}/{length}"
        end, n = told.get(name, (0, 0))
        if end <= clock.now:
            end, n = clock.now + length, 0
        told[name] = end, n + 1
        assert counts.incr(name, length) == n + 1
        assert (counts.get(name), counts.get_expiry(name)) == (n + 1, end)
    for name, (end, n) in told.items():
        assert counts.get(name) == (n if end > clock.now else 0)
    assert counts.get("nobody") == 0


def test_a_clock_that_was_set_back_keeps_no_window_for_longer():
    clock = Clock()
    counts = Counts(clock)
    counts.incr("ann", 10)
    clock.now -= 50
    counts.incr("bob", 10)
    clock.now += 20
    assert counts.get("bob") == 0
    assert counts.incr("bob", 10) == 1
    assert counts.get_expiry("bob") == clock.now + 10
    assert counts.incr("ann", 10) == 2


def test_limits_are_those_of_the_library():
    rate = parse("7/minute")
    ours, theirs = (FixedWindowRateLimiter(each) for each in (Counts(), MemoryStorage()))
    rng = np.random.default_rng(0)
    for user in rng.integers(0, 12, 200):
        for limiter in (ours, theirs):
            limiter.tested = limiter.test(rate, "asked", str(user))
        assert ours.tested == theirs.tested
        assert ours.hit(rate, "asked", str(user)) == theirs.hit(rate, "asked", str(user))
        reset = [each.get_window_stats(rate, "asked", str(user)) for each in (ours, theirs)]
        assert reset[0].remaining == reset[1].remaining
        assert reset[0].reset_time == pytest.approx(reset[1].reset_time, abs=1)


def test_what_is_over_is_forgotten_and_no_thread_does_it():
    clock, before = Clock(), set(threading.enumerate())
    counts = Counts(clock)
    for n in range(20_000):
        clock.now += 0.01
        counts.incr(f"u{n}", 60)
        counts.incr("one", 5)
    assert 6_000 <= len(counts) <= 6_002
    assert set(threading.enumerate()) <= before
    assert counts.reset() >= 6_000
    assert len(counts) == 0
    counts.incr("one", 5)
    counts.clear("one")
    assert counts.get("one") == 0
    assert counts.check()
