"""The proof resumes where it stopped, and judges only what belongs together."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from msgspec.structs import replace

from benchmarks.validation import lines as kept_lines
from benchmarks.validation.gate import bodies, proof, runs, suite
from benchmarks.validation.gate.runs import ProofRun
from benchmarks.validation.gate.suite import (
    BASE,
    BY_NAME,
    IN_UNITS,
    KINDS,
    Kind,
    expression,
    make,
    sources,
    wanted,
)
from perceptron.gate.checkout.request import CompareRequest
from perceptron.gate.checkout.revisions import git
from perceptron.records.block import Benchmark, Block, SideMeasurement
from perceptron.records.comparison import Comparison, ComparisonEnvironment, Work
from tests import made_comparison as made
from tests.validation.conftest import MakeRun

NAME = "bodies.time_training"
ENVIRONMENT = ComparisonEnvironment(
    machine={"cpu": "Abacus 3000", "cores": "2"},
    base={"numpy": "2.0"},
    head={"numpy": "2.0"},
    variables={},
    counter="valgrind-3.24.0",
)
WORK = Work(base=1e6, head=1.01e6, change=0.01, noise=0.0)
SLOWER = SideMeasurement(status="ok", value=3e-3, samples=[3e-3], waited=0.5)


def silent(done: int, total: int, message: str) -> None:
    assert done <= total


def block(stage: str, number: int, status: str = "ok") -> Block:
    measurement = SideMeasurement(status="ok", value=1e-3, samples=[1.0000001e-3, 2e-3])
    return replace(
        made.block(NAME, number, 1e-3, 1e-3, stage),  # type: ignore[arg-type]
        base=measurement,
        head=replace(measurement, status=status),
        control=measurement if stage == "confirmation" else None,
    )


def counted(number: int, base: float | None, head: float | None) -> Block:
    measurements = [
        SideMeasurement(status="failed" if count is None else "ok", instructions=count)
        for count in (base, head)
    ]
    return replace(block("count", number), base=measurements[0], head=measurements[1])


def test_a_run_compares_base_with_its_head_and_keeps_every_sample(tmp_path: Path) -> None:
    """In the repository's folder; results go elsewhere; samples in whole nanoseconds."""
    asked: list[tuple[CompareRequest, Path]] = []

    def compare(request: CompareRequest, progress: object) -> Comparison:
        asked.append((request, Path.cwd()))
        again = replace(block("screen", 0), take=1)
        first = replace(again, take=0, head=SLOWER)
        blocks = [block("calibration", 0), first, again, block("screen", 1, "failed")]
        counts = [counted(0, 1e6, 1.01e6), counted(1, 1e6, None)]
        row = made.row(
            benchmark=NAME,
            params=[],
            change=0.00123456789,
            waited=0.0123456789,
            contended=4,
            retaken=1,
            work=WORK,
            stands_on="both",
        )
        blocks += [*counts, block("confirmation", 0)]
        return made.comparison(
            row, environment=ENVIRONMENT, benchmarks=[Benchmark(name=NAME)], blocks=blocks
        )

    before = Path.cwd()
    kept: list[ComparisonEnvironment] = []

    def keep(environment: ComparisonEnvironment) -> str:
        kept.append(environment)
        return "e"

    kept_run = runs.run(tmp_path, BY_NAME["copy"], 3, "w", "abc", keep, compare)
    ((request, folder),) = asked
    assert (request.base, request.head, request.seed) == ("base", "copy", 3)
    assert request.benchmarks == "time_(training|exponential)$"
    assert folder == tmp_path.resolve()
    assert Path.cwd() == before
    assert not request.results.is_relative_to(tmp_path)
    assert not request.results.exists()
    assert kept == [ENVIRONMENT]
    (row,) = kept_run.rows
    assert row.change == 0.00123457
    assert row.screen == [[[1_000_000, 2_000_000]] * 2]
    assert row.waited == 0.0123457
    assert row.confirmation == [[[1_000_000, 2_000_000]] * 3]
    assert row.counts == {0: [1e6, 1.01e6]}
    assert row.work == WORK
    assert kept_run.counter == "valgrind-3.24.0"


@pytest.fixture
def runs_made(monkeypatch: pytest.MonkeyPatch, run: MakeRun) -> list[ProofRun]:
    """Runs without measuring, all of which are in the list."""
    there: list[ProofRun] = []

    def fake(_: Path, kind: Kind, number: int, *rest: Any) -> ProofRun:
        *about, keep = rest
        fields = dict(zip(("work", "commit"), about, strict=True))
        there.append(run(kind.name, number, environment=keep(ENVIRONMENT), **fields))
        return there[-1]

    monkeypatch.setattr(runs, "run", fake)
    monkeypatch.setattr(suite, "make", lambda repository: None)  # 16 commits; see its own test
    return there


def request(folder: Path, runs: int, **fields: object) -> proof.ProofRequest:
    return proof.ProofRequest("box", folder, runs, commit="abc", **fields)  # type: ignore[arg-type]


