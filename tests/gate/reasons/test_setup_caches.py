"""What setup_cache returns is made while there is time, and no longer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from perceptron.gate.reasons.setup_caches import NO_TIME, make
from perceptron.gate.sampling.processes import Seeds
from perceptron.records.block import Arm, Benchmark, Reading

SLOW = Reading(status="slow", reason="setup_cache: no answer within 5 s")
BROKEN = Reading(status="failed", reason="setup_cache: broken")


class Caches:
    """Each cache takes so many seconds of a clock that is made up."""

    def __init__(self, takes: dict[str, float], broken: Sequence[str] = ()) -> None:
        self._takes = takes
        self._broken = broken
        self._made: set[str] = set()
        self.now = 0.0
        self.allowed: dict[str, float | None] = {}

    def make(self, arm: Arm, benchmarks: Sequence[Benchmark], seeds: Seeds) -> dict[str, Reading]:
        [own] = benchmarks
        assert own.cache is not None
        if own.cache in self._made:
            return {}
        self.allowed[own.cache] = own.cache_timeout
        limit = own.cache_timeout or own.timeout
        self.now += min(limit, self._takes[own.cache])
        if own.cache in self._broken:
            return {own.key: BROKEN}
        if self._takes[own.cache] > limit:
            return {own.key: SLOW}
        self._made.add(own.cache)
        return {}


def cached(name: str, cache: str | None, timeout: float = 60.0) -> Benchmark:
    return Benchmark(name=name, cache=cache, cache_timeout=timeout)


def failed(caches: Caches, *benchmarks: Benchmark, seconds: float) -> dict[str, Reading]:
    return make(cast(Any, caches), "base", benchmarks, Seeds(1), lambda: seconds - caches.now)


def test_they_take_no_longer_than_there_is_time() -> None:
    caches = Caches({"a": 4.0, "b": 30.0, "c": 1.0})
    own = [cached("one", "a"), cached("two", "b"), cached("also", "b"), cached("late", "c")]
    assert failed(caches, *own, cached("none", None), seconds=10.0) == {
        "two": NO_TIME,
        "also": NO_TIME,
        "late": NO_TIME,
    }
    assert caches.allowed == {"a": 10.0, "b": 6.0}
    assert caches.now == 10.0


def test_its_own_limit_stays_its_own() -> None:
    caches = Caches({"a": 30.0})
    assert failed(caches, cached("one", "a", 5.0), seconds=1000.0) == {"one": SLOW}
    assert caches.allowed == {"a": 5.0}


def test_what_breaks_is_tried_once_and_costs_those_that_share_it() -> None:
    caches = Caches({"a": 1.0, "b": 1.0}, broken=["a"])
    own = [cached("one", "a"), cached("two", "a"), cached("three", "b")]
    assert failed(caches, *own, seconds=100.0) == {"one": BROKEN, "two": BROKEN}
    assert caches.now == 2.0


def test_what_was_made_is_not_made_again() -> None:
    caches = Caches({"a": 1.0})
    other = msgspec.structs.replace(cached("one", "a"), name="two")
    assert failed(caches, cached("one", "a"), seconds=100.0) == {}
    assert failed(caches, cached("one", "a"), other, seconds=100.0) == {}
    assert caches.now == 1.0
