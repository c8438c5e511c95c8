"""The proof resumes where it stopped, and judges only what belongs together."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections import Counter
from functools import partial
from pathlib import Path

import msgspec
import pytest

from benchmarks.neighbour import busy_neighbour
from benchmarks.validation.gate import prove
from benchmarks.validation.gate.judging import tally
from benchmarks.validation.gate.judging.replay import replays
from benchmarks.validation.gate.record import ProofRun
from benchmarks.validation.gate.runs import live, repository, store
from benchmarks.validation.gate.runs.kinds import BY_NAME, wanted
from perceptron.errors import UserError
from perceptron.gate import fingerprint
from perceptron.gate.checkout.request import CompareRequest
from perceptron.records.block import Benchmark, Block, Reading
from perceptron.records.comparison import (
    Comparison,
    ComparisonEnvironment,
    ComparisonPlan,
    Control,
    Row,
    Side,
    Work,
)
from tests.validation.gate.conftest import MakeRun

ENVIRONMENT = ComparisonEnvironment(
    machine={"cpu": "Abacus 3000", "cores": "2"},
    base={"numpy": "2.0"},
    head={"numpy": "2.0"},
    variables={},
    counter="valgrind-3.24.0",
)


WORK = Work(base=1e6, head=1.01e6, change=0.01, noise=0.0)
SLOWER = Reading(status="ok", value=3e-3, samples=[3e-3], waited=0.5)


def silent(done: int, total: int, message: str) -> None:
    assert done <= total


def block(stage: str, number: int, status: str = "ok") -> Block:
    reading = Reading(status="ok", value=1e-3, samples=[1.0000001e-3, 2e-3])
    return Block(
        stage=stage,  # type: ignore[arg-type]
        number=number,
        benchmark="bodies.time_training",
        order=["base", "head"],
        sides={},
        base=reading,
        head=msgspec.structs.replace(reading, status=status),
        control=reading if stage == "confirmation" else None,
    )


def counted(number: int, base: float | None, head: float | None) -> Block:
    readings = [
        Reading(status="failed" if count is None else "ok", instructions=count)
        for count in (base, head)
    ]
    return msgspec.structs.replace(block("count", number), base=readings[0], head=readings[1])


def comparison(blocks: list[Block]) -> Comparison:
    side = Side(name="x", commit="c", python="python")
    row = Row(
        benchmark="bodies.time_training",
        params=[],
        param_names=[],
        unit="seconds",
        base=1e-3,
        head=1e-3,
        base_seconds=1e-3,
        head_seconds=1e-3,
        change=0.00123456789,
        low=-0.01,
        high=0.01,
        p_adjusted=None,
        verdict="no change",
        smallest_detectable=0.05,
        spread=0.01,
        screen_blocks=1,
        confirmation_blocks=1,
        waited=0.0123456789,
        disturbed=4,
        retaken=1,
        work=WORK,
        stands_on="both",
    )
    return Comparison(
        verdict="clean",
        reason="nothing",
        rows=[row],
        control=Control(alarmed=False, rows=[]),
        plan=ComparisonPlan(
            suite="s", benchmarks=None, base=side, head=side, budget_seconds=1, seed=1, rule={}
        ),
        environment=ENVIRONMENT,
        warnings=[],
        seconds=1.0,
        reproduce="",
        results="",
        benchmarks=[Benchmark(name="bodies.time_training")],
        blocks=blocks,
    )


def test_a_run_compares_base_with_its_head_and_keeps_every_sample(tmp_path: Path) -> None:
    """In the repository's folder; results go elsewhere; samples in whole nanoseconds."""
    asked: list[tuple[CompareRequest, Path]] = []

    def compare(request: CompareRequest, progress: object) -> Comparison:
        asked.append((request, Path.cwd()))
        again = msgspec.structs.replace(block("screen", 0), take=1)
        first = msgspec.structs.replace(again, take=0, head=SLOWER)
        blocks = [block("calibration", 0), first, again, block("screen", 1, "failed")]
        counts = [counted(0, 1e6, 1.01e6), counted(1, 1e6, None)]
        return comparison([*blocks, *counts, block("confirmation", 0)])

    before = Path.cwd()
    kept: list[ComparisonEnvironment] = []

    def keep(environment: ComparisonEnvironment) -> str:
        kept.append(environment)
        return "e"

    made = live.run(tmp_path, BY_NAME["copy"], 3, "w", "m", "abc", keep, silent, compare)
    ((request, folder),) = asked
    assert (request.base, request.head, request.seed) == ("base", "copy", 3)
    assert request.benchmarks == "time_(training|exponential)$"
    assert folder == tmp_path.resolve()
    assert Path.cwd() == before
    assert not request.results.is_relative_to(tmp_path)
    assert not request.results.exists()
    assert kept == [ENVIRONMENT]
    (row,) = made.rows
    assert row.change == 0.00123457
    assert row.screen == [[[1_000_000, 2_000_000]] * 2]
    assert row.retaken == [[[1_000_000, 2_000_000], [3_000_000]]]
    assert (row.waited, row.disturbed) == (0.0123457, 4)
    assert row.confirmation == [[[1_000_000, 2_000_000]] * 3]
    assert row.counts == {0: [1e6, 1.01e6]}
    assert (row.work, row.stands_on, row.not_counted) == (WORK, "both", None)
    assert made.counter == "valgrind-3.24.0"


