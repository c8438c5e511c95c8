from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import typer

from perceptron.analysis.trust import Diagnosis, warnings_about
from perceptron.backends.protocol import Backend
from perceptron.commands.doctor import doctor as command
from perceptron.errors import UserError
from perceptron.records.conditions import Conditions
from perceptron.records.environment import Environment
from perceptron.records.store import RunJournal, load_conditions
from perceptron.report.tables import doctor as diagnosis
from perceptron.studies import bench, doctor
from perceptron.studies.shared import opening
from perceptron.studies.shared.progress import silent
from tests.conftest import MakeRow, Perceptron
from tests.made import SOUND

TIRED = msgspec.structs.replace(SOUND, on_battery=True, load=1.5)


def diagnose(environment: Environment, conditions: Conditions, threads: int = 2) -> Diagnosis:
    return Diagnosis(
        environment=environment,
        threads=threads,
        conditions=conditions,
        warnings=warnings_about(environment, threads, conditions),
    )


def test_the_document_is_the_contract(perceptron: Perceptron) -> None:
    """Facts, conditions and warnings of this very machine; 1 if there are warnings."""
    found = perceptron("doctor", "--json", "--threads", "1", timeout=600)
    document = json.loads(found.stdout)
    assert list(document) == ["environment", "conditions", "warnings"]
    assert found.returncode == (1 if document["warnings"] else 0), found.stderr
    facts = msgspec.convert(document["conditions"], Conditions)
    assert document["environment"]["cores"] >= 1
    assert facts.clock_tick_seconds is not None
    assert facts.loop is not None
    assert facts.loop.slowest_to_fastest >= 1
    assert all(set(warning) == {"code", "message", "advice"} for warning in document["warnings"])


def test_the_answer_comes_soon(monkeypatch: pytest.MonkeyPatch, environment: Environment) -> None:
    """One loop, whose time is limited, and NumPy alone: other libraries take seconds to import."""
    calls: list[object] = []

    def conditions(with_loop: bool) -> Conditions:
        calls.append(with_loop)
        return SOUND

    def facts(backends: list[Backend], threads: int) -> Environment:
        calls.append([backend.name for backend in backends])
        return environment

    monkeypatch.setattr(doctor, "conditions", conditions)
    monkeypatch.setattr(doctor, "environment", facts)
    assert doctor.doctor(1, silent).conditions == SOUND
    assert calls == [True, ["numpy"]]


def test_the_text_names_every_condition_and_ends_with_the_next_command(
    perceptron: Perceptron, environment: Environment
) -> None:
    """Each with what was found and a verdict, then what to type."""
    found = perceptron("doctor", "--threads", "1")
    lines = found.stdout.splitlines()
    for what, _, _ in diagnosis.cells(diagnose(environment, SOUND)):
        (line,) = (line for line in lines if line.startswith(what))
        assert line.rstrip().endswith(("fine", "caution", "not known"))
    assert found.returncode == (1 if "warning:" in found.stdout else 0)
    assert lines[-1] == "next:  perceptron bench --quick"


def test_each_verdict_is_that_of_its_condition(environment: Environment) -> None:
    """Every caution marks exactly one row, and what is not known is not called fine."""
    verdicts = {what: verdict for what, _, verdict in diagnosis.cells(diagnose(environment, TIRED))}
    assert {what for what, verdict in verdicts.items() if verdict == "caution"} == {
        "load, last minute",
        "power",
    }
    assert set(verdicts.values()) == {"caution", "fine"}
    unknown = diagnosis.cells(diagnose(environment, Conditions(), threads=9))
    verdicts = {what: verdict for what, _, verdict in unknown}
    assert verdicts["threads"] == "caution"
    assert verdicts["equal work, repeated"] == verdicts["frequency governor"] == "not known"


def test_every_caution_has_its_row(environment: Environment) -> None:
    """A warning about something that the table does not show would come from nowhere."""
    slow = msgspec.structs.replace(SOUND.gpus[0], slowed_by=["heat"])
    ill = msgspec.structs.replace(
        TIRED,
        governors=["powersave"],
        quota_cores=0.5,
        loop=msgspec.structs.replace(SOUND.loop, variation=0.5),
        steal_share=0.5,
        swapped_bytes=2**30,
        clock_tick_seconds=0.01,
        gpus=[slow],
    )
    pinned = msgspec.structs.replace(environment, variables={"OPENBLAS_CORETYPE": "Haswell"})
    found = diagnose(pinned, ill, threads=9)
    rows = diagnosis.cells(found)
    assert {verdict for _, _, verdict in rows} == {"caution"}
    assert len({warning.code for warning in found.warnings}) == len(rows)


@pytest.mark.parametrize(("conditions", "wrong"), [(SOUND, False), (TIRED, True)])
def test_the_exit_code_is_0_only_if_nothing_is_wrong(
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    conditions: Conditions,
    wrong: bool,
) -> None:
    """1 is the command's own bad news, after the document."""
    found = diagnose(environment, conditions)
    monkeypatch.setattr(doctor, "doctor", lambda threads, progress: found)
    if wrong:
        with pytest.raises(typer.Exit) as ended:
            command(json=True)
        assert ended.value.exit_code == 1
    else:
        command(json=True)
    assert len(json.loads(capsys.readouterr().out)["warnings"]) == 2 * wrong


@pytest.fixture
def measured(
    monkeypatch: pytest.MonkeyPatch, environment: Environment, row: MakeRow
) -> dict[str, object]:
    """A bench of one made-up row on a tired machine; how its conditions were asked for."""
    asked: dict[str, object] = {}

    def conditions(with_loop: bool) -> Conditions:
        asked["with_loop"] = with_loop
        return TIRED

    def run_tasks(tasks: object, journal: RunJournal, *_: object) -> None:
        asked["kept before the first row"] = load_conditions(journal.folder)
        journal.append(row(seconds=1e-6))

    monkeypatch.setattr(opening, "environment", lambda *_: environment)
    monkeypatch.setattr(opening, "conditions", conditions)
    monkeypatch.setattr(bench, "run_tasks", run_tasks)
    return asked


@pytest.mark.parametrize("quick", [False, True])
def test_bench_keeps_its_conditions_and_warns_of_them(
    measured: dict[str, object], tmp_path: Path, quick: bool
) -> None:
    """Once, before the first row, beside the rows; quick mode spares the loop."""
    plan = bench.BenchPlan(backends=("numpy",), threads=(2,), quick=quick)
    found = bench.bench(plan, "box", tmp_path, silent)
    assert measured["with_loop"] is not quick
    assert measured["kept before the first row"] == TIRED
    assert load_conditions(found.results) == TIRED
    assert [warning.code for warning in found.warnings] == ["other-load", "on-battery"]


def test_an_old_run_has_no_conditions(tmp_path: Path) -> None:
    """They are not known, which is no error; a file that is damaged is one."""
    assert load_conditions(tmp_path) is None
    (tmp_path / "conditions.json").write_text('{"load": "much"}')
    with pytest.raises(UserError, match=r"conditions\.json: not what a run writes: .*load"):
        load_conditions(tmp_path)
