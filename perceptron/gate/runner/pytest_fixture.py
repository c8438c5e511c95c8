"""The ``benchmark`` fixture, as pytest-benchmark and pytest-codspeed have it, that leaves measuring
to the gate."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from . import awaiting
from .session import Refused


class AlreadyUsed(Exception):
    """A test can measure once only."""


class StatisticsAsked(Exception):
    """Ends a test after it has measured: it looks at statistics, which there are none of here."""


class Benchmark:
    """Measures one function in batches, with no regard to rounds; ``measure`` takes these.

    What it measures may be async: then a test that is async itself gets an awaitable back.
    """

    enabled = True
    disabled = False

    def __init__(self, item: Any, marker: Any, measure: Callable[[Any], object]) -> None:
        callspec = getattr(item, "callspec", None)
        self.options: dict[str, Any] = {} if marker is None else dict(marker.kwargs)
        self.name = item.name
        self.fullname = item.nodeid
        self.param = None if callspec is None else callspec.id
        self.params = None if callspec is None else callspec.params
        self.group = self.options.get("group")
        self.extra_info: dict[str, Any] = {}
        self.has_error = False
        self._timer = self.options.get("timer") or time.perf_counter
        self._measure = measure
        self._mode: str | None = None

    def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Measure calls with these arguments, and return what one more gives."""
        self._use("benchmark(...)")
        call = partial(function, *args, **kwargs) if args or kwargs else function
        batches = awaiting.batches(function, call, lambda: self._timer, None)

        def work() -> Any:
            self._measure(batches)
            return batches.call()

        return self._done(work, function)

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
        """Measure calls, so many ``iterations`` after each ``setup``, and return what one gives.

        How many rounds there are is decided elsewhere. So what asks for one call only, as it does
        by default, and sets nothing up for it may not be called again, or be another thing when it
        is: what a call uses up or remembers. Raises `Refused` for that, ValueError and
        TypeError as pytest-benchmark does.
        """
        self._use("benchmark.pedantic(...)")
        for name, value, least in (
            ("iterations", iterations, 1),
            ("rounds", rounds, 1),
            ("warmup_rounds", warmup_rounds, 0),
        ):
            if not isinstance(value, int) or value < least:
                raise ValueError(f"Must have positive int for `{name}`.")
        if setup is not None and iterations > 1:
            raise ValueError("Can't use more than 1 `iterations` with a `setup` function.")
        if setup is None and rounds * iterations + warmup_rounds == 1:
            raise Refused(
                "benchmark.pedantic calls it once, and it may differ when it is called again: give "
                "it a setup, or 2 rounds",
                "untried",
            )
        set_up, torn_down = awaiting.finished(setup), awaiting.finished(teardown)
        given = arguments = (args, kwargs or {})

        def prepare() -> None:
            nonlocal arguments
            made = set_up() if set_up is not None else None
            if made and any(given):
                raise TypeError("Can't use `args` or `kwargs` if `setup` returns the arguments.")
            arguments = made or given

        def call() -> Any:
            own, named = arguments
            return target(*own, **named)

        def clean_up() -> None:
            if torn_down is not None:
                own, named = arguments
                torn_down(*own, **named)

        def renew() -> None:
            clean_up()
            prepare()

        prepared = setup is not None or teardown is not None
        reset, number = (renew, iterations) if prepared else (None, 0)
        batches = awaiting.batches(target, call, lambda: self._timer, reset, number)

        def work() -> Any:
            prepare()
            self._measure(batches)
            renew()
            result = batches.call()
            clean_up()
            return result

        return self._done(work, target, setup, teardown)

    @property
    def stats(self) -> None:
        """None before it has measured. Raises `StatisticsAsked` afterwards."""
        if self._mode is not None:
            raise StatisticsAsked("the gate measures in batches of its own")

    @property
    def weave(self) -> Callable[..., object]:
        """Raise `Refused`: what is measured then may be called any number of times."""
        reason = "benchmark.weave is not measured: hand the function to benchmark"
        raise Refused(reason, "untried")

    patch = weave

    def _done(self, work: Callable[[], Any], *functions: Any) -> Any:
        """Return what the work with these functions does, or an awaitable of that."""
        if any(map(awaiting.is_async, functions)):
            return awaiting.break_for(work)
        result = work()
        if inspect.iscoroutine(result):
            result.close()
            raise Refused(
                "what benchmark calls returns a coroutine that nothing awaits: hand the async "
                "function itself to benchmark",
                "untried",
            )
        return result

    def _use(self, mode: str) -> None:
        if self._mode is not None:
            self.has_error = True
            raise AlreadyUsed(
                f"Fixture can only be used once. Previously it was used in {self._mode} mode."
            )
        self._mode = mode
