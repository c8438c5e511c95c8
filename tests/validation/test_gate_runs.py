"""The proof resumes where it stopped, and judges only what belongs together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from benchmarks.validation import lines as kept_lines
from benchmarks.validation.gate import page, proof, runs, suite
from benchmarks.validation.gate.runs import ProofRun
from benchmarks.validation.gate.suite import BASE, HEAD, KINDS, Repository, planned
from perceptron.gate.checkout.request import CompareRequest
from perceptron.gate.checkout.revisions import git
from perceptron.records.block import Benchmark, Block, SideMeasurement
from perceptron.records.comparison import Comparison, ComparisonEnvironment, Instructions
from tests import made_comparison as made
from tests.validation.conftest import MakeRun

NAME = "bodies.time_plain_work"
ENVIRONMENT = ComparisonEnvironment(
    machine={"cpu": "Abacus 3000", "cores": "2"},
    base={"numpy": "2.0"},
    head={"numpy": "2.0"},
    variables={},
    counter="valgrind-3.24.0",
)
SLOWER = SideMeasurement(status="ok", value=3e-3, samples=[3e-3], waited=0.5)
SHARE = 0.1


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


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("proof"))


def test_proof_run_keeps_every_sample(repository: Repository) -> None:
    """In the repository's folder; results go elsewhere; samples in whole nanoseconds."""
    requests: list[tuple[CompareRequest, Path]] = []

    def compare(request: CompareRequest, progress: object) -> Comparison:
        requests.append((request, Path.cwd()))
        again = replace(block("screen", 0), take=1)
        first = replace(again, take=0, head=SLOWER)
        blocks = [block("calibration", 0), first, again, block("screen", 1, "failed")]
        row = made.row(
            benchmark=NAME,
            params=[],
            change=0.00123456789,
            wait_share=0.0223456789,
            instructions=Instructions(base=1e6, head=1.01e6, change=0.01, noise=0.0),
            confirmation_blocks=1,
        )
        return made.comparison(
            row,
            environment=ENVIRONMENT,
            benchmarks=[Benchmark(name=NAME)],
            blocks=[*blocks, block("confirmation", 0)],
        )

    before = Path.cwd()
    kind = KINDS["local, clock alone"]
    kept, facts = runs.run(repository, kind, 3, {}, "w", "abc", compare)
    ((request, folder),) = requests
    assert (request.base, request.head, request.seed, request.count) == (BASE, HEAD, 3, "never")
    assert request.benchmarks == f"{kind.benchmark(3)}$"
    assert folder == repository.folder
    assert Path.cwd() == before
    assert not request.results.is_relative_to(repository.folder)
    assert not request.results.exists()
    assert facts["counter"] == "valgrind-3.24.0"
    (row,) = kept.rows
    assert (row.change, row.waited, row.work) == (0.00123457, 0.0223457, 0.01)
    assert row.screen == [[[1_000_000, 2_000_000]] * 2]
    assert row.confirmation == [[[1_000_000, 2_000_000]] * 3]
    assert (row.reached, kept.contended) == ("confirmation", True)


