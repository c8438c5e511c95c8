"""Failures of `perceptron.fastest`: backends that hang or fail, too little time, a bad disk."""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron import fastest
from perceptron.questions.fastest.cache import Known, update
from perceptron.questions.fastest.measured_shape import NOT_STARTED
from perceptron.records.run import now
from tests.conftest import install_backend
from tests.questions.fastest.conftest import AMPLE, keep

pytestmark = pytest.mark.usefixtures("one_process")
SHAPE: dict[str, Any] = {"rows": 1000, "features": 20, "threads": 1}
HANGS = "import time\ntime.sleep(1e6)\n"
WORKS = """
from perceptron.backends.numpy_backend import NumpyBackend

class Backend(NumpyBackend):
    name = "foreign"
"""


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The module of a backend that another package installs as ``foreign``."""
    site = tmp_path / "site"
    install_backend(site, "foreign", "foreign_backend:Backend")
    monkeypatch.syspath_prepend(str(site))
    paths = [str(site), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    return site / "foreign_backend.py"


def test_given_up_backend_is_retried_after_a_minute(foreign: Path, cache: Path) -> None:
    """A call with more seconds retries at once."""
    question: dict[str, Any] = {**SHAPE, "among": ("foreign",)}
    foreign.write_text(HANGS)
    first = fastest(**question, seconds=1)
    assert first.candidates[0].reason in NOT_STARTED
    assert not first.decided
    assert "remembered" not in first.why
    foreign.write_text(WORKS)
    second = fastest(**question, seconds=1)
    assert second.candidates == first.candidates
    (since,) = re.findall(
        r"remembered from (\S+) .* measure=\"now\" or more than seconds=1 ", second.why
    )
    assert since <= now()

    def given(seconds: float, ago: timedelta) -> None:
        when = (datetime.now(UTC) - ago).strftime("%Y-%m-%dT%H:%M:%SZ")

        def change(known: Known) -> Known:
            attempts = (replace(attempt, seconds=seconds, when=when) for attempt in known.attempts)
            return replace(known, attempts=tuple(attempts))

        update(cache, change)

    given(AMPLE, timedelta(seconds=30))
    assert fastest(**question, seconds=AMPLE).candidates == first.candidates
    other = fastest(**question | {"features": 21}, seconds=AMPLE)
    assert other.source == "measured", "a busy minute says nothing of another training"
    assert "remembered" not in other.why
    given(AMPLE, timedelta(seconds=62))
    assert fastest(**question, seconds=AMPLE).source == "measured"


BROKEN = {
    "cannot be imported": ("import no_such_module", "no_such_module"),
    "ends its process": ("import os\nos._exit(3)", "did not answer"),
    "cannot be asked": (
        f"{WORKS}\n    def unavailable(self):\n        raise OSError('no driver')",
        "no driver",
    ),
}


@pytest.mark.parametrize(("text", "reason"), BROKEN.values(), ids=BROKEN)
def test_given_up_broken_backend_is_named_with_reason(
    foreign: Path, cache: Path, text: str, reason: str
) -> None:
    """And takes nothing from what is known of another."""
    keep(cache, {"numpy": 2e-3})
    foreign.write_text(text)
    advice = fastest(**SHAPE, among=("numpy", "foreign"), seconds=AMPLE)
    assert (advice.backend, advice.source) == ("numpy", "measured")
    assert advice.candidates[1].backend == "foreign"
    assert reason in str(advice.candidates[1].reason)


@contextmanager
def full() -> Iterator[None]:
    """No file may grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A file lies where the folder would be: root may write anywhere else."""
    folder.write_text("")
    yield


@pytest.mark.parametrize("disk", ["full", "read-only"])
def test_fastest_answers_when_cache_is_not_writable(cache: Path, disk: str) -> None:
    """And in this process once only: the next question measures nothing."""
    question: dict[str, Any] = {**SHAPE, "among": ("numpy",)}
    with full() if disk == "full" else read_only(cache.parent):
        with pytest.warns(RuntimeWarning, match="nothing is kept"):
            advice = fastest(**question, measure="now", seconds=AMPLE)
        assert advice.source == "measured"
        assert fastest(**question).seconds == advice.seconds
    assert not cache.exists()
