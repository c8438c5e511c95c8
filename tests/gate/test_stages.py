"""Rounds until the time is over: what they are spent on, and what is taken again in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from perceptron.gate.journal import ComparisonJournal, open_journal
from perceptron.gate.sampling.processes import Answer, Instrument, Seeds
from perceptron.gate.sampling.sides import Sides
from perceptron.gate.stages import EXTENDED, SCREENED, Stages
from perceptron.gate.verdict.judge import log_ratios
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import Benchmark, Block, Side, counted
from perceptron.records.comparison import ComparisonPlan
from tests.gate.conftest import FEWEST, counts, planned

RULE = Rule(**FEWEST)
PROCESS_SECONDS = 1.0
# (side, how many processes it has had) → the share that it waits
Waits = Callable[[Side, int], float]


class Fake:
    """Sides on made-up time: a process takes a second, and twice the value where it waits.

    A benchmark takes no time, unless ``seconds`` has it. HEAD's value is BASE's times its
    ``ratios``, in turn; ``trials`` are those of its calls while it is tried.
    """

    def __init__(
        self,
        home: Path,
        waits: Waits = lambda *_: 0.0,
        seconds: Mapping[str, float] = MappingProxyType({}),
        ratios: Mapping[str, Sequence[float]] = MappingProxyType({}),
        trials: Mapping[str, Sequence[float]] = MappingProxyType({}),
    ) -> None:
        self.trees = SimpleNamespace(home=home, arrange=lambda _: None)
        self.waits = waits
        self.seconds = seconds
        self.ratios = {key: cycle(values) for key, values in ratios.items()}
        self.trials = {key: cycle(values) for key, values in trials.items()}
        self.now = 0.0
        self.started: dict[str, int] = {}

    @staticmethod
    def identifier(_side: Side, own: Benchmark) -> str:
        return own.asv_id

    def run(
        self,
        side: Side,
        _instrument: Instrument,
        _seeds: Seeds,
        tasks: Sequence[dict[str, Any]],
        _limit: object,
    ) -> Iterator[Answer]:
        self.now += PROCESS_SECONDS
        for task in tasks:
            key = task["key"]
            content: dict[str, Any] = {"key": key, "status": "ok"}
            took = self.seconds.get(key, 0.0)
            self.now += took
            content["wall_seconds"] = took
            if task["calls"] is None:
                ratio = next(self.trials[key]) if side == "head" and key in self.trials else 1.0
                content.update(calls=1, call_seconds=ratio * (took / 6))
            else:
                number = self.started.setdefault(side, 0)
                waited = self.waits(side, number)
                ratio = next(self.ratios[key]) if side == "head" and key in self.ratios else 1.0
                content.update(value=ratio * (2.0 if waited else 1.0), waited=waited)
            yield Answer(kind="start", key=task["key"])
            yield Answer(kind="measurement", key=key, wall_seconds=took, content=content)
        if tasks and tasks[0]["calls"] is not None:
            self.started[side] += 1
        yield Answer(kind="end")

    def discover(self, _side: Side) -> None:
        """Compile nothing."""


def open_run(folder: Path, budget: float) -> Any:
    return open_journal(folder, planned(budget_seconds=budget), False)


def stages_of(
    journal: ComparisonJournal,
    fake: Fake,
    names: Sequence[str] = ("one", "two"),
    rule: Rule = RULE,
    **more: Any,
) -> Stages:
    types = {"value": "track"}
    suite = [Benchmark(name=f"time_{name}", type=types.get(name, "time")) for name in names]
    options = {"clock": lambda: fake.now, **more}
    return Stages(cast(Sides, fake), suite, journal, rule, lambda *_: None, **options)


def screened(
    folder: Path,
    fake: Fake,
    budget: float = 600.0,
    names: Sequence[str] = ("one", "two"),
    rule: Rule = RULE,
    before: Sequence[Block] = (),
    **more: Any,
) -> tuple[list[Block], ComparisonPlan]:
    """Return the blocks of the screen and the plan after it; those ``before`` are there already."""
    with open_run(folder, budget) as journal:
        for block in before:
            journal.append(block)
        stages = stages_of(journal, fake, names, rule, **more)
        stages.calibrate()
        stages.screen()
        return [own for own in journal.blocks if own.stage == "screen"], journal.run.plan


def test_a_block_that_one_side_waited_in_is_taken_again_as_it_was(tmp_path: Path) -> None:
    """Its first take is kept and counts for nothing."""
    fake = Fake(tmp_path, lambda side, number: 0.5 if (side, number) == ("head", 2) else 0.0)
    blocks, _ = screened(tmp_path, fake)
    first, second = (own for own in blocks if (own.number, own.benchmark) == (2, "time_one"))
    assert (first.take, second.take) == (0, 1)
    assert (second.order, second.folders) == (first.order, first.folders)
    assert len(blocks) == 2 * 5 + 2
    assert log_ratios(blocks, "screen") == {"time_one": [0.0] * 5, "time_two": [0.0] * 5}
    assert first not in counted(blocks)


def test_a_side_that_always_waits_is_taken_again_in_three_blocks_and_then_counts(
    tmp_path: Path,
) -> None:
    """What it waits for is its own then, and no retake would help."""
    fake = Fake(tmp_path, lambda side, _: 0.5 if side == "head" else 0.0)
    blocks, _ = screened(tmp_path, fake)
    takes = [[block.take for block in blocks if block.number == number] for number in range(5)]
    assert takes == [[0, 0, 1, 1, 2, 2]] * 3 + [[0, 0]] * 2
    assert log_ratios(blocks, "screen")["time_one"] == pytest.approx([0.693] * 5, abs=1e-3)


def test_what_is_planned_goes_before_what_is_taken_again(tmp_path: Path) -> None:
    """The screen has its blocks, and retakes only what is left of its time."""
    fake = Fake(tmp_path, lambda side, _: 0.5 if side == "head" else 0.0)
    budget = 22.0
    blocks, _ = screened(tmp_path, fake, budget)
    assert {block.number for block in blocks} == set(range(5))
    assert any(block.take for block in blocks)
    assert fake.now <= SCREENED * budget + 2 * PROCESS_SECONDS


def test_a_confirmation_keeps_the_screen_that_it_was_planned_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resumed, nothing of the screen is taken again, whatever one side waited."""
    fake = Fake(tmp_path, lambda side, _: 0.5 if side == "head" else 0.0)
    with monkeypatch.context() as patch:
        patch.setattr("perceptron.gate.stages.MOST_RETAKES", 0)
        before = screened(tmp_path, fake)
    assert screened(tmp_path, fake) == before


