"""Questions as a program asks them; what is measured is NumPy, and small."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
from msgspec.structs import replace

import perceptron
from perceptron import Advice, fastest
from perceptron.analysis.work import (
    CONTENDED,
    NO_START,
    NO_TIME,
    NO_WORD,
    ONE_REPEAT,
    MeasuredWork,
)
from perceptron.library_versions import versions_beneath
from perceptron.records.run import now
from perceptron.studies.fastest import here, measure
from perceptron.studies.fastest.cache import Attempt, KnownRow, load, update
from perceptron.studies.fastest.question import Question, work_of
from perceptron.studies.fastest.run_folders import changed_runs
from tests.conftest import ROOT
from tests.made_work import drawn, measured, rows_of_two, work

SHAPE: dict[str, Any] = {"rows": 1000, "features": 20, "epochs": 100, "threads": 1}
# Two that are here, whatever is installed.
TWO = ("numpy", "numpy-inplace")


def keep(cache: Path, seconds: dict[str, float], **fields: Any) -> None:
    """Have it known how long each backend takes for the shape."""
    libraries = fields.pop("libraries", None) or versions_beneath(())
    rows = [
        KnownRow(
            row=measured(work(), name, seconds=taken, **fields),
            dtype="float32",
            threads=1,
            libraries=libraries,
        )
        for name, taken in seconds.items()
    ]
    update(cache, lambda known: known.with_rows(rows))


@pytest.fixture
def no_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever measures fails."""

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("nothing should be measured")

    monkeypatch.setattr(measure, "measure", refuse)


@pytest.mark.usefixtures("no_measuring")
def test_without_anything_known_it_is_numpy_and_not_sure() -> None:
    advice = fastest(**SHAPE, measure="never")
    assert isinstance(advice, Advice)
    assert (advice.backend, advice.device) == ("numpy", "cpu")
    assert (advice.sure, advice.source, advice.seconds) == (False, "unknown", None)
    assert "nothing is known" in advice.why
    assert [one.backend for one in advice.candidates] == ["numpy", "torch-cpu", "torch-cuda"]
    assert fastest(**SHAPE, measure="never", among=TWO[::-1]).backend == "numpy"


def test_a_measurement_answers_and_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """In processes of its own; the next question of this shape measures nothing."""
    now = fastest(**SHAPE, measure="now", seconds=60, among=("numpy", "torch-xpu"))
    assert (now.backend, now.source, now.stale) == ("numpy", "measured", None)
    assert now.seconds is not None
    assert now.low is not None
    assert now.high is not None
    assert 0 <= now.low < now.seconds < now.high
    assert now.measured is not None
    assert now.candidates[1].reason

    monkeypatch.setattr(measure, "measure", None)
    again = fastest(**SHAPE, among=("numpy", "torch-xpu"))
    assert again == now
    ten_times = fastest(**SHAPE | {"epochs": 1000}, among=("numpy",))
    assert ten_times.seconds is not None
    assert ten_times.seconds > now.seconds


@pytest.mark.parametrize("disk", ["read-only", "full"])
def test_what_cannot_be_kept_answers_all_the_same(
    cache: Path, monkeypatch: pytest.MonkeyPatch, disk: str
) -> None:
    """In this process, without measuring again; a warning says that the next one starts anew."""
    if disk == "read-only":
        cache.parent.write_text("a file where the folder would be: root may write anywhere else")
    else:

        def full(*_: object) -> NoReturn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("perceptron.records.files.replace.replace", full)
    rows = [measured(work_of(work().shape, "float32"), name, seconds=2e-3) for name in TWO]
    monkeypatch.setattr(measure, "measure", lambda *_: rows)
    with pytest.warns(RuntimeWarning, match="nothing is kept"):
        advice = fastest(**SHAPE, among=TWO, measure="now")
    assert (advice.source, [one.reason for one in advice.candidates]) == ("measured", [None] * 2)
    monkeypatch.setattr(measure, "measure", None)
    assert fastest(**SHAPE, among=TWO) == advice


