"""The measurements of pytest's tests: each measures what it passes to its fixture.

The ``benchmark`` fixture works as in pytest-benchmark and pytest-codspeed, but the gate measures.
"""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pytest

from .session import Job, Refused, Session, ended_by, on_one_line, one_line
from .timing import Batches

# Of pytest-benchmark and of pytest-codspeed: fixtures, and marks of the same names.
_NAMES = ("benchmark", "codspeed_benchmark")
# As in asv, before the first sample.
_WARM_UP_SECONDS = 0.1


def has_fixture(item: Any) -> bool:
    """Return whether a test has the fixture that measures a part of it."""
    return not {*_NAMES}.isdisjoint(item.fixturenames)


def mark(item: Any) -> Any:
    """Return the mark of a benchmark, or None. Without the fixture the whole test is measured."""
    return next(filter(None, map(item.get_closest_marker, _NAMES)), None)


class StatisticsAsked(Exception):
    """Ends a test that reads statistics after its measurement: there are none here."""


class Benchmark:
    """Measures a function in batches, not rounds; ``measure`` takes the batches."""

    enabled = True
    disabled = False

    def __init__(self, item: Any, measure: Callable[[Batches], object]) -> None:
        callspec, marked = getattr(item, "callspec", None), mark(item)
        self.options: dict[str, Any] = {} if marked is None else dict(marked.kwargs)
        self.name = item.name
        self.fullname = item.nodeid
        self.param = None if callspec is None else callspec.id
        self.params = None if callspec is None else callspec.params
        self.group = self.options.get("group")
        self.extra_info: dict[str, Any] = {}
        self._timer = self.options.get("timer") or time.perf_counter
        self._measure = measure
        self._used = False

    def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Measure calls with these arguments, and return the result of another call."""
        call = partial(function, *args, **kwargs) if args or kwargs else function
        self._take(call)
        return _awaited_by_none(call())

    def pedantic(
        self,
        target: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        setup: Callable[[], Any] | None = None,
        teardown: Callable[..., object] | None = None,
        rounds: int = 1,
        warmup_rounds: int = 0,
        iterations: int = 1,
    ) -> Any:
        """Measure calls, ``iterations`` of them after each ``setup``, and return the result of a
        call.

        The number of rounds is decided elsewhere. A single call, the default, without a setup may
        not be repeatable: it may use up or cache its input. Raises `Refused` for that.
        """
        if setup is None and rounds * iterations + warmup_rounds == 1:
            raise Refused(
                "benchmark.pedantic calls it once, and it may differ when it is called again: give "
                "it a setup, or 2 rounds",
                "untried",
            )
        fixed = arguments = (args, kwargs or {})

        def prepare() -> None:
            nonlocal arguments
            arguments = (setup() if setup is not None else None) or fixed

        def call() -> Any:
            positional, named = arguments
            return target(*positional, **named)

        def clean_up() -> None:
            if teardown is not None:
                positional, named = arguments
                teardown(*positional, **named)

        def renew() -> None:
            clean_up()
            prepare()

        prepared = setup is not None or teardown is not None
        prepare()
        self._take(call, renew if prepared else None, iterations if prepared else 0)
        renew()
        result = call()
        clean_up()
        return _awaited_by_none(result)

    @property
    def stats(self) -> None:
        """None before the measurement. Raises `StatisticsAsked` afterwards."""
        if self._used:
            raise StatisticsAsked("the gate measures in batches of its own")

    def _take(
        self,
        call: Callable[[], Any],
        reset: Callable[[], object] | None = None,
        number: int = 0,
    ) -> None:
        if self._used:
            raise RuntimeError("benchmark can be used only once in a test")
        self._used = True
        self._measure(Batches(call, lambda: self._timer, reset, number))


def _awaited_by_none(result: Any) -> Any:
    """Return the result; raises `Refused` for a coroutine."""
    if inspect.iscoroutine(result):
        result.close()
        raise Refused("what benchmark calls is async: have it run its own event loop", "untried")
    return result


class Measurements:
    """A plug-in that measures the functions passed to the ``benchmark`` fixture.

    Each test answers a task; ``answered`` are the ids of tests that have answered.
    """

    def __init__(self, session: Session, tasks: list[Job]) -> None:
        self._session = session
        self._tasks = {task["id"]: task for task in tasks}
        self._collected: set[str] = set()
        self._fields: Job = {}
        self._measured: Job = {}
        self._measured_seconds = 0.0
        self.answered: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: Any) -> None:
        """Register last, so that tests get this ``benchmark`` fixture."""
        session.config.pluginmanager.register(_Fixtures(self._fixture), "perceptron-benchmark")

    def pytest_collection_finish(self, session: Any) -> None:
        """Keep the collected tests."""
        self._collected = {item.nodeid for item in session.items}

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self) -> tuple[str, str, str]:
        """Print no letters: the last output of a process explains its end."""
        return "", "", ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool | None:
        """Run each test in a child, with all its fixtures, if the session forks children."""
        if not self._session.forking:
            return None
        for item in session.items:
            task = self._tasks[item.nodeid]
            self._session.start(task)
            self._session.loaded(task)
            if self._session.hand_over(task):
                self.answered.add(task["id"])
                continue
            try:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            finally:  # a child never comes here unless something of pytest's own fails
                os._exit(1)
        return True

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        """Send the measurement of a test."""
        task = self._tasks[item.nodeid]
        self._session.start(task)
        with self._session.measurement(task) as self._fields:
            self._measured, self._measured_seconds = {}, 0.0
            self._session.seed()
            self._session.loaded(task)
            self._session.begin()
            outcome: Any = yield
            if outcome.excinfo is not None:
                self._end("failed", ended_by(outcome.excinfo[1]))
            if not self._measured:
                self._end("skipped", "it does not call benchmark")
            elif not self._fields:
                setup_seconds = max(0.0, self._session.wall_seconds() - self._measured_seconds)
                self._fields.update(status="ok", **self._measured, setup_seconds=setup_seconds)
        self.answered.add(item.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> None:
        """Seed each fixture separately, so that its numbers do not depend on earlier fixtures.

        This seeds the test as well, because its ``benchmark`` is set up for it alone.
        """
        self._session.seed(f"{fixturedef.argname} {getattr(request, 'param_index', '')}")

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
        """Record the outcome of a test's setup, call or teardown."""
        del item
        outcome: Any = yield
        report = outcome.get_result()
        error = None if call.excinfo is None else call.excinfo.value
        if report.passed or isinstance(error, StatisticsAsked):
            return
        if isinstance(error, Refused):
            self._end(error.status, str(error))
        elif report.skipped:
            self._end("skipped", on_one_line(str(error)) or "it skips")
        else:
            self._end("failed", _why_failed(report, call))

    def _end(self, status: str, reason: str) -> None:
        """Set the test's outcome: its first failure, or else its first outcome."""
        fields = self._fields
        if not fields or (status == "failed" != fields["status"]):
            fields.update(status=status, reason=reason)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: Any) -> Iterator[None]:
        """Measure the whole test if it does not use the fixture.

        Tests run in another order and with other tests than their authors expect: so a test's
        change of working folder does not last, unless a fixture changes it.
        """
        function = item.obj
        if not has_fixture(item):
            item.obj = partial(self._fixture(item), function)
        folder = os.getcwd()
        yield
        os.chdir(folder)
        item.obj = function  # at the end of the session plugins read its name

    def refuse(self, why_not: Callable[[str], str]) -> None:
        """Answer for tests that were not collected, and for all if the first did not run."""
        for name, task in self._tasks.items():
            if name in self.answered or (name in self._collected and self.answered):
                continue  # another process runs unfinished tests
            self._session.start(task)
            with self._session.measurement(task) as fields:
                reason = why_not(name)
                status = "skipped" if reason.startswith("Skipped: ") else "failed"
                fields.update(status=status, reason=reason)

    def _fixture(self, item: Any) -> Benchmark:
        def measure(batches: Batches) -> None:
            self._session.seed()
            begin = time.perf_counter()
            task = self._tasks[item.nodeid]
            self._measured = self._session.measured(batches, _WARM_UP_SECONDS, task)
            self._measured_seconds = time.perf_counter() - begin

        return Benchmark(item, measure)


class _Fixtures:
    """The fixtures that tests get."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self._make = make

    @pytest.fixture
    def benchmark(self, request: Any) -> Any:
        """Measure the function that the test passes."""
        return self._make(request.node)

    @pytest.fixture
    def codspeed_benchmark(self, benchmark: Any) -> Any:
        """Measure the function that the test passes."""
        return benchmark


def _why_failed(report: Any, call: Any) -> str:
    if call.excinfo is None:  # such as a strict xfail that passes
        return on_one_line(str(report.longrepr))
    error = call.excinfo.value
    if isinstance(error, AssertionError) and not str(error):
        statement = " ".join(str(call.excinfo.traceback[-1].statement).split())
        return f"AssertionError: {statement}"[:300]
    return one_line(error)
