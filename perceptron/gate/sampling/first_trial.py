"""Trying every benchmark for the first time, when nobody knows yet how long it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from perceptron.gate.sampling.sampler import ALONE, CALIBRATING, Sampler
from perceptron.records.block import Arm, Benchmark, Reading

# Shares of the budget within which the first and the second arm must be through.
_SHARES = (0.2, 0.35)
# Of the budget: what one benchmark may take, and at least.
_ONE_SHARE, _ONE_SECONDS = 1 / 40, 10.0
# So many sets of parameters of a function are too slow before the others are believed to be.
_SLOW_PARAMETERS = 2


class FirstTrial:
    """One attempt. What it does not come to is ``untried``, with the reason."""

    def __init__(
        self, takes: Sampler, budget: float, hash_seed: int, elapsed: Callable[[], float]
    ) -> None:
        self._takes = takes
        self._budget = budget
        self._hash_seed = hash_seed
        self._elapsed = elapsed
        self._slow: dict[str, list[str]] = {}

    def both(self, benchmarks: Sequence[Benchmark]) -> dict[Arm, dict[str, Reading]]:
        """Base, then head, which is spared what base did not come to and what is too slow there.

        Nothing is compared yet, so the order favours nobody.
        """
        begin = self._elapsed()
        base = self._arm("base", benchmarks, begin + _SHARES[0] * self._budget)
        spared = {
            key: Reading(status="untried", reason=f"one call is too long: {taken.reason}")
            for key, taken in base.items()
            if taken.status == "slow"
        }
        tried = [
            each
            for each in benchmarks
            if each.key not in spared and base[each.key].status != "untried"
        ]
        head = self._arm("head", tried, begin + _SHARES[1] * self._budget)
        return {"base": base, "head": base | spared | head}

    def _arm(
        self, arm: Arm, benchmarks: Sequence[Benchmark], deadline: float
    ) -> dict[str, Reading]:
        """What is too slow twice costs the other parameters of its function their trial."""
        self._slow = {}
        found: dict[str, Reading] = {}
        for group in _by_kind(benchmarks):
            left = group
            while left:
                reason = self._reason_not_to(left[0], deadline) if found else None
                if reason is None:
                    left = self._process(arm, left, deadline, found)
                else:
                    found[left[0].key] = Reading(status="untried", reason=reason)
                    left = left[1:]
        return found

    def _reason_not_to(self, benchmark: Benchmark, deadline: float) -> str | None:
        if self._elapsed() > deadline:
            return "no time was left to try it: raise --budget"
        slow = self._slow.get(benchmark.name, [])
        if len(slow) < _SLOW_PARAMETERS:
            return None
        return f"not tried, as {slow[-1]} took too long: raise --budget"

    def _process(
        self, arm: Arm, left: Sequence[Benchmark], deadline: float, found: dict[str, Reading]
    ) -> list[Benchmark]:
        """Try until the end, the deadline or a slow one; gives what is left to do."""
        by_key = {each.key: each for each in left}
        seconds = max(_ONE_SECONDS, _ONE_SHARE * self._budget)

        def limit(benchmark: Benchmark) -> float:
            return min(benchmark.timeout, seconds)

        for key, taken in self._takes.take(arm, left, CALIBRATING, self._hash_seed, limit):
            found[key] = taken
            each = by_key.pop(key)
            if taken.status == "slow":
                self._slow.setdefault(each.name, []).append(key)
                if len(self._slow[each.name]) >= _SLOW_PARAMETERS:
                    break
            if self._elapsed() > deadline:
                break
        return list(by_key.values())


def _by_kind(benchmarks: Sequence[Benchmark]) -> list[list[Benchmark]]:
    """Those that share a process, and each that needs its own."""
    shared = [each for each in benchmarks if each.type not in ALONE]
    alone = [[each] for each in benchmarks if each.type in ALONE]
    return [shared, *alone] if shared else alone
