"""The loop on processes that only pretend: rounds, budgets, and what ends it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from perceptron.answer import Answered
from perceptron.backends.numpy_backend import NumpyBackend
from perceptron.errors import Inconclusive, UserError
from perceptron.measure import campaign
from perceptron.measure.job import Outcome
from perceptron.measure.job import Race as RaceJob
from perceptron.measure.launch import Abandoned, SecondsLeft
from perceptron.problems.problem import Problem
from perceptron.questions import run_study as opening
from perceptron.questions.answering import answer_run
from perceptron.questions.bench.study import Bench, BenchPlan
from perceptron.questions.crossover.study import CrossoverPlan, CrossoverStudy
from perceptron.questions.other_sessions import starts
from perceptron.questions.race.judge import NOTHING, RaceRun
from perceptron.questions.race.study import Race, RacePlan
from perceptron.questions.run_study import run_study
from perceptron.records.conditions import Conditions
from perceptron.records.race import Check, RaceTimes, Training
from perceptron.records.readers.stored_runs import read_run
from perceptron.records.row import Row
from perceptron.records.store import load_plan
from tests.conftest import ROOT
from tests.made import UnknownLook, silent
from tests.made_race import HELD_OUT
from tests.questions.conftest import Lab, carried_out, codes

THERE = Training(checks=[Check(38, 0.1, 0.96, 0.1)], waited=0.0)


class Track:
    """Stands in for racing processes: each takes its seconds of the lab's clock."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.raced: list[tuple[str, int]] = []
        self.takes: Callable[[RaceJob], float] = lambda job: 1.0
        self.becomes: Callable[[RaceJob], RaceTimes | None] = lambda job: None

    def race(self, job: RaceJob, seconds_left: SecondsLeft) -> RaceTimes:
        self._pass(self.takes(job), seconds_left, job.backend, job.problem)
        self.raced.append((job.backend, job.repeat))
        return self.becomes(job) or RaceTimes(
            import_seconds=0.2,
            prepare_seconds=0.1,
            data_seconds=0.1,
            fresh=THERE,
            resident=THERE,
        )

    def _pass(self, seconds: float, left: SecondsLeft, backend: str, problem: str) -> None:
        allowed = left()
        self._lab.now += max(0.0, min(seconds, allowed))
        if seconds > allowed:
            raise Abandoned(backend, problem)


