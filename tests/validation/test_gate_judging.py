"""Recorded runs are judged as live ones are, by the gate and by other tools' rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace as with_other
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_benchmark.utils import parse_compare_fail

from benchmarks.validation.gate.proof import targets
from benchmarks.validation.gate.recorded import (
    OTHERS,
    RecordedCounts,
    asv,
    mann_whitney,
    pytest_benchmark,
)
from benchmarks.validation.gate.replay import GATE, LOUDER, Replays, ReplayTrial, replays
from perceptron.gate.verdict.rule import Rule
from tests.validation.conftest import MakeRun, noise, pairs
from tests.watching import unwatched

RULE = Rule()
COUNTS = {"time_it": RecordedCounts([1e6, 1.2e6], [0.0, 0.0003, -0.0004, 0.002])}


def silent(done: int, total: int, message: str) -> None:
    assert 0 <= done < total


def replayed(spread: float, counts: Mapping[str, RecordedCounts], draws: int = 20) -> Replays:
    """Replay blocks that spread by so much; the gate's own tests run the lines that it runs."""
    with unwatched():
        return replays([("time_it", pairs(noise(spread, 3000)))], counts, RULE, silent, draws)


def test_little_noise_finds_everything_but_nothing_where_nothing_is() -> None:
    found: dict[float, set[bool]] = {}
    for trial in replayed(0.003, {}).trials:
        found.setdefault(trial.level, set()).add(trial.found[GATE])
    assert found[0.0] == {False}
    assert found[0.05] == found[0.10] == found[0.20] == {True}


@pytest.mark.slow
def test_more_work_is_found_however_loud_the_clock() -> None:
    """From 2% up it is found, 1% of it is seen and not called slower; nothing is not seen."""
    by_level: dict[tuple[float, float], list[ReplayTrial]] = {}
    for trial in replayed(0.04, COUNTS).of("more work"):
        by_level.setdefault((trial.level, trial.louder), []).append(trial)
    assert {louder for _, louder in by_level} == {*LOUDER}
    for louder in LOUDER:
        for level in (0.02, 0.03, 0.05):
            assert np.mean([trial.found[GATE] for trial in by_level[level, louder]]) >= 0.95
        assert all(trial.seen for trial in by_level[0.01, louder])
        for level in (0.0, 0.01):
            assert not any(trial.found[GATE] for trial in by_level[level, louder])
        assert not any(trial.seen for trial in by_level[0.0, louder])


NONE = Replays([], [], 0)


def equal_runs(run: MakeRun, alarms: tuple[int, ...] = ()) -> list[object]:
    runs = [run("same", number) for number in range(160)]
    runs += [run("neighbour", number) for number in range(40)]
    for index in alarms:
        kind, number = runs[index].kind, runs[index].number
        runs[index] = run(kind, number, row_verdict="slower", verdict="regression")
    return runs


def met(runs: list[object], replays: Replays = NONE) -> list[bool | None]:
    return [target.met for target in targets(runs, replays)]  # type: ignore[arg-type]


def test_two_hundred_runs_without_alarm_meet_the_target_and_its_bound_is_exact(
    run: MakeRun,
) -> None:
    """0 of 200: at most 1.83%, for 1 − 0.025^(1/200)."""
    runs = equal_runs(run)
    first, second, *others = targets(runs, NONE)
    assert (first.met, second.met) == (True, True)
    assert first.reached.high == pytest.approx(1 - 0.025 ** (1 / 200))
    assert (first.reached.hits, first.reached.trials, second.reached.trials) == (0, 200, 40)
    assert [target.met for target in others] == [None] * 9


def trials(level: float, spread: str, hits: int, of: int) -> list[ReplayTrial]:
    return [ReplayTrial(level, spread, {GATE: index < hits}) for index in range(of)]


def test_slowdowns_count_where_blocks_spread_little() -> None:
    """What is missed on a noisy machine misses no target; 600 replays at least are wanted."""
    noisy = trials(0.05, "≤ 5%", 0, 500) + trials(0.10, "more", 0, 500)
    quiet = trials(0.05, "≤ 2.5%", 570, 600) + trials(0.10, "≤ 1%", 594, 600)
    assert met([], Replays(noisy + quiet, [], 1))[8:] == [True, True, None]
    promised = trials(0.04, "more", 569, 600)
    assert met([], Replays(quiet[1:], promised, 1))[8:] == [None, True, False]
    missed = trials(0.05, "≤ 2.5%", 569, 600) + trials(0.10, "≤ 1%", 593, 600)
    assert met([], Replays(missed, [], 1))[8:10] == [False, False]
    counted = [with_other(trial, evidence="same work") for trial in missed]
    assert met([], Replays(counted, [], 1))[8:10] == [None, None]


SAMPLES = st.lists(st.integers(90, 120), min_size=21, max_size=60).map(np.array)


@pytest.mark.parametrize("factor", [1.05, 1.1])
@pytest.mark.parametrize("slower", [1.0, 1.04, 1.06, 1.09, 1.12])
@pytest.mark.parametrize("spread", [0.01, 0.1])
def test_asv_judges_as_asv_does_ties_and_all(factor: float, slower: float, spread: float) -> None:
    """Its p-value comes of ranks: what is rounded to hundredths is full of ties."""
    from asv import _stats
    from asv.commands.compare import _is_result_better
    from asv_runner.statistics import compute_stats

    random = np.random.default_rng(3)
    for _ in range(20):
        base = random.lognormal(0, spread, 50).round(2)
        head = (slower * random.lognormal(0, spread, 50)).round(2)
        _, p_value = _stats.mann_whitney_u(base.tolist(), head.tolist())
        assert mann_whitney(base, head) == pytest.approx(p_value, rel=1e-9, abs=1e-15)
        kept = [
            (compute_stats(samples.tolist(), 1)[1], samples.tolist()) for samples in (base, head)
        ]
        expected = _is_result_better(median(base), median(head), kept[0], kept[1], factor)
        assert asv(base, head, factor) == expected


@given(SAMPLES, SAMPLES)
@settings(max_examples=25)
def test_pytest_benchmark_fails_where_its_own_check_does(
    base: np.ndarray, head: np.ndarray
) -> None:
    check = parse_compare_fail("mean:5%")
    failed = check.fails({"mean": head.mean()}, {"mean": base.mean()})
    assert pytest_benchmark(base, head) == bool(failed)


def test_each_rule_of_the_table_finds_a_doubling_and_calls_no_faster_head_slower() -> None:
    """A tool whose sides were swapped in it would flatter the gate in the published proof."""
    base = np.random.default_rng(5).lognormal(0, 0.01, 50)
    assert {name for name, rule in OTHERS.items() if rule(base, 2 * base)} == OTHERS.keys()
    assert not any(rule(2 * base, base) for rule in OTHERS.values())
