"""What the tests of pytest give: each one's measurement."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from .awaiting import is_async, run_with_break
from .pytest_collection import has_fixture, mark
from .pytest_fixture import Benchmark, StatisticsAsked
from .session import Job, Measuring, Refused, Session, ended_by, on_one_line, one_line
from .timing import Batches

# As asv, before it takes its first sample.
_WARM_UP_SECONDS = 0.1


class Measurements:
    """A plug-in that measures what tests hand to their ``benchmark`` fixture, instead of their own.

    Each test answers one of the tasks; ``answered`` are the ids of those that have.
    """

    def __init__(self, session: Session, tasks: list[Job]) -> None:
        self._session = session
        self._tasks = {task["id"]: task for task in tasks}
        self._body: Callable[..., Any] | None = None
        self._collected: set[str] = set()
        self._broken: list[tuple[BaseException, str]] = []
        self._reading = Measuring()
        self._measured: Job = {}
        self._measured_seconds = 0.0
        self.answered: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: Any) -> None:
        """Register last: so this fixture is the one that tests get."""
        session.config.pluginmanager.register(_Fixtures(self._fixture), "perceptron-benchmark")

    def pytest_collection_finish(self, session: Any) -> None:
        """Keep which tests there are."""
        self._collected = {item.nodeid for item in session.items}

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self) -> tuple[str, str, str]:
        """Print no letters: what a process printed last is why it ended."""
        return "", "", ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool | None:
        """Run each test in a child, with all its fixtures, where the session has children."""
        if not self._session.forking:
            return None
        items = {item.nodeid: item for item in session.items}
        tasks = [self._tasks[name] for name in items]
        for task in self._session.in_turn(tasks):
            self._session.start(task)
            self._session.loaded(task)
            if self._session.hand_over(task):
                self.answered.add(task["id"])
                continue
            try:
                item = items[task["id"]]
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            finally:  # a child never comes here unless something of pytest's own fails
                os._exit(1)
        return True

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        """Send the measurement of one test."""
        task = self._tasks[item.nodeid]
        self._session.start(task)
        with self._session.measurement(task) as self._reading:
            measurement = self._reading
            self._measured, self._measured_seconds = {}, 0.0
            self._session.seed()
            self._session.loaded(task)
            measurement.begin()
            with measurement.importing(task):
                outcome: Any = yield
            if outcome.excinfo is not None:
                self._end("failed", ended_by(outcome.excinfo[1]))
            if not self._measured:
                self._end("skipped", "it does not call benchmark")
            elif not measurement.fields:
                setup_seconds = max(0.0, measurement.wall_seconds() - self._measured_seconds)
                measurement.fields = {
                    "status": "ok",
                    **self._measured,
                    "setup_seconds": setup_seconds,
                }
        self.answered.add(item.nodeid)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Iterator[None]:
        """Let each fixture draw its own numbers, whichever were set up before it.

        So does the test, whose ``benchmark`` is set up for it alone.
        """
        self._session.seed(f"{fixturedef.argname} {getattr(request, 'param_index', '')}")
        outcome: Any = yield
        if outcome.excinfo is not None:
            self._broken.append((outcome.excinfo[1], fixturedef.argname))

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
        """Note what became of the set-up, the call or the teardown of a test."""
        del item
        outcome: Any = yield
        report = outcome.get_result()
        error = None if call.excinfo is None else call.excinfo.value
        if report.passed or isinstance(error, StatisticsAsked):
            return
        if isinstance(error, Refused):
            self._end(error.status, str(error))
        elif report.skipped:
            self._end("skipped", _why_skipped(report, error))
        else:
            self._end("failed", self._why_failed(report, call))

    def _end(self, status: str, reason: str) -> None:
        """Say what became of the test: its first failure if it has any, else what came first."""
        fields = self._reading.fields
        if not fields or (status == "failed" != fields["status"]):
            fields.update(status=status, reason=reason)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: Any) -> Iterator[None]:
        """Have a test measured whole that has no fixture for a part of it.

        What a plug-in for async tests puts in its place later does not count.
        """
        self._body = item.obj if is_async(item.obj) else None
        if not has_fixture(item):
            self._body = item.obj = partial(self._fixture(item), item.obj)
        yield

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: Any) -> bool | None:
        """Run a test that pytest cannot run by itself, or not so."""
        if self._body is None:
            return None
        names = pyfuncitem._fixtureinfo.argnames
        made = self._body(**{name: pyfuncitem.funcargs[name] for name in names})
        if is_async(self._body):
            run_with_break(made)
        return True

    def refuse(self, why_not: Callable[[str], str]) -> None:
        """Answer for tests that were not collected, and for all if the first did not run."""
        for name, task in self._tasks.items():
            if name in self.answered or (name in self._collected and self.answered):
                continue  # what was cut short is done by another process
            self._session.start(task)
            with self._session.measurement(task) as measurement:
                reason = why_not(name)
                status = "skipped" if reason.startswith("Skipped: ") else "failed"
                measurement.fields = {"status": status, "reason": reason}

    def _fixture(self, item: Any) -> Benchmark:
        def measure(batches: Batches) -> None:
            self._session.seed()
            begin = time.perf_counter()
            task = self._tasks[item.nodeid]
            self._measured = self._session.measured(batches, _WARM_UP_SECONDS, task)
            self._measured_seconds = time.perf_counter() - begin

        return Benchmark(item, mark(item), measure)

    def _why_failed(self, report: Any, call: Any) -> str:
        if call.excinfo is None:  # as an xfail that is strict and passes
            return on_one_line(str(report.longrepr))
        error = call.excinfo.value
        reason = one_line(error)
        if isinstance(error, AssertionError) and not str(error):
            statement = " ".join(str(call.excinfo.traceback[-1].statement).split())
            reason = f"AssertionError: {statement}"[:300]
        fixture = next((name for known, name in self._broken if known is error), None)
        if fixture is not None:
            return f"fixture {fixture}: {reason}"
        return f"teardown: {reason}" if report.when == "teardown" else reason


class _Fixtures:
    """The fixtures that tests get."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self._make = make

    @pytest.fixture
    def benchmark(self, request: Any) -> Any:
        """Measure what it is called with."""
        return self._make(request.node)

    @pytest.fixture
    def codspeed_benchmark(self, benchmark: Any) -> Any:
        """Measure what it is called with."""
        return benchmark

    @pytest.fixture
    def benchmark_weave(self, benchmark: Any) -> Any:
        """Leave it out: see `Benchmark.weave`."""
        return benchmark.weave


def _why_skipped(report: Any, error: BaseException | None) -> str:
    expected = getattr(report, "wasxfail", None)
    if expected is not None:
        text = str(expected).removeprefix("reason: ")
        return on_one_line(f"xfail: {text}".removesuffix(": "))
    return on_one_line(str(error)) or "it skips"