@pytest.fixture
def track(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Track:
    made = Track(lab)
    monkeypatch.setattr(campaign, "run_race", made.race)
    return made


def plan(**changes: Any) -> RacePlan:
    fields = {"backends": ("numpy", "python"), "seeds": 3, "threads": 1}
    return RacePlan(**(fields | changes)).resolved()


def raced(results: Path, plan: RacePlan, seconds: float = 1000.0, study: Any = None) -> Answered:
    return carried_out(study or Race(), plan, results, seconds)


def cold(answered: Answered) -> dict[str, RaceRun]:
    return {run.backend: run for run in answered.answer.data["runs"] if run.start == "cold"}


@pytest.mark.parametrize("seconds", [12.0, 14.0, 20.0])
def test_run_study_budget_cuts_last_repeats_and_resumes(
    track: Track, tmp_path: Path, lab: Lab, seconds: float
) -> None:
    """And it is kept. A larger one resumes, and measures nothing twice."""
    answered = raced(tmp_path, plan(seeds=50), seconds)
    assert lab.now <= 1.1 * seconds
    seeds = {run.seeds for run in cold(answered).values()}
    assert len(seeds) == 1
    assert 3 <= seeds.pop() < 50
    assert "budget-spent" in codes(answered)
    assert "no-end" not in codes(answered), "begun late is no hang"
    before = list(track.raced)
    again = raced(tmp_path, plan(seeds=50), 1000.0)
    assert again.run.folder == answered.run.folder
    assert len(track.raced) == len(set(track.raced)) == 100
    assert track.raced[: len(before)] == before
    assert {run.seeds for run in cold(again).values()} == {50}


def test_run_study_times_what_was_checked_if_checks_are_slow(lab: Lab, tmp_path: Path) -> None:
    """Beside busy processes a check of two threads takes seconds: not one may be for nothing."""
    lab.takes = lambda job, problem: 5.0 if job.step == "check" else 0.1
    plan = CrossoverPlan(families=("mlp-width",), backends=("numpy", "torch-cpu"), quick=True)
    carried_out(CrossoverStudy(), plan.resolved(), tmp_path, 57.0)
    both = [name for name, count in Counter(name for _, name in lab.timed).items() if count > 1]
    assert len(both) >= 3


@pytest.mark.parametrize(("other_cores", "is_busy"), [(1.9, True), (0.0, False)])
def test_run_study_without_row_is_inconclusive_on_busy_cores(
    lab: Lab,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    other_cores: float,
    is_busy: bool,
) -> None:
    """The command was right; without others it is told to take more time."""
    busy = Conditions(other_cores=other_cores)
    monkeypatch.setattr(UnknownLook, "end", lambda look: busy)
    lab.start_seconds = 100.0
    plan = CrossoverPlan(families=("mlp-width",), backends=("numpy", "torch-cpu"), quick=True)
    with pytest.raises(Inconclusive, match="nothing was measured yet") as raised:
        carried_out(CrossoverStudy(), plan.resolved(), tmp_path, 57.0)
    assert ("--wait" in str(raised.value)) is is_busy


def test_run_study_crashed_backend_stops_and_others_continue(track: Track, tmp_path: Path) -> None:
    crashed = RaceTimes(status="failed", reason="the worker was ended by SIGSEGV")
    track.becomes = lambda job: crashed if (job.backend, job.repeat) == ("python", 1) else None
    runs = cold(raced(tmp_path, plan()))
    assert (runs["numpy"].seeds, runs["numpy"].reason) == (3, None)
    assert runs["python"].seeds == 1
    assert runs["python"].reason == "seed 1: the worker was ended by SIGSEGV"
    assert ("python", 2) not in track.raced


@pytest.mark.parametrize("seconds", [1000.0, 7.0])
def test_run_study_killed_backend_is_retried(
    track: Track, lab: Lab, tmp_path: Path, seconds: float
) -> None:
    """Memory may be there the next time: the command leaves with 3, and the same one goes on.

    Where its budget was spent, in as much time once more: it could only say again what it lost.
    """
    killed = RaceTimes(status="failed", reason="the worker was ended by SIGKILL (out of memory?)")
    track.becomes = lambda job: killed if (job.backend, job.repeat) == ("python", 2) else None
    assert "killed" in codes(raced(tmp_path, plan(), seconds))
    track.becomes = lambda job: None
    track.raced.clear()
    before = lab.now
    answered = raced(tmp_path, plan(), seconds)
    assert track.raced == [("python", 2)]
    assert "killed" not in codes(answered)
    assert {run.seeds for run in cold(answered).values()} == {3}
    assert lab.now - before <= seconds


def test_run_study_hung_backend_stops_and_others_continue(
    track: Track, tmp_path: Path, lab: Lab
) -> None:
    """It gets no more than its share, and a warning names it. The next start tries it again."""
    track.takes = lambda job: 1e9 if (job.backend, job.repeat) == ("python", 0) else 1.0
    answered = raced(tmp_path, plan(), 100.0)
    assert cold(answered)["numpy"].seeds == 3
    assert (cold(answered)["python"].seeds, cold(answered)["python"].reason) == (0, NOTHING)
    assert "no-end" in codes(answered)
    assert lab.now < 100.0
    track.takes = lambda job: 1.0
    again = raced(tmp_path, plan(), 200.0)
    assert again.run.folder == answered.run.folder
    assert cold(again)["python"].seeds == 3


def test_run_study_disagreeing_backend_is_never_timed(
    track: Track, lab: Lab, tmp_path: Path
) -> None:
    def refused(backend: str, problem: Problem) -> Outcome | None:
        failed = Outcome(status="failed", reason="the loss differs")
        return failed if backend == "python" else None

    lab.refused = refused
    runs = cold(raced(tmp_path, plan()))
    assert runs["python"].reason == "the loss differs"
    assert {name for name, _ in track.raced} == {"numpy"}


def test_run_study_low_precision_backend_races_in_it(
    track: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NumpyBackend, "low_precision", ("bfloat16",), raising=False)
    answered = raced(tmp_path, plan(backends=("numpy",), dtypes=("bfloat16",)))
    assert cold(answered)["numpy"].seeds == 3


def test_run_study_edited_model_file_ends_race(track: Track, tmp_path: Path) -> None:
    """Rows of two models are no answer. The edited one is another plan."""
    file = tmp_path / "model.toml"
    file.write_text(HELD_OUT)

    def edit(job: RaceJob) -> float:
        file.write_text(HELD_OUT.replace("0.5", "0.25"))
        return 1.0

    track.takes = edit
    race_plan, results = (
        plan(problem=str(file), target="accuracy=0.8", seeds=2),
        tmp_path / "results",
    )
    with pytest.raises(UserError, match="was changed while it was measured"):
        raced(results, race_plan)
    assert len(track.raced) == 2
    track.takes = lambda job: 1.0
    assert {run.seeds for run in cold(raced(results, race_plan)).values()} == {2}
    assert len(track.raced) == 6


@pytest.mark.parametrize(
    ("study", "kind"), [(Bench(), BenchPlan), (CrossoverStudy(), CrossoverPlan)]
)
def test_run_study_stored_run_answers_without_model_file(
    study: Any, kind: Any, lab: Lab, tmp_path: Path
) -> None:
    model = tmp_path / "mine.toml"
    model.write_text((ROOT / "docs" / "examples" / "points-width.toml").read_text())
    study_plan = kind(
        problems=(str(model),), backends=("numpy", "torch-cpu"), threads=(1,), quick=True
    )
    answered = carried_out(study, study_plan.resolved(), tmp_path / "results")
    model.unlink()
    assert answer_run(read_run(answered.results)) == answered


def test_run_study_stores_spent_time_while_running(track: Track, lab: Lab, tmp_path: Path) -> None:
    """However a start ends, the next one has only what it left."""

    def spent() -> float:
        (file,) = tmp_path.glob("runs/box/*/run.json")
        return load_plan(file.parent).spent_seconds or 0.0

    def stop(job: RaceJob) -> float:
        if len(track.raced) == 4:
            assert spent() > 10, "also where it is ended by what nothing can catch"
            raise KeyboardInterrupt
        return 3.0

    track.takes = stop
    with pytest.raises(KeyboardInterrupt):
        raced(tmp_path, plan(seeds=50), 40.0)
    assert spent() == pytest.approx(lab.now)
    track.takes = lambda job: 3.0
    raced(tmp_path, plan(seeds=50), 40.0)
    assert 30 < lab.now <= 40


class Broken(Race):
    """A study with a fault of its own."""

    def __init__(self, fault: Callable[[list[RaceJob]], list[RaceJob]]) -> None:
        self._fault = fault

    def next(self, plan: RacePlan, rows: Sequence[Row], left: float) -> list[RaceJob]:
        return self._fault(super().next(plan, rows, left))


def test_run_study_failing_study_is_one_line_and_keeps_rows(track: Track, tmp_path: Path) -> None:
    def fails(jobs: list[RaceJob]) -> list[RaceJob]:
        return jobs if len(jobs) > 4 else [1 / 0]  # type: ignore[list-item]

    every: list[RaceJob] = []

    def never_ends(jobs: list[RaceJob]) -> list[RaceJob]:
        every.extend(jobs)
        return every[:1]

    for number, (fault, words) in enumerate(
        ((fails, "ZeroDivisionError"), (never_ends, "asks again"))
    ):
        results = tmp_path / str(number)
        with pytest.raises(UserError, match=words):
            raced(results, plan(), study=Broken(fault))
        (folder,) = (file.parent for file in results.glob("runs/box/*/run.json"))
        assert len(read_run(folder).rows) == [2, 1][number]


def test_run_study_duplicate_jobs_are_measured_once(track: Track, tmp_path: Path) -> None:
    raced(tmp_path, plan(), study=Broken(lambda jobs: [*jobs, *jobs]))
    assert len(track.raced) == len(set(track.raced)) == 6


# --- sessions -------------------------------------------------------------------------------------


@pytest.fixture
def days(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every start of a command has a day of its own."""
    day = count(1)
    monkeypatch.setattr(opening, "now", lambda: f"2026-03-{next(day):02d}T00:00:00Z")


def searched(results: Path, fresh: bool = False, seconds: float = 1e4) -> Answered:
    search_plan = CrossoverPlan(
        families=("mlp-width",), backends=("numpy", "torch-cpu"), threads=(1,)
    )
    return run_study(
        CrossoverStudy(), search_plan.resolved(), "box", results, silent, seconds, fresh=fresh
    )


def runs(results: Path) -> list[str]:
    return sorted(file.parent.name[:10] for file in results.glob("runs/box/*/run.json"))


def test_run_study_second_call_is_a_second_session(lab: Lab, days: None, tmp_path: Path) -> None:
    first = searched(tmp_path)
    second = searched(tmp_path)
    assert (len(starts(first.run)), len(starts(second.run))) == (1, 2)
    assert {row.session for row in second.run.others} == {first.run.run.started}
    assert len(second.run.others) == len(first.run.times)
    assert runs(tmp_path) == ["2026-03-01", "2026-03-02"]


@pytest.mark.parametrize("fresh", [False, True])
def test_run_study_interrupted_run_resumes_unless_fresh(
    lab: Lab, days: None, tmp_path: Path, fresh: bool
) -> None:
    """That leaves the interrupted one, whose rows answer with it."""
    lab.power_cut_after = 5
    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path)
    lab.power_cut_after = None
    answered = searched(tmp_path, fresh)
    assert len(runs(tmp_path)) == len(starts(answered.run)) == 1 + fresh


def test_run_study_empty_start_is_no_session(lab: Lab, days: None, tmp_path: Path) -> None:
    """Also not where the next one is to be fresh: its folder is taken up."""
    lab.power_cut_after = 0
    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path)
    lab.power_cut_after = None
    answered = searched(tmp_path, fresh=True)
    assert runs(tmp_path) == ["2026-03-01"]
    assert starts(answered.run) == {answered.run.run.started}


def test_run_study_cut_short_session_resumes_with_larger_budget(
    lab: Lab, days: None, tmp_path: Path
) -> None:
    """What the first one measured counts in both cases."""
    lab.takes = lambda job, problem: 1.0
    short = searched(tmp_path, seconds=30.0)
    assert short.run.run.cut_short
    again = searched(tmp_path, seconds=30.0)
    assert starts(again.run) == {short.run.run.started, again.run.run.started}
    longer = searched(tmp_path, seconds=60.0)
    assert longer.results == again.results
    # Of the last seconds 5 are the answer's, and a new size would take 8: 2 checks and 6 times.
    assert 60 - 5 - 8 <= longer.run.run.spent_seconds <= 60
