from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, exp, log, log2

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from benchmarks.validation.locator.truth import DENSE, trial
from perceptron.questions.crossover.judge import Crossover, crossovers
from perceptron.questions.crossover.locator import Search, coarse_sizes, next_measurements
from perceptron.questions.crossover.verdict import notes
from perceptron.records.measurement import Measurement
from tests.made import Cost, linear
from tests.questions.crossover.conftest import A, B, row
from tests.watching import unwatched

Fails = Callable[[str, int], bool]
SEARCH = Search(1, 4096)
# Equal at (10 − 1) / (0.1 − 0.01) = 100.
CROSSING = {A: linear(1, 0.1), B: linear(10, 0.01)}


def never(backend: str, size: int) -> bool:
    return False


@dataclass
class Lab:
    """Measures what is asked for, process by process and backend by backend, as a study does."""

    costs: dict[str, Cost]
    search: Search = SEARCH
    noise: float = 0.01
    fails: Fails = never

    def measure(self, backend: str, size: int, process: int) -> Measurement:
        """Return the same row every time, and another in every process."""
        random = np.random.default_rng([process, size, backend == A])
        failed = self.fails(backend, size)
        return row(
            size=size,
            problem=f"line:{size}",
            backend=backend,
            repeat=process,
            seconds=None
            if failed
            else self.costs[backend](size) * exp(random.normal(0, self.noise)),
            status="failed" if failed else "ok",
            reason="it broke" if failed else None,
        )

    def answer(self, rows: Sequence[Measurement]) -> list[Measurement]:
        """Return the rows that one round adds; a problem that failed is not tried again."""
        wanted = next_measurements(rows, A, B, self.search)
        have = {(row.size, row.repeat, row.backend) for row in rows}
        given_up = {(row.size, row.backend) for row in rows if row.status != "ok"}
        new = []
        for process in range(max(wanted.values(), default=0)):
            for backend in (A, B):
                for size, processes in wanted.items():
                    if (
                        process < processes
                        and (size, process, backend) not in have
                        and (size, backend) not in given_up
                    ):
                        new.append(self.measure(backend, size, process))
                        if new[-1].status != "ok":
                            given_up.add((size, backend))
        return new

    def locate(self, rows: Sequence[Measurement] = ()) -> list[Measurement]:
        """Return all rows of a finished search; fail where it does not end."""
        rows = list(rows)
        for _ in range(100):
            new = self.answer(rows)
            if not new:
                # What failed is not asked for again either.
                assert next_measurements(rows, A, B, self.search) == {}
                return rows
            rows += new
        pytest.fail("a hundred rounds and no end")


def judged(rows: list[Measurement]) -> Crossover:
    (crossover,) = crossovers(rows, [(A, B)])
    return crossover


def processes(rows: list[Measurement], size: float) -> int:
    return len({row.repeat for row in rows if row.size == size and row.status == "ok"})


@settings(deadline=None)
@given(st.integers(1, 1000), st.floats(1.1, 1e5))
def test_coarse_sizes_are_whole_numbers_that_reach_both_ends(low: int, times: float) -> None:
    """No two neighbours lie much more than the coarse ratio apart."""
    search = Search(low, ceil(low * times))
    sizes = coarse_sizes(search)
    assert all(isinstance(size, int) for size in sizes)
    assert (sizes[0], sizes[-1]) == (search.low, search.high)
    assert sizes == sorted(set(sizes))
    assert all(
        after - 0.5 <= search.coarse * 1.07 * (before + 0.5) for before, after in pairwise(sizes)
    )


@pytest.mark.parametrize("noise", [0.0, 0.2])
@pytest.mark.parametrize("other", [linear(10, 0.01), linear(1.0, 0.1)])
def test_locator_never_requests_measured_processes(other: Cost, noise: float) -> None:
    """Every ask is for a whole number in range, and for more processes than there are."""
    lab = Lab({A: linear(1, 0.1), B: other}, noise=noise)
    rows: list[Measurement] = []
    while new := lab.answer(rows):
        for size, wanted in next_measurements(rows, A, B, SEARCH).items():
            assert isinstance(size, int)
            assert SEARCH.low <= size <= SEARCH.high
            assert processes(rows, size) < wanted <= SEARCH.most
        rows += new
    assert next_measurements(rows, A, B, SEARCH) == {}