def test_what_the_time_does_not_suffice_for_is_left_out_and_the_rest_is_measured(
    tmp_path: Path,
) -> None:
    """The most expensive goes, with what one block of it takes."""
    fake = Fake(tmp_path, seconds={"time_dear": 3.0})
    blocks, plan = screened(tmp_path, fake, 60.0, ("dear", "cheap"))
    (left_out,) = plan.left_out
    assert {block.benchmark for block in blocks} == {"time_cheap"}
    assert left_out.benchmark == "time_dear"
    assert left_out.reason == "one block takes 10.0 s: too long for the time that was left"


def test_what_did_more_work_goes_before_what_is_cheaper(tmp_path: Path) -> None:
    """The clock may contradict it, and must have been asked."""
    fake = Fake(tmp_path, seconds={"time_cheap": 2.0, "time_dear": 2.9})
    counted = counts("time_dear", 0.05, 0.05, 0.05)
    blocks, plan = screened(tmp_path, fake, 80.0, ("cheap", "dear"), before=counted)
    assert [row.benchmark for row in plan.left_out] == ["time_cheap"]
    assert {block.benchmark for block in blocks} == {"time_dear"}


def test_rounds_end_when_the_time_of_the_screen_is_over(tmp_path: Path) -> None:
    """All benchmarks have as many."""
    rule, budget, fake = Rule(), 28.0, Fake(tmp_path)
    blocks, plan = screened(tmp_path, fake, budget, rule=rule)
    assert rule.fewest_screen < plan.screen_blocks < rule.screen
    assert len(blocks) == 2 * plan.screen_blocks
    assert fake.now <= SCREENED * budget


@pytest.mark.parametrize(("budget", "enough"), [(6000.0, True), (56.0, False)])
def test_what_is_too_noisy_has_more_rounds_as_long_as_there_is_time(
    tmp_path: Path, budget: float, enough: bool
) -> None:
    rule, fake = Rule(), Fake(tmp_path, ratios={"time_two": [0.8, 1.0, 1.25]})
    blocks, _ = screened(tmp_path, fake, budget, rule=rule)
    numbers = Counter(block.benchmark for block in blocks)
    assert numbers["time_one"] == rule.screen
    assert rule.screen < numbers["time_two"] <= rule.most_screen
    assert (numbers["time_two"] == rule.most_screen) is enough
    assert enough or fake.now <= EXTENDED * budget + 2 * PROCESS_SECONDS


