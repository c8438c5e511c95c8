"""Questions as a program asks them; what is measured is NumPy, and small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron import Advice, fastest
from perceptron.questions.fastest.cache import Attempt, alike, load, update
from perceptron.questions.fastest.judge import NOT_KNOWN
from perceptron.questions.fastest.measured_shape import CONTENDED, NO_START
from perceptron.records.run import now
from tests.made_shapes import measured, shape
from tests.questions.conftest import Lab
from tests.questions.fastest.conftest import AMPLE, keep, remember

SHAPE: dict[str, Any] = {"rows": 1000, "features": 20, "epochs": 100, "threads": 1}
# Two that are here, whatever is installed.
TWO = ("numpy", "numpy-inplace")


def test_fastest_without_cache_is_numpy_and_undecided() -> None:
    advice = fastest(**SHAPE, measure="never")
    assert isinstance(advice, Advice)
    assert (advice.backend, advice.device) == ("numpy", "cpu")
    assert (advice.decided, advice.source, advice.seconds) == (False, "unknown", None)
    assert "nothing is known" in advice.why
    assert [candidate.backend for candidate in advice.candidates] == [
        "numpy",
        "torch-cpu",
        "torch-cuda",
    ]
    assert fastest(**SHAPE, measure="never", among=TWO[::-1]).backend == "numpy"


def test_fastest_measures_and_caches_answer() -> None:
    """In processes of its own; the next question of this shape measures nothing."""
    now = fastest(**SHAPE, measure="now", seconds=AMPLE, among=("numpy", "torch-xpu"))
    assert (now.backend, now.source, now.stale) == ("numpy", "measured", None)
    assert now.seconds is not None
    assert now.low is not None
    assert now.high is not None
    assert 0 <= now.low < now.seconds < now.high
    assert now.measured is not None
    assert now.candidates[1].reason

    again = fastest(**SHAPE, among=("numpy", "torch-xpu"))
    assert "measured now" in now.why
    assert again == replace(now, why=again.why)
    ten_times = fastest(**SHAPE | {"epochs": 1000}, among=("numpy",))
    assert ten_times.seconds is not None
    assert ten_times.seconds > now.seconds


@pytest.mark.parametrize("backend", ["numpy-inplace", "torch-cpu-manual", "torch-cpu-functional"])
def test_fastest_does_not_pick_single_model_backend_for_several(backend: str) -> None:
    advice = fastest(**SHAPE, models=10, measure="never", among=(backend, "torch-xpu"))
    assert (advice.backend, advice.decided) == ("", False)
    assert "trains one model at a time" in advice.why or "not installed" in advice.why


def test_fastest_cache_misses_other_threads_and_dtype(cache: Path) -> None:
    keep(cache, {"numpy": 2e-3})
    for other in ({"dtype": "float64"}, {"threads": 2}):
        assert fastest(**SHAPE | other, measure="never", among=TWO).source == "unknown"


def test_fastest_ignores_times_of_other_shapes(cache: Path, lab: Lab) -> None:
    """However near and however many: never says unknown, and cached measures."""
    rows = [measured(shape(rows=rows), name) for name in TWO for rows in range(990, 1000)]
    remember(cache, rows)
    never = fastest(**SHAPE, measure="never", among=TWO)
    assert (never.source, never.seconds, never.decided) == ("unknown", None, False)
    assert [candidate.reason for candidate in never.candidates] == [NOT_KNOWN, NOT_KNOWN]
    lab.seconds = lambda backend, problem: {"numpy": 2e-3, "numpy-inplace": 1e-3}[backend]
    cached = fastest(**SHAPE, among=TWO, seconds=60)
    assert (cached.backend, cached.source) == ("numpy-inplace", "measured")


def test_fastest_tie_needs_times_side_by_side(lab: Lab) -> None:
    lab.seconds = lambda backend, problem: {"numpy": 1e-3, "numpy-inplace": 1.02e-3}[backend]
    question: dict[str, Any] = {**SHAPE, "seconds": 60}
    for name in TWO:
        fastest(**question, among=(name,))
    apart = fastest(**question, among=TWO)
    assert (apart.decided, apart.ties, apart.open) == (False, (), ("numpy-inplace",))
    assert apart.candidates[1].doubt == "not side by side"
    together = fastest(**question, among=TWO, measure="now")
    assert (together.decided, together.ties) == (True, ("numpy-inplace",))


def test_fastest_answer_is_stale_after_library_change(cache: Path) -> None:
    """It is still an answer."""
    remember(cache, [measured(shape(), seconds=2e-3)], {"numpy": "1.0"})
    advice = fastest(**SHAPE, among=("numpy",), measure="never")
    assert advice.stale is not None
    assert "numpy 1.0" in advice.stale
    assert advice.seconds == pytest.approx(0.2)


def test_now_measures_or_says_that_the_machine_was_too_contended_to(cache: Path, lab: Lab) -> None:
    """An earlier time is no answer of now, though it is the better one."""
    keep(cache, {"numpy": 2e-3})
    question: dict[str, Any] = {**SHAPE, "among": ("numpy",), "measure": "now", "seconds": 60}
    lab.seconds, lab.waited = (lambda backend, problem: 3e-3), 0.9
    busy = fastest(**question)
    assert busy.seconds == pytest.approx(0.2)
    assert f"numpy was not measured now ({CONTENDED})" in busy.why
    assert "2026-01-01T00:00:00Z" in busy.why, "when its time was measured"
    lab.waited = 0.0
    idle = fastest(**question)
    assert idle.seconds == pytest.approx(0.3, rel=0.01)
    assert "not measured now" not in idle.why
    lab.waited, lab.seconds = 0.9, (lambda backend, problem: 4e-3)
    first = fastest(**question | {"features": 21})
    assert first.seconds == pytest.approx(0.4, rel=0.01)
    assert not first.decided
    assert "not measured now" not in first.why, "it was, and nothing better is known"


def test_processes_that_ask_at_once_measure_once(cache: Path) -> None:
    """Those that wait for their turn find the answer of the first."""
    code = (
        "import sys, perceptron;"
        "a = perceptron.fastest(rows=1000, features=20, threads=1, seconds=600, among=('numpy',));"
        "print(a.measured, a.seconds)"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = {process.communicate()[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0]
    assert len(answers) == 1
    assert len(load(cache).rows) == 1


def test_fastest_from_cache_imports_no_framework(cache: Path) -> None:
    """Nor what only tables and fits need, though one backend was given up."""
    keep(cache, {"numpy": 2e-3})
    given_up = Attempt(
        backend="torch-cpu",
        shape=shape(),
        comparison_key=alike("float32", 1),
        seconds=5.0,
        reason=NO_START,
        when=now(),
    )
    update(cache, lambda known: known.with_attempts([given_up]))
    fastest(**SHAPE, among=("numpy", "torch-cpu"), measure="never")  # who can run is known too
    code = (
        "import sys, json; from perceptron import fastest;"
        "advice = fastest(rows=1000, features=20, threads=1, among=('numpy', 'torch-cpu'));"
        "print(json.dumps([advice.source, sorted(sys.modules)]))"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    source, modules = json.loads(process.stdout)
    assert source == "measured"
    heavy = {"torch", "jax", "numba", "scipy", "pandas", "cupy", "filelock"}
    assert heavy.isdisjoint(modules)