@pytest.mark.slow
def test_it_resumes_where_it_stopped(tmp_path: Path, runs_made: list[ProofRun]) -> None:
    """Every run once; a second start adds what is missing; a third measures nothing; a line that
    was cut short is measured again."""
    shown = proof.prove(request(tmp_path, 5), silent, draws=0)
    assert Counter(one.kind for one in runs_made) == Counter(wanted(5))
    assert Counter(run.kind for run in shown.runs) == wanted(5)
    proof.prove(request(tmp_path, 10), silent, draws=0)
    proof.prove(request(tmp_path, 10), silent, draws=0)
    assert Counter(one.kind for one in runs_made) == Counter(wanted(10))
    numbers = [(one.kind, one.number) for one in runs_made]
    assert len(set(numbers)) == len(numbers)
    file = tmp_path / "proof" / "box" / "runs.jsonl"
    assert kept_lines.read(file, ProofRun) == runs_made
    file.write_bytes(file.read_bytes()[:-20])
    proof.prove(request(tmp_path, 10), silent, draws=0)
    assert len(runs_made) == sum(wanted(10).values()) + 1
    assert Counter(one.kind for one in kept_lines.read(file, ProofRun)) == Counter(wanted(10))


def test_runs_of_another_gate_are_measured_again(
    tmp_path: Path, runs_made: list[ProofRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then those of the last one are shown."""
    proof.prove(request(tmp_path, 5), silent, draws=0)
    before = len(runs_made)
    monkeypatch.setattr(proof, "current_gate", lambda: "another")
    unmeasured = proof.prove(request(tmp_path, 5, report_only=True), silent, draws=0)
    assert (unmeasured.outdated, unmeasured.left_out, len(unmeasured.runs)) == (True, 0, before)
    shown = proof.prove(request(tmp_path, 5), silent, draws=0)
    assert Counter(run.kind for run in shown.runs) == wanted(5)
    numbers = [(run.kind, run.number) for run in runs_made]
    assert len(set(numbers)) == len(numbers)
    assert (shown.outdated, shown.left_out) == (False, before)


@pytest.mark.parametrize("what", ["code", "suite", "budget"])
def test_work_depends_on_all_that_decides_a_verdict(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And on no comment or docstring."""
    monkeypatch.setattr(proof, "sources", lambda *_: [("stages.py", '"""Text."""\nBLOCKS = 3')])
    before = proof.current_gate()
    monkeypatch.setattr(proof, "sources", lambda *_: [("stages.py", "# Comment\nBLOCKS = 3")])
    assert proof.current_gate() == before
    if what == "code":
        monkeypatch.setattr(proof, "sources", lambda *_: [("stages.py", "BLOCKS = 4")])
    elif what == "suite":
        monkeypatch.setattr(suite, "digest", lambda: "another")
    else:
        monkeypatch.setattr(runs, "BUDGET_MINUTES", 3.0)
    assert proof.current_gate() != before


def test_a_head_differs_from_the_base_in_one_line() -> None:
    base = sources()
    for kind in KINDS:
        head = sources(kind)
        assert [name for name in base if base[name] != head[name]] == ["work/bodies.py"]
        new = set(head["work/bodies.py"].splitlines()) - set(base["work/bodies.py"].splitlines())
        assert len(new) == 1


def load(kind: Kind | None) -> dict[str, Any]:
    """The bodies of the base or of a head, loaded."""
    space: dict[str, Any] = {"__name__": "work"}
    exec(sources(kind)["work/bodies.py"], space)  # noqa: S102
    return space


def test_a_slowdown_holds_by_count() -> None:
    """Head does so many units where base does 100: nothing is calibrated."""
    assert bodies.UNITS == 100
    for kind in KINDS:
        if kind.by is not None:
            assert load(kind)["UNITS"] / 100 - 1 == pytest.approx(kind.by)


def lines(name: str, units: int) -> int:
    """How many lines of Python a call executes."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    space = load(None)
    space[name]()  # what the first call imports and remembers is not counted
    space["UNITS"] = units
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        space[name]()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", IN_UNITS)
def test_the_work_of_a_body_is_its_units(name: str) -> None:
    """Each unit is as long as the other, and beside them there is little.

    But for a few lines of what imports now and then.
    """
    none, one, eleven = (lines(name, units) for units in (0, 1, 11))
    assert none < 10
    assert one > none
    assert eleven - one == pytest.approx(10 * (one - none), rel=0.1)


def test_the_repository_has_a_branch_for_each_kind_on_one_base(tmp_path: Path) -> None:
    make(tmp_path)
    for kind in KINDS:
        assert git(tmp_path, "rev-list", "--count", f"{BASE}..{kind.name}").strip() == "1"
        written = git(tmp_path, "show", f"{kind.name}:work/bodies.py")
        assert written.strip() == sources(kind)["work/bodies.py"].strip()
    assert expression(("training", "exponential")) == "time_(training|exponential)$"
