"""The study on processes that only pretend: rounds, budgets, and who is out of the race."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from perceptron.analysis.race.result import NOTHING, Competitor, RaceResult, RaceRun
from perceptron.measure.race.messages import RaceJob
from perceptron.studies.race.plan import RacePlan

from perceptron.errors import UserError
from perceptron.measure.job import Job, Outcome
from perceptron.measure.launch import Abandoned, SecondsLeft
from perceptron.measure.progress import silent
from perceptron.problems import catalogue
from perceptron.problems.problem import Problem
from perceptron.records.race import Check, RaceTimes, Training
from perceptron.records.readers.stored_runs import read_run
from perceptron.studies.race import race as study
from tests.studies.conftest import Lab

THERE = [Check(38, 0.1, 0.96, 0.1)]


class Track:
    """Stands in for racing processes: each takes its seconds of the lab's clock."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.raced: list[tuple[str, str, int]] = []
        self.checked: list[tuple[str, str]] = []
        self.takes: Callable[[RaceJob], float] = lambda job: 1.0
        self.becomes: Callable[[RaceJob], RaceTimes | None] = lambda job: None
        self.disagrees: set[str] = set()

    def race(self, job: RaceJob, backend: object, seconds_left: SecondsLeft) -> RaceTimes:
        self._pass(self.takes(job), seconds_left, job.backend, job.problem)
        self.raced.append((job.backend, job.dtype, job.seed))
        other = self.becomes(job)
        if other is not None:
            return other
        training = Training(checks=THERE, waited=0.0)
        return RaceTimes(
            import_seconds=0.2,
            prepare_seconds=0.1,
            data_seconds=0.1,
            fresh=training,
            resident=training,
        )

    def check(self, job: Job, backend: object, seconds_left: SecondsLeft) -> Iterator[Outcome]:
        assert job.check
        self.checked.append((job.backend, job.dtype))
        self._pass(0.5, seconds_left, job.backend, job.problems[0])
        bad = job.backend in self.disagrees
        yield Outcome(
            problem=job.problems[0],
            status="failed" if bad else "ok",
            reason="the loss differs" if bad else None,
        )

    def _pass(self, seconds: float, left: SecondsLeft, backend: str, problem: str) -> None:
        allowed = left()
        self._lab.now += max(0.0, min(seconds, allowed))
        if seconds > allowed:
            raise Abandoned(backend, problem)


@pytest.fixture
def track(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Track:
    made = Track(lab)
    monkeypatch.setattr(study, "run_race", made.race)
    monkeypatch.setattr(study, "run_job", made.check)
    return made


@pytest.fixture(scope="module")
def digits() -> Problem:
    return catalogue.find("digits")


def plan(problem: Problem, **changes: Any) -> RacePlan:
    fields = {"backends": ("numpy", "python"), "seeds": 3, "threads": 1}
    return RacePlan(problem=problem, **(fields | changes))


def raced(results: Path, plan: RacePlan, seconds: float = 1000.0) -> RaceResult:
    return study.race(plan, "box", results, silent, seconds)


def fresh(result: RaceResult) -> dict[Competitor, RaceRun]:
    return {run.competitor: run for run in result.runs if run.start == "fresh"}


def of(backend: str, dtype: str = "float32") -> Competitor:
    return Competitor(backend, dtype)


def test_every_seed_is_raced_by_all_before_the_next(
    track: Track, digits: Problem, tmp_path: Path
) -> None:
    result = raced(tmp_path, plan(digits))
    assert [seed for _, _, seed in track.raced] == [0, 0, 1, 1, 2, 2]
    assert sorted(track.checked) == [("numpy", "float32"), ("python", "float32")]
    assert {(run.seeds, run.reached) for run in result.runs} == {(3, 3)}
    assert fresh(result)[of("numpy")].seconds == pytest.approx(0.4)
    assert not any(warning.code == "budget-spent" for warning in result.warnings)


def test_a_finished_race_is_judged_from_disk_as_it_was(
    track: Track, digits: Problem, tmp_path: Path
) -> None:
    from perceptron.analysis.stored.runs import judge_race

    result = raced(tmp_path, plan(digits))
    assert judge_race(read_run(result.results)).runs == result.runs


@pytest.mark.parametrize("seconds", [12.0, 14.0, 20.0])
def test_a_budget_cuts_the_last_seeds_of_all(
    track: Track, digits: Problem, tmp_path: Path, lab: Lab, seconds: float
) -> None:
    """And it is kept: a round that does not fit is not begun. A larger one resumes."""
    result = raced(tmp_path, plan(digits, seeds=50), seconds)
    assert lab.now <= 1.1 * seconds
    seeds = {run.seeds for run in result.runs}
    assert len(seeds) == 1
    assert 3 <= seeds.pop() < 50
    assert any(warning.code == "budget-spent" for warning in result.warnings)
    before = list(track.raced)
    again = raced(tmp_path, plan(digits, seeds=50), 1000.0)
    assert again.results == result.results
    assert len(track.raced) == len(set(track.raced)) == 100
    assert track.raced[: len(before)] == before
    assert {run.seeds for run in again.runs} == {50}


def test_one_that_crashes_mid_race_is_out_and_the_others_go_on(
    track: Track, digits: Problem, tmp_path: Path
) -> None:
    def crash(job: RaceJob) -> RaceTimes | None:
        if (job.backend, job.seed) == ("python", 1):
            return RaceTimes(status="failed", reason="the process was ended by SIGSEGV")
        return None

    track.becomes = crash
    runs = fresh(raced(tmp_path, plan(digits)))
    assert (runs[of("numpy")].seeds, runs[of("numpy")].reason) == (3, None)
    assert runs[of("python")].seeds == 1
    assert runs[of("python")].reason == "seed 1: the process was ended by SIGSEGV"
    assert ("python", "float32", 2) not in track.raced


def test_one_that_hangs_is_out_and_the_others_go_on(
    track: Track, digits: Problem, tmp_path: Path, lab: Lab
) -> None:
    """It gets no more than its share, and a warning names it."""
    track.takes = lambda job: 1e9 if (job.backend, job.seed) == ("python", 0) else 1.0
    result = raced(tmp_path, plan(digits), 100.0)
    runs = fresh(result)
    assert runs[of("numpy")].seeds == 3
    assert (runs[of("python")].seeds, runs[of("python")].reason) == (0, NOTHING)
    assert any(warning.code == "no-end" for warning in result.warnings)
    assert lab.now < 100.0


def test_who_disagrees_never_races(track: Track, digits: Problem, tmp_path: Path) -> None:
    track.disagrees = {"python"}
    runs = fresh(raced(tmp_path, plan(digits)))
    assert runs[of("python")].reason == "the loss differs"
    assert {name for name, _, _ in track.raced} == {"numpy"}


def test_who_is_not_here_says_why_and_costs_nothing(
    track: Track, digits: Problem, tmp_path: Path, lab: Lab
) -> None:
    lab.missing["python"] = "no snake found"
    runs = fresh(raced(tmp_path, plan(digits)))
    assert runs[of("python")].reason == "no snake found"
    assert track.checked == [("numpy", "float32")]


def test_no_time_for_anything_is_an_error(track: Track, digits: Problem, tmp_path: Path) -> None:
    track.takes = lambda job: 1e9
    with pytest.raises(UserError, match=r"--budget: after .* s nothing was measured yet"):
        raced(tmp_path, plan(digits), 2.0)
