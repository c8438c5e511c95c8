"""Blocks of which one arm waited alone are taken again, in the same turn, within the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from perceptron.gate.journal import ComparisonJournal, ComparisonRun, open_journal
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.processes import Answer, Seeds
from perceptron.gate.stages import Stages
from perceptron.gate.verdict.judge import log_ratios
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import Arm, Benchmark, Block, counted
from perceptron.records.comparison import ComparisonPlan, Side
from tests.gate.conftest import FEWEST

RULE = Rule(**FEWEST)
SIDE = Side(name="x", commit="0", python="python")
PROCESS_SECONDS = 1.0
# (arm, how many processes it has had) → the share that it waits
Waits = Callable[[Arm, int], float]


class Fake:
    """Arms on made-up time: a process takes a second, and twice the value where it waits."""

    def __init__(self, home: Path, waits: Waits) -> None:
        self.trees = SimpleNamespace(home=home, arrange=lambda _: None)
        self.waits = waits
        self.now = 0.0
        self.started: dict[str, int] = {}

    @staticmethod
    def identifier(_arm: Arm, own: Benchmark) -> str:
        return own.asv_id

    def run(
        self, arm: Arm, kind: str, _seeds: Seeds, tasks: Sequence[dict[str, Any]], *_: object
    ) -> Iterator[Answer]:
        self.now += PROCESS_SECONDS
        for task in tasks:
            content: dict[str, Any] = {"key": task["key"], "status": "ok"}
            if task["calls"] is None:
                content.update(calls=1, call_seconds=0.01)
            else:
                number = self.started.setdefault(arm, 0)
                waited = self.waits(arm, number)
                content.update(value=2.0 if waited else 1.0, waited=waited)
            yield Answer(kind="start", key=task["key"])
            yield Answer(kind="reading", key=task["key"], content=content)
        if tasks and tasks[0]["calls"] is not None:
            self.started[arm] += 1
        yield Answer(kind="end")

    def discover(self, _arm: Arm) -> None:
        """Compile nothing."""


def open_run(folder: Path, budget: float) -> Any:
    plan = ComparisonPlan(
        suite="s", benchmarks=None, base=SIDE, head=SIDE, budget_seconds=budget, seed=1, rule={}
    )
    return open_journal(folder, ComparisonRun(work={"what": "this"}, plan=plan), False)


def screen(journal: ComparisonJournal, fake: Fake, progress: Any = lambda *_: None) -> list[Block]:
    suite = [Benchmark(name="time_one"), Benchmark(name="time_two")]
    stages = Stages(cast(Arms, fake), suite, journal, RULE, progress, clock=lambda: fake.now)
    stages.calibrate()
    stages.screen()
    return [block for block in journal.blocks if block.stage == "screen"]


def test_a_block_that_one_arm_waited_in_is_taken_again_as_it_was(tmp_path: Path) -> None:
    """Its first take is kept and counts for nothing."""
    fake = Fake(tmp_path, lambda arm, number: 0.5 if (arm, number) == ("head", 2) else 0.0)
    with open_run(tmp_path, 600.0) as journal:
        blocks = screen(journal, fake)
    takes = [block for block in blocks if block.number == 2 and block.benchmark == "time_one"]
    first, second = takes
    assert (first.take, second.take) == (0, 1)
    assert (second.order, second.sides) == (first.order, first.sides)
    assert len(blocks) == 2 * 5 + 2
    assert log_ratios(blocks, "screen") == {"time_one": [0.0] * 5, "time_two": [0.0] * 5}
    assert first not in counted(blocks)


def test_an_arm_that_always_waits_is_taken_again_in_three_blocks_and_then_counts(
    tmp_path: Path,
) -> None:
    """What it waits for is its own then, and no retake would help."""
    fake = Fake(tmp_path, lambda arm, _: 0.5 if arm == "head" else 0.0)
    with open_run(tmp_path, 600.0) as journal:
        blocks = screen(journal, fake)
    takes = [[block.take for block in blocks if block.number == number] for number in range(5)]
    assert takes == [[0, 0, 1, 1, 2, 2]] * 3 + [[0, 0]] * 2
    assert log_ratios(blocks, "screen")["time_one"] == pytest.approx([0.693] * 5, abs=1e-3)


def test_what_is_planned_goes_before_what_is_taken_again(tmp_path: Path) -> None:
    """The screen has its blocks, and retakes only what is left of its time."""
    fake = Fake(tmp_path, lambda arm, _: 0.5 if arm == "head" else 0.0)
    budget = 22.0
    with open_run(tmp_path, budget) as journal:
        blocks = screen(journal, fake)
    assert {block.number for block in blocks} == set(range(5))
    assert any(block.take for block in blocks)
    assert fake.now <= 0.65 * budget + 2 * PROCESS_SECONDS


class Interrupted(Exception):
    pass


def test_a_run_cut_short_before_a_retake_resumes_with_it(tmp_path: Path) -> None:
    def waits(arm: Arm, number: int) -> float:
        if number == 3 and interrupt:
            raise Interrupted
        return 0.5 if (arm, number) == ("head", 2) else 0.0

    interrupt = True
    fake = Fake(tmp_path, waits)
    with open_run(tmp_path, 600.0) as journal, pytest.raises(Interrupted):
        screen(journal, fake)
    interrupt = False
    with open_run(tmp_path, 600.0) as journal:
        before = list(journal.blocks)
        blocks = screen(journal, fake)
        assert journal.blocks[: len(before)] == before
    keys = [(block.number, block.take, block.benchmark) for block in blocks]
    assert len(keys) == len(set(keys)) == 2 * 5 + 2
    assert log_ratios(blocks, "screen")["time_one"] == [0.0] * 5


def test_a_confirmation_keeps_the_screen_that_it_was_planned_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resumed, nothing of the screen is taken again, whatever one arm waited."""
    fake = Fake(tmp_path, lambda arm, _: 0.5 if arm == "head" else 0.0)
    with monkeypatch.context() as patch, open_run(tmp_path, 600.0) as journal:
        patch.setattr("perceptron.gate.blocks.MOST_RETAKES", 0)
        before = screen(journal, fake)
        plan = replace(journal.run.plan, affordable_blocks={"time_one": 20, "time_two": 20})
        journal.update_run(replace(journal.run, plan=plan))
    with open_run(tmp_path, 600.0) as journal:
        assert screen(journal, fake) == before