def test_rows_of_other_backends_change_nothing() -> None:
    """A third backend measured at every size is no reason to look elsewhere."""
    lab = Lab({**CROSSING, "torch-cuda": linear(1, 1)})
    rows = lab.locate()
    others = [lab.measure("torch-cuda", size, 0) for size in range(1, 300)]
    for cut in (0, 42, 60, len(rows)):
        assert next_measurements([*others, *rows[:cut]], A, B, SEARCH) == next_measurements(
            rows[:cut], A, B, SEARCH
        )


def test_locator_ignores_sizes_of_other_pairs() -> None:
    """Three backends share rows: a size that a third one asked for is no question of this pair."""
    lab = Lab(CROSSING)
    rows = list(lab.locate())
    assert next_measurements(rows, A, B, SEARCH) == {}
    rows += [lab.measure(A, size, process) for size in (20, 30, 31) for process in range(3)]
    assert next_measurements(rows, A, B, SEARCH) == {}


@given(
    position=st.floats(0.05, 0.95),
    overhead=st.floats(1.3, 30),
    gain=st.floats(1.3, 20),
    power=st.sampled_from([0.8, 1.0, 1.5]),
    low=st.sampled_from([1, 2, 16]),
    decades=st.floats(3, 5),
    turned=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_locator_without_noise_is_accurate_and_cheap(
    position: float,
    overhead: float,
    gain: float,
    power: float,
    low: int,
    decades: float,
    turned: bool,
) -> None:
    """Within 10 % of the truth and inside its interval, for a sixth of a dense sweep."""
    search = Search(low, round(low * 10**decades))
    truth = exp((1 - position) * log(search.low) + position * log(search.high))
    there = (overhead - 1) / (1 - 1 / gain)  # work of the one that starts cheaply
    cheap = lambda size: 1 + there * (size / truth) ** power  # noqa: E731
    quick = lambda size: overhead + there / gain * (size / truth) ** power  # noqa: E731
    # Within a tie nobody wins, and no winner changes.
    assume(all(abs(log(cheap(end) / quick(end))) > log(1.06) for end in (search.low, search.high)))
    costs: dict[str, Cost] = {A: quick, B: cheap} if turned else {A: cheap, B: quick}
    rows = Lab(costs, search, noise=0.0).locate()
    crossover = judged(rows)
    assert crossover.status == ("reverses" if turned else "crosses")
    assert abs(log(crossover.size / truth)) < log(1.10)
    below, above = crossover.bracket
    # Between whole numbers that are neighbours nothing tells how the ratio bends.
    assert above - below == 1 or crossover.low * (1 - 1e-9) <= truth <= crossover.high * (1 + 1e-9)
    assert below * (1 - 1e-9) <= truth <= above * (1 + 1e-9)
    width = max(1.10, crossover.high / crossover.low)
    assert above - below == 1 or above / below <= width * 1.0001
    behind = max(processes(rows, size) for size in crossover.bracket)
    assert len(rows) / 2 < behind * (DENSE * decades + 1) / 6


def test_locator_finds_narrow_win_between_coarse_sizes() -> None:
    """The challenger wins between 100 and 600 only, and the log-ratio bends towards it."""

    def bowl(size: float) -> float:
        x = log(size / 245)
        return exp(0.25 * x**2 - 0.2)

    crossover = judged(Lab({A: lambda size: 1.0, B: bowl}).locate())
    assert crossover.status == "multiple"
    assert [crossing.direction for crossing in crossover.crossings] == ["challenger", "incumbent"]
    assert [crossing.size for crossing in crossover.crossings] == pytest.approx([100, 599], rel=0.1)


def test_locator_searches_approaching_times_until_decided() -> None:
    """A tie at the last size is an end too: what may hide before it is looked for."""
    costs = {A: linear(2, 1), B: linear(5, 0.98)}
    for noise in (0.02, 0.04):
        crossover = judged(Lab(costs, Search(1, 64), noise=noise).locate())
        assert (crossover.status, crossover.decided) == ("never", "yes")


@pytest.mark.parametrize("high", [4096, 8192])
def test_powers_of_two_that_are_slower_are_not_taken_for_all_sizes(high: int) -> None:
    """Elsewhere the challenger leads from 100 on, at powers of two from 256 on."""

    def aliased(size: float) -> float:
        is_power = size >= 16 and log2(size).is_integer()
        return linear(10, 0.01)(size) * (2 if is_power else 1)

    rows = Lab({**CROSSING, B: aliased}, Search(1, high)).locate()
    crossings = [crossing.size for crossing in judged(rows).crossings]
    assert any(crossing == pytest.approx(100, rel=0.1) for crossing in crossings)


def test_locator_continues_from_factor_four_grid() -> None:
    """No size is added to those it began with, other than around the crossover."""
    lab = Lab(CROSSING)
    began = [lab.measure(name, 4**k, n) for k in range(7) for n in range(3) for name in (A, B)]
    sizes = {row.size for row in lab.locate(began)}
    assert not {size for size in sizes if size < 64 or size > 256} - {4**k for k in range(7)}


@pytest.mark.parametrize(
    ("backend", "first", "last"), [(A, 90, 110), (B, 65, 255), (B, 16, 16), (A, 17, 64)]
)
def test_sizes_that_fail_inside_the_bracket_are_gone_round(
    backend: str, first: int, last: int
) -> None:
    """Each is tried once; the answer is the crossover between the sizes that work."""
    lab = Lab(CROSSING, fails=lambda name, size: name == backend and first <= size <= last)
    rows = lab.locate()
    failed = [row.size for row in rows if row.status == "failed"]
    assert len(failed) == len(set(failed))
    crossover = judged(rows)
    assert crossover.status == "crosses"
    assert crossover.bracket[0] <= 100 <= crossover.bracket[1]
    assert crossover.size == pytest.approx(100, rel=0.1 if first > 90 or last < 65 else 0.6)
    assert not {size for size in crossover.sizes_measured if first <= size <= last}


def test_locator_leaves_size_that_breaks_later() -> None:
    """The third process crashes wherever it is close: nobody asks for a fourth."""

    class Fragile(Lab):
        def measure(self, backend: str, size: int, process: int) -> Measurement:
            row = super().measure(backend, size, process)
            if process < 2 or not 50 < size < 200:
                return row
            return replace(row, seconds=None, status="failed", reason="it broke")

    rows = Fragile(CROSSING).locate()
    assert judged(rows).status == "crosses"
    close = {row.size for row in rows if 50 < row.size < 200}
    assert close
    assert {processes(rows, size) for size in close} == {2}


@pytest.mark.parametrize(("most", "status"), [(1023, "crosses"), (20, "never")])
def test_large_sizes_that_do_not_fit_hide_nothing(most: int, status: str) -> None:
    """A crossover below is located; of one above nothing is made up."""
    rows = Lab(CROSSING, fails=lambda name, size: size > most).locate()
    crossover = judged(rows)
    assert crossover.status == status
    assert max(crossover.sizes_measured) <= most
    if status == "never":
        assert crossover.crossings == []
        assert notes(crossover)[0].endswith("gap narrowing")


def test_locator_resumes_from_any_row() -> None:
    """Sure of the same crossover; also where only one backend's first process had run."""
    lab = Lab(CROSSING)
    whole = lab.locate()
    for cut in (*range(14), *range(14, len(whole), 4)):
        crossover = judged(lab.locate(whole[:cut]))
        assert (cut, crossover.status, crossover.decided) == (cut, "crosses", "yes")
        assert crossover.size == pytest.approx(100, rel=0.1)


def test_simulated_worlds_are_judged_right_and_cheaply() -> None:
    """Bursts, drift, cache steps, ties and two crossovers: none is judged wrong and sure.

    Never being sure would be an easy way to be never wrong. A search costs a sixth of a dense sweep
    with as many processes as stand behind the answer.
    """
    with unwatched():  # the tests above run the same lines
        trials = [trial(seed) for seed in range(5000, 5060)]
    clear = [searched for searched in trials if searched.clear]
    covered = [searched.covered for searched in trials if searched.covered is not None]
    assert len(clear) > 30
    assert np.mean([searched.right for searched in clear]) >= 0.97
    assert np.mean([searched.sure for searched in clear]) > 0.7
    assert not any(searched.sure and not searched.right for searched in trials)
    assert len(covered) > 12
    assert np.mean(covered) >= 0.88
    assert np.median([searched.measurements / searched.dense for searched in trials]) <= 1 / 6
