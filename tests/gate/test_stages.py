"""Rounds until the time is over: what they are spent on, and what is taken again in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from perceptron.gate.journal import ComparisonJournal, open_journal
from perceptron.gate.sampling.processes import Answer
from perceptron.gate.sampling.sides import Sides
from perceptron.gate.stages import EXTENDED, SCREENED, TRIED, Stages, due
from perceptron.gate.verdict.judge import log_ratios
from perceptron.gate.verdict.rule import Rule
from perceptron.processes.waiting import LARGEST_WAIT_SHARE
from perceptron.records.block import Benchmark, Block, Side, SideMeasurement, counted
from perceptron.records.comparison import ComparisonPlan
from tests.gate.conftest import FEWEST, counts, planned
from tests.gate.fake_sides import PROCESS_SECONDS, FakeSides
from tests.made_comparison import block

RULE = Rule(**FEWEST)


def of_head(side: Side, _number: int) -> float:
    """It always waits."""
    return 0.5 if side == "head" else 0.0


def open_run(folder: Path, budget: float) -> Any:
    return open_journal(folder, planned(budget_seconds=budget), False)


def stages_of(
    journal: ComparisonJournal,
    fake: FakeSides,
    names: Sequence[str] = ("one", "two"),
    rule: Rule = RULE,
    **more: Any,
) -> Stages:
    types, caches = {"value": "track"}, {"cached": "cache"}
    suite = [
        Benchmark(name=f"time_{name}", type=types.get(name, "time"), cache=caches.get(name))
        for name in names
    ]
    options = {"clock": lambda: fake.now, **more}
    return Stages(cast(Sides, fake), suite, journal, rule, lambda *_: None, **options)


def screened(
    folder: Path,
    fake: FakeSides,
    budget: float = 600.0,
    names: Sequence[str] = ("one", "two"),
    rule: Rule = RULE,
    before: Sequence[Block] = (),
) -> tuple[list[Block], ComparisonPlan]:
    """Return the blocks of the screen and the plan after it; those ``before`` are there already."""
    with open_run(folder, budget) as journal:
        for taken in before:
            journal.append(taken)
        stages = stages_of(journal, fake, names, rule)
        stages.calibrate()
        stages.screen()
        return [block for block in journal.blocks if block.stage == "screen"], journal.run.plan


def test_stages_trial_ends_with_its_time(tmp_path: Path) -> None:
    """What it did not come to is untried on both; base leaves time for head."""
    names = [f"{number:03}" for number in range(100)]
    fake = FakeSides(tmp_path, seconds={f"time_{name}": 5.0 for name in names})
    with open_run(tmp_path, 200 / TRIED) as journal:
        stages_of(journal, fake, names).calibrate()
        tried = journal.blocks
    assert fake.now <= 200 + 5
    assert (tried[-1].base.status, tried[-1].head.status) == ("untried", "untried")
    assert tried[-1].base.reason == "no time was left to try it: raise --budget"
    assert 15 < sum(trial.base.status == trial.head.status == "ok" for trial in tried) <= 20


def test_head_is_spared_what_is_slow_on_base(tmp_path: Path) -> None:
    fake = FakeSides(tmp_path, seconds={"time_slow": 1000.0})
    with open_run(tmp_path, 600.0) as journal:
        stages_of(journal, fake, ("slow", "fast")).calibrate()
        statuses = [(block.base.status, block.head.status) for block in journal.blocks]
    assert statuses == [("slow", "untried"), ("ok", "ok")]
    assert [key for side, key in fake.asked if side == "head"] == ["time_fast"]


def test_stages_slow_setup_cache_is_named(tmp_path: Path) -> None:
    """It costs what needs it, and says nothing of the revision."""
    fake = FakeSides(tmp_path, seconds={"setup_cache": 1000.0})
    blocks, _ = screened(tmp_path, fake, 60.0, ("cached", "other"))
    assert {block.benchmark for block in blocks} == {"time_other"}
    with open_run(tmp_path, 60.0) as journal:
        (cached, *_) = journal.blocks
    assert (cached.benchmark, cached.base.status) == ("time_cached", "untried")
    assert (cached.base.reason or "").startswith("setup_cache: no answer within 5.2 s: raise")


MUCH = 2 * LARGEST_WAIT_SHARE


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        (0.0, 0.0, False),
        (MUCH, 0.0, True),
        (0.0, MUCH, True),
        (MUCH, 9.0, False),
        (0.0, LARGEST_WAIT_SHARE, False),
        (None, MUCH, False),
        (MUCH, "failed", False),  # a finding, which has retries of its own
    ],
)
def test_stages_retake_needs_wait_on_one_side(
    base: float | None, head: float | str | None, expected: bool
) -> None:
    """By the waiting alone: that favours no side and moves no ratio."""
    sides = (
        SideMeasurement(status="failed")
        if isinstance(wait, str)
        else SideMeasurement(status="ok", value=1.0, waited=wait)
        for wait in (base, head)
    )
    assert bool(due([block("time_it", 0, *sides)], "screen", 0, 1)) is expected


def test_stages_contended_block_is_retaken_unchanged(tmp_path: Path) -> None:
    """Its first take is kept and counts for nothing."""
    fake = FakeSides(tmp_path, waits=lambda *own: 0.5 if own == ("head", 2) else 0.0)
    blocks, _ = screened(tmp_path, fake)
    first, second = (
        block for block in blocks if (block.number, block.benchmark) == (2, "time_one")
    )
    assert (first.take, second.take) == (0, 1)
    assert (second.order, second.folders) == (first.order, first.folders)
    assert len(blocks) == 2 * 5 + 2
    assert log_ratios(blocks, "screen") == {"time_one": [0.0] * 5, "time_two": [0.0] * 5}
    assert first not in counted(blocks)


def test_stages_side_that_always_waits_has_three_retakes(
    tmp_path: Path,
) -> None:
    """What it waits for is its own then, and no retake would help."""
    fake = FakeSides(tmp_path, waits=of_head)
    blocks, _ = screened(tmp_path, fake)
    takes = [[block.take for block in blocks if block.number == number] for number in range(5)]
    assert takes == [[0, 0, 1, 1, 2, 2]] * 3 + [[0, 0]] * 2
    assert log_ratios(blocks, "screen")["time_one"] == pytest.approx([0.693] * 5, abs=1e-3)


def test_stages_plan_goes_before_retakes(tmp_path: Path) -> None:
    """The screen has its blocks, and retakes only what is left of its time."""
    fake = FakeSides(tmp_path, waits=of_head)
    budget = 22.0
    blocks, _ = screened(tmp_path, fake, budget)
    assert {block.number for block in blocks} == set(range(5))
    assert any(block.take for block in blocks)
    assert fake.now <= SCREENED * budget + 2 * PROCESS_SECONDS


def test_stages_confirmation_keeps_its_screen_on_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resumed, nothing of the screen is taken again, whatever one side waited."""
    fake = FakeSides(tmp_path, waits=of_head)
    with monkeypatch.context() as patch:
        patch.setattr("perceptron.gate.stages.MOST_RETAKES", 0)
        before = screened(tmp_path, fake)
    assert screened(tmp_path, fake) == before