def test_counts_are_kept_and_runs_from_before_there_were_any_are_still_read(
    tmp_path: Path, run: MakeRun
) -> None:
    made = run("same", 0, counts={0: [1e6, 1.002e6], 1: [1e6, 1.001e6]}, counter="valgrind-3.24.0")
    with store.open_proof(tmp_path) as journal:
        journal.append(made)
    assert store.read_runs(tmp_path) == [made]
    file = tmp_path / "runs.jsonl"
    line = msgspec.json.decode(file.read_bytes())
    del line["counter"]
    for name in ("counts", "work", "not_counted", "stands_on"):
        del line["rows"][0][name]
    file.write_bytes(msgspec.json.encode(line) + b"\n")
    (before,) = store.read_runs(tmp_path)
    assert before.counter is None
    assert (before.rows[0].counts, before.rows[0].work) == ({}, None)
    assert before.rows[0].stands_on == "time"


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_neighbour_is_there_when_wanted_and_gone_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def popen(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        started.append(start(*arguments, **options))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", popen)
    with busy_neighbour(wanted=False):
        assert started == []
    with contextlib.suppress(KeyboardInterrupt), busy_neighbour():
        assert alive(started[0].pid)
        raise KeyboardInterrupt
    assert started[0].returncode is not None
    assert not alive(started[0].pid)


@pytest.fixture
def runs_made(monkeypatch: pytest.MonkeyPatch, run: MakeRun) -> list[ProofRun]:
    """Runs without measuring, all of which are in the list; few are replayed."""
    made: list[ProofRun] = []

    def fake(
        _repository: Path,
        kind: object,
        number: int,
        work: str,
        measured: str,
        commit: str,
        keep: object,
        *_: object,
    ) -> ProofRun:
        environment = keep(ENVIRONMENT)  # type: ignore[operator]
        name = kind.name  # type: ignore[attr-defined]
        fields = {"work": work, "measured": measured, "commit": commit}
        made.append(run(name, number, environment=environment, **fields))
        return made[-1]

    monkeypatch.setattr(live, "run", fake)
    monkeypatch.setattr(prove, "replays", partial(replays, draws=20))
    return made


def request(folder: Path, runs: int, **fields: object) -> prove.ProofRequest:
    return prove.ProofRequest("box", folder, runs, commit="abc", **fields)  # type: ignore[arg-type]


def test_it_resumes_where_it_stopped(tmp_path: Path, runs_made: list[ProofRun]) -> None:
    """Every run once; a second start adds what is missing; a third measures nothing."""
    proof = prove.prove(request(tmp_path, 5), silent)
    assert Counter(made.kind for made in runs_made) == Counter(wanted(5))
    assert {made.name: made.runs for made in proof.live} == wanted(5)
    prove.prove(request(tmp_path, 20), silent)
    prove.prove(request(tmp_path, 20), silent)
    assert Counter(made.kind for made in runs_made) == Counter(wanted(20))
    numbers = [(made.kind, made.number) for made in runs_made]
    assert len(set(numbers)) == len(numbers)
    assert store.read_runs(tmp_path / "proof" / "box") == runs_made


def test_of_a_kind_that_is_named_nothing_else_is_measured(
    tmp_path: Path, runs_made: list[ProofRun]
) -> None:
    proof = prove.prove(request(tmp_path, 3, kinds=("neighbour",)), silent)
    assert [made.kind for made in runs_made] == ["neighbour"] * 3
    assert proof.command == "python -m benchmarks.validation proof --kind neighbour --runs 3"


def test_runs_beside_a_busy_process_are_shown_for_every_state_of_the_gate(
    tmp_path: Path, run: MakeRun
) -> None:
    """The earlier ones too, whatever they were measured by; quiet ones are no part of it."""
    states = tally.states(
        [
            run("neighbour", 0, measured="old", seconds=9.0),
            run("same", 0, measured="old"),
            run("neighbour", 1, measured="old", seconds=12.0, verdict="inconclusive"),
            run("neighbour", 2, measured="new", verdict="regression", commit="def"),
        ]
    )
    assert [(state.measured, state.runs, state.commits) for state in states] == [
        ("old", 2, ["abc"]),
        ("new", 1, ["def"]),
    ]
    old, new = states
    assert (old.seconds, old.inconclusive, old.false_alarms.hits) == (10.5, 1, 0)
    assert (old.spread, old.smallest_detectable, old.waited) == (0.018, 0.05, None)
    assert new.false_alarms.hits == 1


def test_a_line_cut_short_is_measured_again(tmp_path: Path, runs_made: list[ProofRun]) -> None:
    prove.prove(request(tmp_path, 5), silent)
    file = tmp_path / "proof" / "box" / "runs.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    prove.prove(request(tmp_path, 5), silent)
    assert len(runs_made) == sum(wanted(5).values()) + 1
    assert Counter(made.kind for made in store.read_runs(file.parent)) == Counter(wanted(5))


def test_no_minutes_begin_no_run(tmp_path: Path, runs_made: list[ProofRun]) -> None:
    with pytest.raises(UserError, match="no run yet"):
        prove.prove(request(tmp_path, 5, minutes=0.0), silent)
    assert runs_made == []


def test_a_report_measures_nothing_and_needs_runs(
    tmp_path: Path, runs_made: list[ProofRun]
) -> None:
    with pytest.raises(UserError, match="box: no run yet"):
        prove.prove(request(tmp_path, 5, report_only=True), silent)
    assert list(tmp_path.iterdir()) == []
    prove.prove(request(tmp_path, 5), silent)
    before = len(runs_made)
    proof = prove.prove(request(tmp_path, 200, report_only=True), silent)
    assert len(runs_made) == before
    assert (proof.cpu, proof.commits, proof.left_out) == ("Abacus 3000", ["abc"], 0)


def test_runs_of_another_rule_are_left_out_and_reported(
    tmp_path: Path, runs_made: list[ProofRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    prove.prove(request(tmp_path, 5), silent)
    before = len(runs_made)
    monkeypatch.setattr(prove, "current_gate", lambda: prove.Gate("another", "another"))
    proof = prove.prove(request(tmp_path, 5), silent)
    assert len(runs_made) == 2 * before
    assert proof.left_out == before
    assert sum(kind.runs for kind in proof.live) == before
    assert not proof.outdated


def test_runs_of_earlier_code_are_still_shown_and_said_to_be(
    tmp_path: Path, runs_made: list[ProofRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table of yesterday's gate is worth more than none."""
    prove.prove(request(tmp_path, 5), silent)
    monkeypatch.setattr(prove, "current_gate", lambda: prove.Gate("another", "another"))
    proof = prove.prove(request(tmp_path, 5, report_only=True), silent)
    assert (proof.outdated, proof.again, proof.left_out) == (True, 0, 0)
    assert {kind.name: kind.runs for kind in proof.live} == wanted(5)


def test_another_rule_judges_again_what_nothing_changed_in_and_measures_slowdowns(
    tmp_path: Path, runs_made: list[ProofRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks are there; no run is left out for what came out of it."""
    prove.prove(request(tmp_path, 5), silent)
    before = len(runs_made)
    gate = prove.Gate("another", prove.current_gate().measured)
    monkeypatch.setattr(prove, "current_gate", lambda: gate)
    unmeasured = prove.prove(request(tmp_path, 5, report_only=True), silent)
    assert (unmeasured.outdated, unmeasured.again, unmeasured.left_out) == (False, 5, before - 5)
    proof = prove.prove(request(tmp_path, 5), silent)
    assert {run.kind for run in runs_made[before:]} == {
        kind for kind in wanted(5) if BY_NAME[kind].changed
    }
    numbers = [(run.kind, run.number) for run in runs_made]
    assert len(set(numbers)) == len(numbers)
    assert {made.name: made.runs for made in proof.live} == wanted(5)
    assert (proof.outdated, proof.again, proof.left_out) == (False, 5, before - 5)


@pytest.mark.parametrize("what", ["code", "suite", "budget"])
def test_work_depends_on_all_that_decides_a_verdict(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = prove.current_gate().work
    if what == "code":
        monkeypatch.setattr(fingerprint, "digest", lambda *_, **__: "another")
    elif what == "suite":
        monkeypatch.setattr(repository, "digest", lambda: "another")
    else:
        monkeypatch.setattr(live, "BUDGET_MINUTES", 3.0)
    assert prove.current_gate().work != before


def test_another_proof_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    """Two at once would disturb each other's times."""
    pytest.importorskip("fcntl")
    with (
        store.open_proof(tmp_path),
        pytest.raises(UserError, match="another proof is running"),
        store.open_proof(tmp_path),
    ):
        pass


def test_what_is_no_run_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").write_text('{"kind": 3}\n')
    with pytest.raises(UserError, match=r"runs.jsonl, line 1: no run of a proof"):
        store.read_runs(tmp_path)


def test_an_environment_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"environment-e.json: cannot be read"):
        store.read_environment(tmp_path, "e")
    name = store.keep_environment(tmp_path, ENVIRONMENT)
    assert store.keep_environment(tmp_path, ENVIRONMENT) == name
    assert store.read_environment(tmp_path, name) == ENVIRONMENT
