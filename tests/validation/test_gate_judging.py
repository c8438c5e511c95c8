"""Recorded runs are judged as live ones are, by the gate and by other tools' rules."""

from __future__ import annotations

from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_benchmark.utils import parse_compare_fail

from benchmarks.validation.gate.proof import targets
from benchmarks.validation.gate.replay import ReplayTrial, clustered, replays
from benchmarks.validation.gate.rules import OTHERS, asv, mann_whitney, pytest_benchmark
from benchmarks.validation.gate.runs import ProofRun
from benchmarks.validation.share import share
from tests.validation.conftest import MakeRun, noise
from tests.watching import unwatched


def silent(done: int, total: int, message: str) -> None:
    assert 0 <= done < total


def test_little_noise_finds_everything_but_nothing_where_nothing_is(run: MakeRun) -> None:
    """The gate's own tests run the lines that this runs."""
    with unwatched():
        trials = replays([run(ratios=noise(0.003, 300))], silent, draws=20)
    verdicts: dict[float, set[str]] = {}
    for trial in trials:
        verdicts.setdefault(trial.level, set()).add(trial.verdict)
    assert verdicts[0.0] == {"clean"}
    assert verdicts[0.05] == verdicts[0.10] == verdicts[0.20] == {"regression"}


def nulls(run: MakeRun, number: int, alarms: int) -> list[ProofRun]:
    return [
        run("local, clock alone", index, verdict="regression" if index < alarms else "clean")
        for index in range(number)
    ]


def met(runs: list[ProofRun], trials: list[ReplayTrial] | None = None) -> list[bool]:
    return [target.met for target in targets(runs, trials or [])]


def test_gate_target_is_met_by_interval_bound(run: MakeRun) -> None:
    """Few runs show nothing, and one alarm can be too many: 0 of 200 are at most 1.83%."""
    first, *_ = targets(nulls(run, 200, 0), [])
    assert first.reached.high == pytest.approx(1 - 0.025 ** (1 / 200))
    assert met(nulls(run, 200, 0))[:3] == [True, True, False]
    assert not any(met(nulls(run, 150, 0))[::2])
    assert not met(nulls(run, 200, 1))[0]
    slow = [run("nap-plain-20", number, verdict="regression") for number in range(30)]
    assert met(slow)[3:5] == [True, True]
    assert not any(met(slow[:20])[3:5])
    slow[0] = run("nap-plain-20", verdict="clean")
    assert not any(met(slow)[3:5])


def test_gate_target_ignores_unmeasured_runs(run: MakeRun) -> None:
    """400 comments that have the same bytecode are no evidence of the gate's clock."""
    same = [run("comment", number, reached="same code") for number in range(400)]
    assert targets(same, [])[0].reached.trials == 0


def test_replays_of_one_benchmark_are_no_evidence_of_others(run: MakeRun) -> None:
    """Of twelve benchmarks one is never found; 1,200 replays of all are twelve trials."""
    trials = [(f"time_{name}", name > 0) for name in range(12) for _ in range(100)]
    ours, pooled = clustered(trials), share(1100, 1200)
    assert ours.value == pooled.value
    assert ours.low is not None
    assert pooled.low is not None
    assert ours.low < 0.8 < pooled.low
    every = clustered([(name, True) for name, _ in trials])
    assert every.low == share(12, 12).low


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


def test_gate_other_rules_find_a_doubling() -> None:
    """A tool whose sides were swapped in it would flatter the gate in the published proof."""
    base = np.random.default_rng(5).lognormal(0, 0.01, 50)
    assert {name for name, rule in OTHERS.items() if rule(base, 2 * base)} == OTHERS.keys()
    assert not any(rule(2 * base, base) for rule in OTHERS.values())