def test_stages_leave_out_most_expensive_benchmark(
    tmp_path: Path,
) -> None:
    """The most expensive goes, with what one block of it takes."""
    fake = FakeSides(tmp_path, seconds={"time_dear": 3.0})
    blocks, plan = screened(tmp_path, fake, 60.0, ("dear", "cheap"))
    (left_out,) = plan.left_out
    assert {block.benchmark for block in blocks} == {"time_cheap"}
    assert left_out.benchmark == "time_dear"
    assert left_out.reason == "one block takes 10.0 s: too long for the time that was left"


def test_stages_put_counted_rise_before_cheaper_benchmark(tmp_path: Path) -> None:
    """The clock may contradict it, and must have been asked."""
    fake = FakeSides(tmp_path, seconds={"time_cheap": 2.0, "time_dear": 2.9})
    counted = counts("time_dear", 0.05, 0.05, 0.05)
    blocks, plan = screened(tmp_path, fake, 80.0, ("cheap", "dear"), before=counted)
    assert [row.benchmark for row in plan.left_out] == ["time_cheap"]
    assert {block.benchmark for block in blocks} == {"time_dear"}


def test_rounds_end_when_the_time_of_the_screen_is_over(tmp_path: Path) -> None:
    """All benchmarks have as many."""
    rule, budget, fake = Rule(), 28.0, FakeSides(tmp_path)
    blocks, plan = screened(tmp_path, fake, budget, rule=rule)
    assert rule.fewest_screen < plan.screen_blocks < rule.screen
    assert len(blocks) == 2 * plan.screen_blocks
    assert fake.now <= SCREENED * budget