class Here(Executor):
    """Runs at once, in this process."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(call(*args, **named))
        return future


@pytest.fixture
def runs_made(monkeypatch: pytest.MonkeyPatch, run: MakeRun) -> list[ProofRun]:
    """Runs without measuring, all of which are in the list."""
    there: list[ProofRun] = []

    def fake(key: str, number: int, _: object, gate: str, commit: str) -> object:
        there.append(run(key, number, gate=gate, commit=commit))
        return there[-1], {"cpu": "Abacus 3000"}

    monkeypatch.setattr(proof, "_workers", lambda place: Here())
    monkeypatch.setattr(runs, "measured_amounts", dict)
    monkeypatch.setattr(runs, "run_here", fake)
    return there


def request(folder: Path, share: float = SHARE, **fields: object) -> proof.ProofRequest:
    return proof.ProofRequest("box", folder, share, commit="abc", **fields)  # type: ignore[arg-type]


def keys(made_runs: list[ProofRun]) -> list[tuple[str, int]]:
    return [(run.kind, run.number) for run in made_runs]


def expected(share: float) -> Counter[tuple[str, int]]:
    return Counter((kind.key, number) for kind, number in planned(share))


def test_proof_resumes_where_it_stopped(tmp_path: Path, runs_made: list[ProofRun]) -> None:
    """Every run once; a second start adds what is missing; a third measures nothing; a line that
    was cut short is measured again."""
    proof.prove(request(tmp_path), silent)
    assert Counter(keys(runs_made)) == expected(SHARE)
    proof.prove(request(tmp_path, 2 * SHARE), silent)
    proof.prove(request(tmp_path, 2 * SHARE), silent)
    assert Counter(keys(runs_made)) == expected(2 * SHARE)
    file = tmp_path / "proof" / "box" / "runs.jsonl"
    kept = kept_lines.read(file, ProofRun)
    assert Counter(keys(kept)) == Counter(keys(runs_made))
    file.write_bytes(file.read_bytes()[:-20])
    proof.prove(request(tmp_path, 2 * SHARE), silent)
    assert keys(runs_made)[-1] == keys(kept)[-1]


def test_runs_of_another_gate_are_measured_again(
    tmp_path: Path, runs_made: list[ProofRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then those of the last one are shown."""
    proof.prove(request(tmp_path), silent)
    before = len(runs_made)
    monkeypatch.setattr(proof, "current_gate", lambda: "another")
    unmeasured = proof.prove(request(tmp_path, report_only=True), silent)
    assert (unmeasured.outdated, unmeasured.skipped, len(unmeasured.runs)) == (True, 0, before)
    shown = proof.prove(request(tmp_path), silent)
    assert Counter(keys(list(shown.runs))) == expected(SHARE)
    assert (shown.outdated, shown.skipped) == (False, before)


def test_proof_cut_short_is_balanced() -> None:
    """However far it came, each kind has its share of the runs, within one."""
    plan = planned()
    wanted = Counter(kind.key for kind, _ in plan)
    assert sum(kind.runs for kind in KINDS.values() if kind.is_null) >= 300
    for done in range(0, len(plan), 50):
        so_far = Counter(kind.key for kind, _ in plan[:done])
        for key, number in wanted.items():
            assert abs(so_far[key] - number * done / len(plan)) < 1.5


@pytest.mark.parametrize("measured", [0, 3, 150])
def test_proof_page_is_made_of_any_number_of_runs(
    measured: int, tmp_path: Path, runs_made: list[ProofRun], run: MakeRun
) -> None:
    """Each table counts the runs that there are; of few blocks nothing is replayed."""
    proof.prove(request(tmp_path / "results"), silent)
    if measured:
        (tmp_path / "results/proof/box/runs.jsonl").unlink()
        with kept_lines.appending(tmp_path / "results/proof/box/runs.jsonl") as write:
            for kind, number in planned()[:measured]:
                write(run(kind.key, number, gate=proof.current_gate()))
    shown = proof.prove(request(tmp_path / "results", report_only=True), silent)
    page.save(tmp_path / "page.md", shown)
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    nulls = sum(KINDS[run.kind].is_null for run in shown.runs)
    assert f"| all | {nulls} |" in text
    assert "## Layout" in text


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


@pytest.mark.parametrize(
    "key", {kind.name: kind.key for kind in KINDS.values() if kind.level in (0.0, 0.2)}.values()
)
def test_proof_head_differs_from_base_by_its_kind(repository: Repository, key: str) -> None:
    """A slowdown changes one constant, and nothing else differs by more than its kind."""
    kind = KINDS[key]
    amounts = {name: dict.fromkeys(suite.CONSTANTS, 1000.0) for name in suite.LANGUAGES}
    repository.make_head(kind, 1, amounts)
    names = git(repository.folder, "diff", "--name-only", BASE, HEAD).split()
    if kind.name == "module":
        assert names == ["work/added_1.py"]
    elif kind.name == "linked":
        (name,) = names
        assert name.startswith("work/_native")
    elif kind.is_null:
        assert names == ["work/plain.py"]
    else:
        assert names == ["work/amounts.py"]
        changed = git(repository.folder, "diff", "--unified=0", BASE, HEAD).splitlines()
        assert [line.split()[0] for line in changed if line.startswith("+") and "=" in line] == [
            f"+{suite.CONSTANTS[kind.body or '']}"
        ]
