"""What executes the same may still take longer: the time that is left asks the clock, and a run
says what it could not tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.gate.sampling.processes import Answer
from perceptron.gate.stages import LOOKED
from perceptron.gate.verdict.judge import Judgement, judge
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import Benchmark, Block, Side
from perceptron.records.comparison import GateRule
from tests.gate.conftest import benchmark, blocks, counts
from tests.gate.fake_sides import PROCESS_SECONDS, FakeSides
from tests.gate.test_stages import open_run, stages_of
from tests.gate.verdict.conftest import LATE, LOUD, RULE, judged, noise, trial

NAP, NOISE, QUIET = [1.02, 1.22], [0.8, 1.25], [0.997, 1.003]
"""HEAD / BASE in turn: 12% longer in noise that hides it from six blocks, noise alone, and none."""


def compared(
    folder: Path, fake: FakeSides, budget: float, keys: Sequence[str]
) -> tuple[Judgement, list[Block]]:
    """Compare benchmarks that execute the same, to the end."""
    with open_run(folder, budget) as journal:
        counted = {block.benchmark for block in journal.blocks}  # resumed, they are counted
        for block in [
            counted_block
            for key in keys
            if key not in counted
            for counted_block in counts(key, 0.0)
        ]:
            journal.append(block)
        stages = stages_of(journal, fake, [key.removeprefix("time_") for key in keys], Rule())
        stages.calibrate()
        stages.screen()
        stages.confirm()
        measured, planned = journal.blocks, journal.run.plan.confirmation_blocks
    suite = [Benchmark(name=key) for key in keys]
    return judge(suite, measured, planned), measured


def screened(measured: Sequence[Block]) -> Counter[str]:
    return Counter(block.benchmark for block in measured if block.stage == "screen")


@pytest.mark.parametrize("budget", [30.0, 60.0, 120.0, 240.0, 600.0])
def test_clock_undecided_or_found_for_uncounted_nap(tmp_path: Path, budget: float) -> None:
    """In the time that there is, of which enough is kept to confirm what is found."""
    fake = FakeSides(tmp_path, ratios={"time_nap": NAP})
    judgement, _ = compared(tmp_path, fake, budget, ["time_nap"])
    (row,) = judgement.rows
    assert row.verdict in {"slower", "inconclusive"} or row.clock_undecided
    assert (judgement.verdict == "regression") is (budget >= 240.0)
    assert fake.now <= budget + PROCESS_SECONDS


def test_clock_noise_alone_adds_blocks(tmp_path: Path) -> None:
    """A quiet suite ends as early as its probe, whatever the budget is."""
    rule = Rule()
    for name, ratios in (("quiet", QUIET), ("noisy", NOISE)):
        fake = FakeSides(tmp_path / name, ratios={"time_it": ratios})
        judgement, measured = compared(tmp_path / name, fake, 6000.0, ["time_it"])
        (row,) = judgement.rows
        assert (judgement.verdict, row.clock_undecided) == ("clean", name == "noisy")
        assert (
            screened(measured)["time_it"] == {"quiet": rule.probe, "noisy": rule.most_screen}[name]
        )


def test_clock_blocks_go_to_cheapest_if_time_is_short(
    tmp_path: Path,
) -> None:
    """More blocks than a screen are what makes the clock sharper."""
    rule, keys = Rule(), ("time_cheap", "time_dear")
    fake = FakeSides(tmp_path, seconds={"time_dear": 9.0}, ratios=dict.fromkeys(keys, NOISE))
    _, measured = compared(tmp_path, fake, 230.0, keys)
    assert rule.screen < screened(measured)["time_cheap"]
    assert screened(measured)["time_dear"] == rule.probe
    assert fake.now <= 230.0


def test_clock_blocks_end_for_failing_benchmark(tmp_path: Path) -> None:
    """It is not judged any more, and nothing waits for it."""
    processes = Counter[str]()

    def happens(side: Side, what: str) -> Answer | None:
        processes[f"{side} {what}"] += 1
        late = side == "head" and what == "time_it" and processes["head time_it"] > 12
        return Answer(kind="died", reason="it ended with SIGKILL") if late else None

    fake = FakeSides(tmp_path, ratios={"time_it": NOISE}, happens=happens)
    judgement, _ = compared(tmp_path, fake, 6000.0, ["time_it"])
    assert "fails now and then on HEAD" in (judgement.rows[0].reason or "")
    assert fake.now < 6000.0 * LOOKED


def test_interrupted_between_blocks_it_goes_on_to_as_many(tmp_path: Path) -> None:
    """None is measured twice."""
    rule, processes = Rule(), Counter[Side]()

    def happens(side: Side, what: str) -> None:
        processes[side] += what == "start"
        if processes["base"] == rule.screen + 4:
            processes["base"] += 1
            raise KeyboardInterrupt

    fake = FakeSides(tmp_path, ratios={"time_it": NOISE}, happens=happens)
    with pytest.raises(KeyboardInterrupt):
        compared(tmp_path, fake, 6000.0, ["time_it"])
    _, measured = compared(tmp_path, fake, 6000.0, ["time_it"])
    numbers = [block.number for block in measured if block.stage == "screen"]
    assert numbers == [*range(rule.most_screen)]


# --- what is said of it ---------------------------------------------------------------------------


@given(st.floats(-0.2, 0.2), st.floats(0, 1), st.integers(0, 10**6), st.integers(0, 12))
def test_clock_undecided_if_a_tenth_may_hide_in_same_work(
    time: float, spread: float, seed: int, size: int
) -> None:
    """By the rule that holds where nothing was counted; a strict run calls it so."""
    timed = blocks("time_it", (time + noise(spread, size, seed)).tolist())
    measured = [*counts("time_it", 0.0), *(timed or [trial(base=LATE, head=LATE)])]
    row, strict = (
        judge([benchmark("time_it")], measured, {}, RULE, strict=is_strict).rows[0]
        for is_strict in (False, True)
    )
    hidden = row.smallest_detectable is None or row.smallest_detectable > RULE.blind
    assert row.clock_undecided is (hidden and (row.high is None or row.high >= RULE.blind))
    assert (row.verdict, strict.verdict) == (
        "no change",
        "inconclusive" if row.clock_undecided else "no change",
    )
    assert strict.clock_undecided is row.clock_undecided


def test_clock_undecided_makes_strict_run_inconclusive() -> None:
    measured = [*counts("time_it", 0.0), *blocks("time_it", LOUD.tolist())]
    benchmarks = [benchmark("time_it")]
    assert judge(benchmarks, measured, {}, RULE).verdict == "clean"
    judgement = judge(benchmarks, measured, {}, RULE, strict=True)
    assert judgement.verdict == "inconclusive"
    assert "raise --budget" in (judgement.rows[0].reason or "")
    mute = [GateRule(match="time_it", mute="#1234")]
    assert judge(benchmarks, measured, {}, RULE, limits=mute, strict=True).verdict == "clean"


def test_clock_undecided_for_rise_within_limit_or_fall() -> None:
    """Its instructions alone acquit it too; no limit of the clock's is asked of it."""
    loud = blocks("time_it", LOUD.tolist())
    for change, limit in ((0.05, 0.08), (-0.1, None)):
        measured = [*counts("time_it", *[change] * 3), *loud]
        rules = [GateRule(match="time_it", slower=limit)]
        (row,) = judge([benchmark("time_it")], measured, {}, RULE, limits=rules).rows
        assert (row.verdict in {"no change", "faster"}, row.clock_undecided) == (True, True)
    fine = blocks("time_it", [0.001 * (number % 3) - 0.06 for number in range(10)])
    (row,) = judged([*counts("time_it", *[-0.1] * 3), *fine]).rows
    assert (row.verdict, row.clock_undecided) == ("faster", False)


def test_clock_absent_needs_every_benchmark_judged() -> None:
    """Nine of fifteen by their counts alone are not clean; a value is no time."""
    counted = [benchmark(f"time_{number}") for number in range(9)]
    counts_alone = [block for listed in counted for block in counts(listed.key, 0.0)]
    late = [replace(trial(base=LATE, head=LATE), benchmark=listed.key) for listed in counted]
    timed = blocks("time_0", [0.001 * (number % 3) for number in range(10)])
    for measured, left_out, verdict in (
        ([*counts_alone, *late], 0, "clean"),
        ([*counts_alone, *late], 6, "inconclusive"),
        ([*counts_alone, *late[1:], *timed], 6, "clean"),
    ):
        assert judge(counted, measured, {}, RULE, left_out=left_out).verdict == verdict
    value = Benchmark(name="track_it", type="track", unit="unit")
    counts_alone += [*late, *blocks("track_it", [0.0] * 6)]
    assert judge([*counted, value], counts_alone, {}, RULE, left_out=6).verdict == "inconclusive"