@pytest.mark.parametrize(("budget", "enough"), [(6000.0, True), (56.0, False)])
def test_stages_noisy_benchmark_has_more_rounds(
    tmp_path: Path, budget: float, enough: bool
) -> None:
    rule, fake = Rule(), FakeSides(tmp_path, ratios={"time_two": [0.8, 1.0, 1.25]})
    blocks, _ = screened(tmp_path, fake, budget, rule=rule)
    numbers = Counter(block.benchmark for block in blocks)
    assert numbers["time_one"] == rule.screen
    assert rule.screen < numbers["time_two"] <= rule.most_screen
    assert (numbers["time_two"] == rule.most_screen) is enough
    assert enough or fake.now <= EXTENDED * budget + 2 * PROCESS_SECONDS


def test_stages_probe_values_once(tmp_path: Path) -> None:
    """It is compared as it is: noise asks for no more of it, and nothing is to confirm."""
    rule, ratios = Rule(), {"time_value": [1.2, 3.0], "time_slower": [1.5]}
    fake = FakeSides(tmp_path, ratios=ratios)
    blocks, plan = screened(tmp_path, fake, 6000.0, ("value", "slower"), rule)
    assert set(plan.confirmation_blocks) == {"time_slower"}
    numbers = Counter(block.benchmark for block in blocks)
    assert numbers == {"time_value": rule.probe, "time_slower": rule.screen}


def test_stages_probe_same_work_and_screen_slower(tmp_path: Path) -> None:
    """Where there is time; it needs none to be judged."""
    rule = Rule()
    for folder, budget, prechecked in (("ample", 600.0, 2), ("short", 10.0, 0)):
        fake = FakeSides(tmp_path / folder, ratios={"time_two": [1.5]})
        same = [*counts("time_one", 0.0), *counts("time_two", 0.0)]
        blocks, plan = screened(tmp_path / folder, fake, budget, rule=rule, before=same)
        assert len(plan.prechecked) == prechecked
        assert plan.left_out == []
        numbers = {"time_one": rule.probe, "time_two": rule.screen} if prechecked else {}
        assert Counter(block.benchmark for block in blocks) == numbers


@pytest.mark.parametrize("budget", [26.0, 60.0])
def test_stages_undecided_clock_has_remaining_time(tmp_path: Path, budget: float) -> None:
    """Also that of a confirmation, where there is nothing to confirm."""
    rule, fake = Rule(), FakeSides(tmp_path, ratios={"time_one": [0.8, 1.0, 1.25]})
    same = counts("time_one", 0.0)
    blocks, plan = screened(tmp_path, fake, budget, ("one",), rule, same)
    assert not plan.confirmation_blocks
    assert rule.probe < len(blocks) < rule.most_screen
    assert budget - 2 * PROCESS_SECONDS <= fake.now <= budget


def test_stages_spend_rest_of_probe_on_more_probes(tmp_path: Path) -> None:
    """Where one took less than its trial made believe."""
    keys = ("time_one", "time_two")
    seconds, trials = dict.fromkeys(keys, 0.6), {key: [4.0] for key in keys}
    fake = FakeSides(tmp_path, seconds=seconds, trials=trials)
    same = [measured_block for key in keys for measured_block in counts(key, 0.0)]
    _, plan = screened(tmp_path, fake, 70.0, rule=Rule(), before=same)
    assert set(plan.prechecked) == set(keys)