@pytest.mark.usefixtures("no_measuring")
@pytest.mark.filterwarnings("ignore:.*nothing is kept")
def test_results_answer_though_nothing_can_be_kept(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.parent.write_text("")
    run = tmp_path / "results" / "runs" / "box" / "1"
    run.mkdir(parents=True)
    (run / "measurements.jsonl").touch()
    row = measured(work(), seconds=2e-3)
    known = KnownRow(row=row, dtype="float32", threads=1, libraries={}, origin=str(run))
    monkeypatch.setattr("perceptron.studies.fastest.results.read_runs", lambda _: [known])
    for _ in range(2):
        assert fastest(**SHAPE, among=("numpy",), measure="never").source == "measured"


def test_one_that_refuses_the_kind_is_remembered_for_all_sizes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: dict[str, Any] = {"among": ("numpy-published",), "batch": 8, "seconds": 60}
    refused = fastest(**SHAPE, **asked, measure="now").candidates[0].reason
    assert refused is not None
    monkeypatch.setattr(measure, "measure", None)
    assert fastest(**SHAPE | {"rows": 555}, **asked).candidates[0].reason == refused


@pytest.mark.usefixtures("no_measuring")
def test_the_fastest_of_what_is_known_is_chosen(cache: Path) -> None:
    keep(cache, {"numpy": 2e-3, "numpy-inplace": 1e-3})
    advice = fastest(**SHAPE, among=TWO)
    assert (advice.backend, advice.sure, advice.source) == ("numpy-inplace", True, "measured")
    assert advice.seconds == pytest.approx(0.1)
    assert advice.measured == "2026-01-01T00:00:00Z"
    assert fastest(**SHAPE, among=TWO[:1]).backend == "numpy"


@pytest.mark.usefixtures("no_measuring")
def test_other_threads_and_another_dtype_are_not_known(cache: Path) -> None:
    keep(cache, {"numpy": 2e-3})
    for other in ({"dtype": "float64"}, {"threads": 2}):
        assert fastest(**SHAPE | other, measure="never", among=TWO).source == "unknown"


def test_a_shape_near_those_measured_is_estimated(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The curve is fitted once, and is there for the next question."""
    monkeypatch.setattr(measure, "measure", None)
    rows = [
        KnownRow(
            row=replace(row, backend={"torch-cpu": "numpy-inplace"}.get(row.backend, "numpy")),
            dtype="float32",
            threads=1,
            libraries=versions_beneath(()),
        )
        for row in rows_of_two(60)
    ]
    update(cache, lambda known: known.with_rows(rows))
    advice = fastest(rows=60, features=3, hidden=(9,), threads=1, epochs=100, among=TWO)
    assert (advice.backend, advice.source) == ("numpy", "estimated")
    assert "estimated" in advice.why
    monkeypatch.setattr("perceptron.studies.fastest.answer.fit", None)
    advice = fastest(rows=900, features=300, hidden=(300, 300), threads=1, epochs=100, among=TWO)
    assert (advice.backend, advice.source) == ("numpy-inplace", "estimated")


@pytest.mark.usefixtures("no_measuring")
def test_a_run_that_was_removed_answers_no_more(cache: Path, tmp_path: Path) -> None:
    run = tmp_path / "results" / "runs" / "box" / "1"
    run.mkdir(parents=True)
    (run / "measurements.jsonl").touch()
    keep(cache, {"numpy": 2e-3})
    stamps = changed_runs(tmp_path / "results", {})
    rows = [replace(known, origin=str(run)) for known in load(cache).rows]
    update(cache, lambda known: replace(known, rows=(), runs={}).with_rows(rows, stamps))
    asked = {**SHAPE, "among": TWO[:1], "measure": "never", "results": tmp_path / "results"}
    assert fastest(**asked).source == "measured"
    shutil.rmtree(run)
    assert fastest(**asked).source == "unknown"
    assert load(cache).runs == {}


def test_other_libraries_make_it_stale_and_it_is_measured_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(cache, {"numpy": 2e-3}, libraries={"numpy": "1.0"})
    today = versions_beneath(())["numpy"]
    never = fastest(**SHAPE, among=("numpy",), measure="never")
    assert never.stale == f"measured with other libraries: numpy 1.0 → {today}"
    assert never.backend == "numpy"
    assert never.seconds == pytest.approx(0.2)
    fresh = measured(work_of(work().shape, "float32"), seconds=3e-3, when="2026-02-02")
    monkeypatch.setattr(measure, "measure", lambda *_: [fresh])
    cached = fastest(**SHAPE, among=("numpy",))
    assert cached.stale is None
    assert cached.seconds == pytest.approx(0.3)
    # Where nothing can be measured, the old answer is still one.
    keep(cache, {"numpy": 2e-3}, libraries={"numpy": "1.0"}, when="2026-03-03")
    monkeypatch.setattr(measure, "measure", lambda *_: [])
    assert fastest(**SHAPE, among=("numpy",)).stale is not None


@pytest.mark.usefixtures("no_measuring")
def test_a_broken_backend_is_a_candidate_with_a_reason(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(cache, {"numpy": 2e-3})

    def broken(*_: object, **__: object) -> NoReturn:
        raise OSError("no processes left")

    monkeypatch.setattr(here.subprocess, "run", broken)
    advice = fastest(**SHAPE, among=("numpy", "torch-cuda"))
    assert advice.backend == "numpy"
    assert "did not answer" in (advice.candidates[1].reason or "")


def test_processes_that_ask_at_once_measure_once(cache: Path) -> None:
    """Those that wait for their turn find the answer of the first."""
    code = (
        "import sys, perceptron;"
        "a = perceptron.fastest(rows=1000, features=20, threads=1, seconds=100, among=('numpy',));"
        "print(a.measured, a.seconds)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-c", code]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    answers = {process.communicate()[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0]
    assert len(answers) == 1
    assert len(load(cache).rows) == 1


def test_an_answer_from_the_cache_imports_no_framework(cache: Path) -> None:
    """Nor what only tables and fits need; a first question in a fresh process."""
    keep(cache, {"numpy": 2e-3, "torch-cpu": 1e-3})
    fastest(**SHAPE, among=("numpy", "torch-cpu"), measure="never")  # who can run is known too
    code = (
        "import sys, json; from perceptron import fastest;"
        "advice = fastest(rows=1000, features=20, threads=1, among=('numpy', 'torch-cpu'));"
        "print(json.dumps([advice.backend, advice.source, sorted(sys.modules)]))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    backend, source, modules = json.loads(process.stdout)
    assert source == "measured"
    assert backend in ("numpy", "torch-cpu")
    heavy = {"torch", "jax", "numba", "scipy", "pandas", "cupy", "cpuinfo", "filelock"}
    assert heavy.isdisjoint(modules)


def test_what_programs_use_is_offered() -> None:
    assert {"fastest", "Advice"} <= set(perceptron.__all__)
    with pytest.raises(AttributeError):
        perceptron.slowest  # noqa: B018


def given_up(reason: str, asked: list[tuple[list[str], float]]) -> Any:
    """Stand in for measuring: note who was to be measured within how long, and give up."""

    def measure_in_vain(
        question: Question, names: list[str], _: object, seconds: float
    ) -> list[MeasuredWork]:
        asked.append((list(names), seconds))
        return [measured(question.work, name, reason=reason) for name in names]

    return measure_in_vain


@pytest.mark.parametrize("reason", [NO_START, NO_TIME])
def test_what_was_given_up_is_told_and_not_begun_again_for_a_while(
    monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    asked: list[tuple[list[str], float]] = []
    monkeypatch.setattr(measure, "measure", given_up(reason, asked))
    for _ in range(2):
        advice = fastest(**SHAPE, among=TWO)
        assert [one.reason for one in advice.candidates] == [reason, reason]
        assert not advice.sure
        assert len(asked) == 1
    # One that did not start does not for another shape either.
    fastest(**SHAPE | {"rows": 555}, among=TWO)
    assert len(asked) == (1 if reason == NO_START else 2)
    # Who has more time, or insists, may try; and an hour later so may all.
    fastest(**SHAPE, among=TWO, seconds=50)
    fastest(**SHAPE, among=TWO, measure="now")
    begun = len(asked)
    fastest(**SHAPE, among=TWO, seconds=4)
    assert len(asked) == begun
    monkeypatch.setattr("perceptron.studies.fastest.cache._ATTEMPT_LASTS", -1.0)
    fastest(**SHAPE, among=TWO)
    assert len(asked) == begun + 1


def test_what_was_given_up_once_may_be_estimated(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is told of the estimate, which is not sure."""
    rows = [row for row in rows_of_two(40) if row.backend == "numpy"]
    libraries = versions_beneath(())
    known = [KnownRow(row=row, dtype="float32", threads=1, libraries=libraries) for row in rows]
    update(cache, lambda kept: kept.with_rows(known))
    monkeypatch.setattr(measure, "measure", given_up(NO_START, []))
    advice = fastest(rows=10**7, features=4000, threads=1, among=("numpy",))
    assert (advice.source, advice.sure) == ("estimated", False)
    assert advice.why.endswith(f"not sure: numpy {NO_START}")


def test_a_backend_that_does_not_say_in_time_whether_it_runs_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    keep(cache, {"numpy": 2e-3})
    waited: list[float] = []

    def never_ends(*_: object, timeout: float, **__: object) -> NoReturn:
        waited.append(timeout)
        raise subprocess.TimeoutExpired("", timeout)

    monkeypatch.setattr(here.subprocess, "run", never_ends)
    for _ in range(2):
        advice = fastest(**SHAPE, among=("numpy", "torch-cuda"), seconds=3)
        assert advice.candidates[1].reason == NO_WORD
        assert not advice.sure
        assert "nothing is known of torch-cuda" in advice.why
    assert len(waited) == 1
    assert waited[0] < 3


def test_measuring_gets_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the seconds of the question: asking who can run here has taken some."""
    asked: list[tuple[list[str], float]] = []
    monkeypatch.setattr(measure, "measure", given_up(NO_TIME, asked))
    clock = [0.0]
    monkeypatch.setattr("perceptron.studies.fastest.answer.monotonic", lambda: clock[0])

    def slow(*_: object, **__: object) -> NoReturn:
        clock[0] += 4.0
        raise OSError("no processes left")

    monkeypatch.setattr(here.subprocess, "run", slow)
    fastest(**SHAPE, among=("numpy", "torch-cuda"), measure="now", seconds=10)
    assert asked == [(["numpy"], 6.0)]
    fastest(**SHAPE, among=("numpy", "torch-cuda"), measure="now", seconds=4)
    assert len(asked) == 1


def test_a_refusal_by_other_libraries_is_asked_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: dict[str, Any] = {"reason": "no", "refused": True}
    row = measured(work(), "numpy-inplace", **refused)
    known = KnownRow(row=row, dtype="float32", threads=1, libraries={"numpy": "1.0"})
    keep(cache, {"numpy": 2e-3})
    update(cache, lambda kept: kept.with_rows([known]))
    fresh = measured(work(), "numpy-inplace", seconds=1e-3, when="2026-02-02")
    monkeypatch.setattr(measure, "measure", lambda *_: [fresh])
    assert fastest(**SHAPE, among=TWO, measure="never").backend == "numpy"
    assert fastest(**SHAPE, among=TWO).backend == "numpy-inplace"


def test_an_estimate_that_leaves_much_open_is_measured(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whose shape is near, but whose times vary as nothing explains."""
    rows = [
        KnownRow(
            row=measured(drawn(seed), name, seconds=1e-3 * 3 ** ((seed % 2) * sign)),
            dtype="float32",
            threads=1,
            libraries=versions_beneath(()),
        )
        for seed in range(40)
        for name, sign in (("numpy", 1), ("numpy-inplace", -1))
    ]
    update(cache, lambda kept: kept.with_rows(rows))
    asked: list[tuple[list[str], float]] = []
    monkeypatch.setattr(measure, "measure", given_up(NO_TIME, asked))
    asked_about: dict[str, Any] = {"rows": 1000, "features": 20, "batch": 64, "threads": 1}
    near = fastest(**asked_about, among=TWO, measure="never")
    assert [one.reason for one in near.candidates] == [None, None]
    fastest(**asked_about, among=TWO)
    assert [sorted(names) for names, _ in asked] == [sorted(TWO)]


def test_the_most_promising_is_measured_first(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be no time for all: those of which nothing is known come last."""
    keep(cache, {"numpy": 2e-3, "numpy-inplace": 1e-3})
    asked: list[tuple[list[str], float]] = []
    monkeypatch.setattr(measure, "measure", given_up(NO_TIME, asked))
    fastest(**SHAPE, among=("numpy-one-by-one", *TWO), measure="now")
    assert asked[0][0] == ["numpy-inplace", "numpy", "numpy-one-by-one"]


def test_an_answer_that_is_known_imports_no_scipy(cache: Path) -> None:
    """Though one of the backends was given up, of which no row can tell more."""
    keep(cache, {"numpy": 2e-3})
    others = [
        KnownRow(row=row, dtype="float32", threads=1, libraries={})
        for row in rows_of_two(20)
        if row.backend == "numpy"
    ]
    update(cache, lambda known: known.with_rows(others))
    update(
        cache,
        lambda known: known.with_attempts(
            [
                Attempt(
                    backend="torch-cpu",
                    dtype="float32",
                    threads=1,
                    shape=None,
                    seconds=5.0,
                    reason=NO_START,
                    when=now(),
                )
            ]
        ),
    )
    code = (
        "import sys; from perceptron import fastest;"
        "advice = fastest(rows=1000, features=20, threads=1, among=('numpy', 'torch-cpu'));"
        "print(advice.source, 'scipy' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert process.stdout == "measured False\n"


BUSY: dict[str, Any] = {"low": 0.0, "doubt": CONTENDED}


def test_contended_times_decide_nothing_and_an_idle_machine_heals_them(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(cache, {"numpy": 1e-3, "numpy-inplace": 2.24}, **BUSY)
    never = fastest(**SHAPE, among=TWO, measure="never")
    assert (never.sure, never.low) == (False, 0.0)
    assert "contended" in never.why
    fresh = [
        measured(work(), name, seconds=taken) for name, taken in zip(TWO, (2e-3, 1e-3), strict=True)
    ]
    monkeypatch.setattr(measure, "measure", lambda *_: fresh)
    now = fastest(**SHAPE, among=TWO, measure="now")
    assert (now.backend, now.sure) == ("numpy-inplace", True)
    # What a busy machine measures later changes nothing.
    busy = [measured(work(), name, seconds=1.0, when="2027-01-01", **BUSY) for name in TWO]
    monkeypatch.setattr(measure, "measure", lambda *_: busy)
    assert fastest(**SHAPE, among=TWO, measure="now") == now
    assert [known.row for known in load(cache).rows] == fresh


def test_a_busy_machine_is_not_measured_on_at_every_question(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(cache, {"numpy": 1e-3, "numpy-inplace": 2.24}, **BUSY)
    asked: list[list[str]] = []

    def measure_busily(question: Question, names: list[str], *_: object) -> list[MeasuredWork]:
        asked.append(list(names))
        return [measured(question.work, name, seconds=1.0, **BUSY) for name in names]

    monkeypatch.setattr(measure, "measure", measure_busily)
    for _ in range(2):
        assert not fastest(**SHAPE, among=TWO).sure
    assert [sorted(names) for names in asked] == [sorted(TWO)]


@pytest.mark.usefixtures("no_measuring")
def test_one_repeat_decides_nothing_and_is_an_answer(cache: Path) -> None:
    keep(cache, {"numpy": 1e-3, "numpy-inplace": 2.24}, doubt=ONE_REPEAT)
    advice = fastest(**SHAPE, among=TWO)
    assert (advice.backend, advice.sure, advice.source) == ("numpy", False, "measured")
    assert "one repeat" in advice.why


@pytest.mark.usefixtures("no_measuring")
def test_a_backend_that_refuses_the_training_is_not_named() -> None:
    """Though nothing was measured: it says so itself."""
    asked: dict[str, Any] = {**SHAPE, "optimizer": "adamw"}
    advice = fastest(**asked, among=("numba",), measure="now")
    assert (advice.backend, advice.seconds, advice.sure) == ("", None, False)
    assert "numba: trains by sgd only, not by adamw" in advice.why
    assert fastest(**asked, among=("numba", "numpy"), measure="never").backend == "numpy"


@pytest.mark.usefixtures("no_measuring")
def test_more_threads_than_cores_are_not_measured(cache: Path) -> None:
    advice = fastest(**SHAPE | {"threads": 9999}, among=TWO, measure="now")
    assert (advice.backend, advice.seconds, advice.sure) == ("", None, False)
    assert "nothing was measured with 9999 threads, more than the" in advice.why