def test_a_value_has_a_look_whatever_it_is(tmp_path: Path) -> None:
    """It is compared as it is: noise asks for no more of it, and nothing is to confirm."""
    rule, ratios = Rule(), {"time_value": [1.2, 3.0], "time_slower": [1.5]}
    fake = Fake(tmp_path, ratios=ratios)
    blocks, plan = screened(tmp_path, fake, 6000.0, ("value", "slower"), rule)
    assert set(plan.confirmation_blocks) == {"time_slower"}
    numbers = Counter(block.benchmark for block in blocks)
    assert numbers == {"time_value": rule.probe, "time_slower": rule.screen}


def test_what_did_the_same_work_has_a_look_and_what_looks_slower_a_screen(tmp_path: Path) -> None:
    """Where there is time; it needs none to be judged."""
    rule = Rule()
    for folder, budget, looked_at in (("ample", 600.0, 2), ("short", 10.0, 0)):
        fake = Fake(tmp_path / folder, ratios={"time_two": [1.5]})
        same = [*counts("time_one", 0.0), *counts("time_two", 0.0)]
        blocks, plan = screened(tmp_path / folder, fake, budget, rule=rule, before=same)
        assert len(plan.looked_at) == looked_at
        assert plan.left_out == []
        numbers = {"time_one": rule.probe, "time_two": rule.screen} if looked_at else {}
        assert Counter(block.benchmark for block in blocks) == numbers


def test_what_did_the_same_work_and_took_far_longer_is_tried_once_more(tmp_path: Path) -> None:
    """Not what only the clock judges."""
    keys = ("time_one", "time_two", "time_three")
    trials = {"time_one": [1.0], "time_two": [3.0, 1.0], "time_three": [3.0, 1.0]}
    fake = Fake(tmp_path, seconds=dict.fromkeys(keys, 0.6), trials=trials)
    with open_run(tmp_path, 600.0) as journal:
        for key in keys[:2]:
            for block in counts(key, 0.0):
                journal.append(block)
        for _ in range(2):  # resumed, it is not tried a third time
            stages_of(journal, fake, ("one", "two", "three")).calibrate()
        tried = [block for block in journal.blocks if block.stage == "calibration"]
    assert Counter(block.benchmark for block in tried) == {**dict.fromkeys(keys, 1), "time_two": 2}


def test_nothing_is_begun_when_the_time_is_over(tmp_path: Path) -> None:
    """Not in the middle of a round that takes longer than foreseen; discovery was part of it."""
    fake = Fake(tmp_path, seconds=dict.fromkeys(("time_one", "time_two"), 2.0))
    with open_run(tmp_path, 120.0) as journal:
        stages = stages_of(journal, fake)
        stages.calibrate()
        fake.seconds = dict.fromkeys(("time_one", "time_two"), 60.0)
        stages.screen()
        stages.confirm()
        assert len([block for block in journal.blocks if block.stage == "screen"]) == 1
    late = Fake(tmp_path)
    with open_run(tmp_path / "late", 120.0) as journal:
        stages = stages_of(journal, late, spent=120.0)
        stages.calibrate()
        stages.screen()
        assert {block.base.status for block in journal.blocks} == {"untried"}
    assert late.now == 0.0


def test_what_counting_leaves_is_shared_among_the_stages(tmp_path: Path) -> None:
    counted = [replace(block, elapsed_seconds=75.0) for block in counts("time_one", 0.02)]
    blocks, _ = screened(tmp_path, Fake(tmp_path), 100.0, before=counted)
    assert len(blocks) == 2 * RULE.screen


def test_a_confirmation_has_as_many_rounds_as_there_is_time_for(tmp_path: Path) -> None:
    """Planned by the spread, ended by the time; of what nothing would fit nothing is begun."""
    rule = Rule()
    fresh = {}
    for name, budget in (("ample", 6000.0), ("short", 60.0), ("none", 30.0)):
        fake = Fake(tmp_path / name, ratios={"time_one": [1.4, 1.5], "time_two": [1.3]})
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
