"""Which other runs answer with a run: read from stores on disk, by commands and by pages alike."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from perceptron.questions.answering import answer_run, collect
from perceptron.questions.other_sessions import read_session, starts
from perceptron.questions.shared.published import FAMILY
from perceptron.records.measurement import Measurement
from perceptron.records.race import Target
from perceptron.records.readers.stored_runs import LoadedRun, read_results, read_run
from perceptron.report.dashboard.write import write_site
from tests.made import (
    BENCH,
    FACTS,
    MAP,
    bench_rows,
    keep,
    keep_race,
    map_rows,
    measured,
    race_rows,
)
from tests.report.reading import text_of

FIRST, SECOND, THIRD = (f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3))


def change(run: Path, **fields: Any) -> None:
    """Change what run.json says."""
    file = run / "run.json"
    file.write_bytes(msgspec.json.encode(msgspec.json.decode(file.read_bytes()) | fields))


def defined(digest: str) -> list[Measurement]:
    return [replace(row, problem_digest=digest) for row in bench_rows()]


def digits(milliseconds: dict[str, float]) -> list[Measurement]:
    about = {"family": "digits", "problem": "digits", "size": 1, "waited": 0.0}
    return [
        measured(
            **about, backend=name, repeat=repeat, seconds=1e-3 * millisecond * (1 + 0.001 * repeat)
        )
        for name, millisecond in milliseconds.items()
        for repeat in range(5)
    ]


def test_rows_of_the_other_sessions_join_each_marked_with_its_own(tmp_path: Path) -> None:
    """The same ones for a command as for the pages, which read each run once."""
    keep(tmp_path, BENCH, bench_rows())
    keep(tmp_path, BENCH, bench_rows(), started=SECOND)
    newest = keep(tmp_path, BENCH, bench_rows(), started=THIRD)
    loaded = read_session(newest)
    assert {row.session for row in loaded.times} == {THIRD}
    assert starts(loaded) == {FIRST, SECOND, THIRD}
    own = [row for row in loaded.times if row.status == "ok"]
    for session in (FIRST, SECOND):
        theirs = [row for row in loaded.others if row.session == session]
        assert theirs == [replace(row, session=session, when=session) for row in own]
    assert len(read_results(tmp_path).whole) == 3, "numbers stay, and none is read again"
    (shown,) = collect(tmp_path).studies["bench"]
    assert shown.run.others == loaded.others


@pytest.mark.parametrize(
    ("fields", "run"),
    [
        pytest.param({"commit": "def"}, {}, id="commit"),
        pytest.param({"facts": replace(FACTS, cores=64)}, {}, id="environment"),
        pytest.param({"machine": "bus", "folder": "bus"}, {}, id="machine"),
        pytest.param({"plan": BENCH | {"contents": {"a.toml": "1a2b"}}}, {}, id="file"),
        pytest.param(
            {"rows": [replace(row, dtype="float64") for row in bench_rows()]}, {}, id="dtype"
        ),
        pytest.param({"rows": [replace(row, threads=1) for row in bench_rows()]}, {}, id="threads"),
        pytest.param({"rows": defined("another")}, {}, id="definition"),
        pytest.param({}, {"commit": "abc", "code": "another"}, id="code"),
        pytest.param({}, {"commit": None, "code": None}, id="code unknown"),
    ],
)
def test_sessions_join_no_run_of_something_else(
    tmp_path: Path, fields: dict[str, Any], run: dict[str, Any]
) -> None:
    usual: dict[str, Any] = {"plan": BENCH, "rows": defined("one"), "started": FIRST}
    newest = keep(tmp_path, BENCH, defined("one"), started=SECOND)
    if run:
        change(newest, **run | {"code": run["code"] and "ours"})
    change(keep(tmp_path, **usual | fields), **run)
    assert read_session(newest).others == []
    every = collect(tmp_path).studies["bench"]
    assert all(answered.run.others == [] for answered in every)


def test_another_commit_joins_where_the_code_that_measures_is_the_same(tmp_path: Path) -> None:
    """Words of an answer change from commit to commit: they cost nobody his sessions."""
    newest = keep(tmp_path, BENCH, bench_rows(), started=SECOND, commit="def")
    for run in (newest, keep(tmp_path, BENCH, bench_rows())):
        change(run, code="0123456789ab")
    assert starts(read_session(newest)) == {FIRST, SECOND}


def test_sessions_join_same_trainings_of_another_question(tmp_path: Path) -> None:
    """A search of the family that a main job measured; what only the other asked does not."""
    keep(tmp_path, BENCH, bench_rows("mlp-width"))
    other = [row for row in bench_rows("mlp-width") if row.family == "mlp-width"]
    plan = {"study": "crossover", "families": ["mlp-width"]}
    newest = keep(tmp_path, plan, other, started=SECOND)
    assert {row.family for row in read_session(newest).others} == {"mlp-width"}


def test_sessions_join_quick_and_cut_short_runs(tmp_path: Path) -> None:
    """As rows of files do: what they measured counts by its own interval."""
    keep(tmp_path, BENCH | {"quick": True}, bench_rows(), finished=False)
    newest = keep(tmp_path, BENCH, bench_rows(), started=SECOND)
    assert starts(read_session(newest)) == {FIRST, SECOND}


def test_sessions_do_not_join_training_with_ladder_step(tmp_path: Path) -> None:
    steps = [replace(row, iterations=None) for row in bench_rows() if row.family == FAMILY]
    keep(tmp_path, {"study": "overhead", "problem": FAMILY, "threads": 2}, steps)
    newest = keep(tmp_path, BENCH, bench_rows(), started=SECOND)
    assert read_session(newest).others == []


def test_races_to_one_target_join_and_no_others(tmp_path: Path) -> None:
    keep_race(tmp_path, race_rows())
    late = [replace(row, target=Target("accuracy", 0.9)) for row in race_rows()]
    keep_race(tmp_path, late, started=SECOND)
    keep(tmp_path, BENCH, bench_rows(), started="2026-01-02T12:00:00Z")
    newest = keep_race(tmp_path, race_rows(), started=THIRD)
    loaded = read_session(newest)
    assert starts(loaded) == {FIRST, THIRD}
    assert {row.backend for row in loaded.other_races} == {"numpy", "torch-cpu"}
    answer = answer_run(loaded).answer
    assert {verdict.heading for verdict in answer.verdicts} == {
        "box, 2 threads, float32; intervals span 2 sessions"
    }


def test_sessions_newer_partial_run_removes_no_rows(tmp_path: Path) -> None:
    """A backend failed there: what the older one says of it stands, and what threads it had."""
    first = keep(tmp_path, BENCH, bench_rows())
    without = [row for row in bench_rows() if row.backend != "torch-cpu" and row.threads == 2]
    keep(tmp_path, BENCH, without, started=SECOND)
    assert len(read_session(first).others) > 0

    def doubtful_rows(loaded: LoadedRun) -> list[tuple[str, str, str]]:
        verdicts = answer_run(loaded).answer.verdicts
        return [(verdict.subject, verdict.decided, verdict.sentence) for verdict in verdicts]

    assert doubtful_rows(read_session(first)) == doubtful_rows(read_run(first))


def test_sessions_join_per_thread_count(tmp_path: Path) -> None:
    one = [replace(row, threads=1) for row in digits({"numpy": 1, "torch-cpu": 2})]
    two = [replace(row, threads=2) for row in digits({"numpy": 2, "torch-cpu": 1})]
    plan = BENCH | {"single": ["digits"], "backends": ["numpy", "torch-cpu"]}
    first = keep(tmp_path, plan, [*one, *two])
    keep(tmp_path, plan, two, started=SECOND)
    verdicts = answer_run(read_session(first)).answer.verdicts
    assert [(verdict.decided, verdict.sentence.partition(" ")[0]) for verdict in verdicts] == [
        ("yes", "torch-cpu"),
        ("yes", "numpy"),
    ]


def test_sessions_of_same_second_count_once(tmp_path: Path) -> None:
    """Together they would hold each process twice."""
    newest = keep(tmp_path, BENCH, bench_rows(), started=SECOND)
    first = keep(tmp_path, BENCH, bench_rows())
    copytree(first, first.with_name(f"{first.name}-2"))
    others = read_session(newest).others
    assert len(others) == sum(row.status == "ok" for row in bench_rows())


def test_sessions_damaged_rows_cost_no_answer(tmp_path: Path) -> None:
    newest = keep(tmp_path, BENCH, bench_rows(), started=SECOND)
    file = keep(tmp_path, BENCH, bench_rows()) / "measurements.jsonl"
    file.write_bytes(b"\xff{nothing}\n" + file.read_bytes()[:-10])
    others = read_session(newest).others
    assert 0 < len(others) < len(bench_rows())
    file.unlink()
    assert read_session(newest).others == []


def test_sessions_page_counts_runs_that_answer(
    tmp_path: Path,
) -> None:
    keep(tmp_path / "results", BENCH, bench_rows(), commit="old")
    keep(tmp_path / "results", BENCH, bench_rows(), started=SECOND)
    keep(tmp_path / "results", BENCH, bench_rows(), started=THIRD)
    for day in (4, 5):
        about = {"started": f"2026-01-0{day}T00:00:00Z", "commit": str(day)}
        keep_race(tmp_path / "results", race_rows(day), **about)
        keep(tmp_path / "results", MAP, map_rows(), started=f"2026-01-1{day}T00:00:00Z")
    collection = collect(tmp_path / "results")
    assert [collection.older[name] for name in ("bench", "map", "race")] == [1, 0, 1]
    write_site(tmp_path / "html", collection)
    files = (tmp_path / "html" / "data" / "crossover").glob("*.js")
    assert any("2 runs answer together" in file.read_text() for file in files)
    assert "1 older one is in the raw data" in text_of(tmp_path / "html" / "race.html")