def test_stages_retry_slow_trial_of_same_work(tmp_path: Path) -> None:
    """Not what only the clock judges."""
    keys = ("time_one", "time_two", "time_three")
    trials = {"time_one": [1.0], "time_two": [3.0, 1.0], "time_three": [3.0, 1.0]}
    fake = FakeSides(tmp_path, seconds=dict.fromkeys(keys, 0.6), trials=trials)
    with open_run(tmp_path, 600.0) as journal:
        for key in keys[:2]:
            for block in counts(key, 0.0):
                journal.append(block)
        for _ in range(2):  # resumed, it is not tried a third time
            stages_of(journal, fake, ("one", "two", "three")).calibrate()
        tried = [block for block in journal.blocks if block.stage == "calibration"]
    assert Counter(block.benchmark for block in tried) == {**dict.fromkeys(keys, 1), "time_two": 2}


def test_stages_start_nothing_after_budget(tmp_path: Path) -> None:
    """Not in the middle of a round that takes longer than foreseen; discovery was part of it."""
    fake = FakeSides(tmp_path, seconds=dict.fromkeys(("time_one", "time_two"), 2.0))
    with open_run(tmp_path, 120.0) as journal:
        stages = stages_of(journal, fake)
        stages.calibrate()
        fake.seconds = dict.fromkeys(("time_one", "time_two"), 60.0)
        stages.screen()
        stages.confirm()
        assert len([block for block in journal.blocks if block.stage == "screen"]) == 1
    late = FakeSides(tmp_path)
    with open_run(tmp_path / "late", 120.0) as journal:
        stages = stages_of(journal, late, spent=120.0)
        stages.calibrate()
        stages.screen()
        assert {block.base.status for block in journal.blocks} == {"untried"}
    assert late.now == 0.0


def test_stages_start_only_what_fits_budget(tmp_path: Path) -> None:
    """Here a neighbour takes most of it."""
    budget = 200.0

    def happens(side: Side, _what: str) -> Answer | None:
        if (side, fake.started.count(side)) == ("base", 4):
            fake.now = max(fake.now, budget - 25.0)
        return None

    fake = FakeSides(tmp_path, seconds={"time_one": 8.0}, happens=happens)
    blocks, _ = screened(tmp_path, fake, budget, ("one",))
    assert budget - 25.0 < fake.now <= budget
    assert len(blocks) == 3


def test_stages_share_time_that_counting_leaves(tmp_path: Path) -> None:
    counted = [replace(block, elapsed_seconds=75.0) for block in counts("time_one", 0.02)]
    blocks, _ = screened(tmp_path, FakeSides(tmp_path), 100.0, before=counted)
    assert len(blocks) == 2 * RULE.screen


def test_stages_confirmation_rounds_fit_budget(tmp_path: Path) -> None:
    """Planned by the spread, ended by the time; of what nothing would fit nothing is begun."""
    rule = Rule()
    fresh = {}
    for name, budget in (("ample", 6000.0), ("short", 60.0), ("none", 30.0)):
        fake = FakeSides(tmp_path / name, ratios={"time_one": [1.4, 1.5], "time_two": [1.3]})
        screened(tmp_path / name, fake, budget, rule=rule)
        with open_run(tmp_path / name, budget) as journal:
            stages_of(journal, fake, rule=rule).confirm()
            blocks = [block for block in journal.blocks if block.stage == "confirmation"]
            assert all(block.control is not None for block in blocks)
            fresh[name] = len({block.number for block in blocks})
            planned = journal.run.plan.confirmation_blocks
            assert set(planned) == {"time_one", "time_two"}
            assert fake.now <= budget + PROCESS_SECONDS
            assert any(planned.values()) is (name != "none")
    assert fresh["none"] == 0
    assert rule.fewest_confirmation <= fresh["short"] < fresh["ample"]
    assert fresh["ample"] >= rule.confirmation
