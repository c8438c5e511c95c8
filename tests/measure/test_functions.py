"""Functions of a user's own in a worker: what is refused, what all share, what is timed."""

from __future__ import annotations

import itertools
import random
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from perceptron.errors import UserError
from perceptron.measure import calls
from perceptron.measure.calls import waiter
from perceptron.measure.functions import Functions, describe
from perceptron.measure.job import Call
from perceptron.records.measurement import Timings

Data = tuple[Any, ...]
RNG = np.random.default_rng(1)
WAITS: list[object] = []


def outcome_of(
    candidates: dict[str, Callable[..., object]],
    setup: Callable[[int], object],
    name: str,
    check: bool = False,
    sizes: tuple[int, ...] = (8,),
    **options: Any,
) -> Timings:
    """Return the worker's answer for the last size."""
    with pytest.MonkeyPatch().context() as here:
        here.setattr(calls, "load", lambda _: Functions(candidates, setup, **options))
        calls._loaded.cache_clear()
        for size in sizes:
            job = Call(
                problem=f"own:{size}",
                backend=name,
                dtype=None,
                threads=1,
                step="check" if check else "measure",
                samples=3,
                minimum_seconds=1e-4,
                axes=("size",),
                functions="own.py",
                digest="",
            )
            seen = calls.answer(job)
        return seen


def ones(size: int) -> Data:
    return (np.ones(size),)


def test_functions_timed_with_data_of_their_size() -> None:
    seen = []

    def total(data: np.ndarray) -> float:
        seen.append(len(data))
        return float(data.sum())

    candidates = {"numpy": np.sum, "own": total}
    assert outcome_of(candidates, ones, "own", check=True).status == "ok"
    timed = outcome_of(candidates, ones, "own", sizes=(8, 16))
    assert timed.status == "ok"
    assert timed.seconds is not None
    assert timed.seconds > 0
    assert len(timed.samples) == 3
    assert set(seen) == {8, 16}


def test_functions_short_call_is_timed_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long one, or without arguments, they are the same."""
    monkeypatch.setattr(calls, "_SHORT_SECONDS", 0.01)  # whatever shares the core
    seen = set()

    def short(*data: object) -> object:
        seen.add(data)
        return None

    candidates = {"short": short, "long": lambda *data: time.sleep(0.02)}
    timed = outcome_of(candidates, lambda size: (size, "b"), "short")
    assert timed.unpacked_seconds is not None
    assert timed.unpacked_seconds > 0
    assert seen == {(8, "b")}
    assert outcome_of(candidates, lambda size: (size, "b"), "long").unpacked_seconds is None
    assert outcome_of(candidates, lambda size: (), "short").unpacked_seconds is None


@pytest.mark.parametrize(
    ("other", "options", "reason"),
    [
        (lambda x: x * 2, {}, "differs from first: 2 instead of 1 at [0]; equal= sets the"),
        (lambda x: (x.copy(), x), {}, "differs from first: shape (2, 8) instead of (8,)"),
        (lambda x: (value for value in x), {}, "returns a generator, which is computed later"),
        (lambda x: Future(), {}, "returns a Future, which is computed later"),
        (lambda x: "text", {}, "differs from first: text instead of array([1., 1."),
        (lambda x: x * 2, {"equal": lambda one, two: None}, "equal cannot compare"),
        (lambda x: x.__imul__(1.5) / 1.5, {}, "changes its data: set fresh"),
        (lambda x: 1 / 0, {}, "ZeroDivisionError: division by zero"),
        (lambda x: np.empty(10**15), {}, "out of memory"),
        (lambda x: x * 2, {"equal": lambda one, two: len(one) == len(two)}, None),
        (lambda x: x * 2, {"equal": None}, None),
        (lambda x: x.__imul__(1), {"fresh": True}, None),
    ],
)
def test_functions_check_refuses_disagreement(
    other: Callable[..., object], options: dict[str, Any], reason: str | None
) -> None:
    checked = outcome_of({"first": np.copy, "other": other}, ones, "other", check=True, **options)
    assert checked.status == ("ok" if reason is None else "failed")
    assert (checked.reason or "").startswith(reason or "")


@pytest.mark.parametrize(
    ("one", "two", "reason"),
    [
        (2.0, 2.0, None),
        (2.0, 2.1, "2.1 instead of 2"),
        ([1.0, float("nan")], [1.0, float("nan")], None),
        ({"a": np.ones(2)}, {"a": np.zeros(2)}, "a: 0 instead of 1 at [0]"),
        ({"a": 1}, {"b": 1}, "other keys"),
        ((1.0, np.ones(2)), (1.0, np.ones(3)), "result 1: shape (3,) instead of (2,)"),
        ((np.ones(2), np.ones(2)), [np.ones(2), np.zeros(2)], "0 instead of 1 at [1, 0]"),
        (b"a", b"b", "b'b' instead of b'a'"),
        (None, 1.5, "1.5 instead of None"),
    ],
)
def test_results_of_any_kind_are_compared(one: object, two: object, reason: str | None) -> None:
    candidates = {"one": lambda _: one, "two": lambda _: two}
    checked = outcome_of(candidates, ones, "two", check=True)
    assert (checked.status == "ok") == (reason is None)
    assert (checked.reason or "").startswith(f"differs from one: {reason}" if reason else "")


class Box:
    """Data without an `==`."""

    def __init__(self, values: Any) -> None:
        self.values = values


@pytest.mark.parametrize(
    "setup",
    [
        lambda size: {"v": np.arange(size, 0, -1)},
        lambda size: Box(list(range(size, 0, -1))),
    ],
)
def test_data_that_change_inside_something_are_seen(setup: Callable[[int], object]) -> None:
    def sort(data: Any) -> float:
        values = data["v"] if isinstance(data, dict) else data.values
        values.sort()
        return float(sum(values))

    def keep(data: Any) -> float:
        return float(sum(data["v"] if isinstance(data, dict) else data.values))

    candidates = {"keep": keep, "sort": sort}
    assert outcome_of(candidates, setup, "keep", check=True).status == "ok"
    changed = outcome_of(candidates, setup, "sort", check=True)
    assert changed.reason is not None
    assert changed.reason.startswith("changes its data")


def test_data_that_cannot_be_copied_need_a_word() -> None:
    candidates = {"a": lambda lock: 1, "b": lambda lock: 1}
    setup = lambda size: (threading.Lock(),)  # noqa: E731
    refused = outcome_of(candidates, setup, "b", check=True)
    assert refused.reason == (
        "the data of setup cannot be copied, to see whether a call changes them: set fresh"
    )
    assert outcome_of(candidates, setup, "b", check=True, fresh=False).status == "ok"


def test_functions_that_return_nothing_must_leave_the_same_data() -> None:
    candidates = {"sort": lambda x: x.sort(), "reverse": lambda x: x.reverse()}
    setup = lambda size: ([2, 1, 3],)  # noqa: E731
    checked = outcome_of(candidates, setup, "reverse", check=True, fresh=True)
    assert (
        checked.reason == "differs from sort: 3 instead of 1 at [0, 0]; equal= sets the tolerance"
    )
    assert outcome_of(candidates, setup, "sort", check=True, fresh=True).status == "ok"


def test_freed_memory_stays_whatever_sizes_were_called_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[int] = []
    monkeypatch.setattr(calls, "keep_freed_memory", lambda: kept.append(1))
    outcome_of({"a": np.sum, "b": np.sum}, ones, "a", sizes=(8, 16))
    assert kept == [1]


def test_functions_recompile_for_each_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once PyTorch has seen two, it compiles for any."""
    compiled: list[int] = []
    stand_in = SimpleNamespace(reset=lambda: compiled.append(1))
    monkeypatch.setitem(sys.modules, "torch._dynamo", stand_in)
    outcome_of({"a": np.sum, "b": np.sum}, ones, "a", sizes=(8, 16))
    assert compiled == [1, 1]


@pytest.mark.parametrize(
    "setup",
    [
        lambda size: (np.random.random(size),),
        lambda size: ([random.random() for _ in range(size)],),
        lambda size: (RNG.random(size),),
    ],
)
def test_random_data_are_the_same_for_all_and_at_every_call(
    setup: Callable[[int], object],
) -> None:
    seen: list[list[float]] = []

    def keep(data: Any) -> float:
        seen.append(list(data))
        return float(sum(data))

    state = RNG.bit_generator.state
    for name, sizes in (("a", (4, 8)), ("b", (8,))):
        RNG.bit_generator.state = state  # a process of its own has just loaded it
        outcome_of({"a": keep, "b": keep}, setup, name, sizes=sizes, fresh=True)
    of_eight = [data for data in seen if len(data) == 8]
    assert len({tuple(data) for data in of_eight}) == 1


def test_fresh_data_for_every_call() -> None:
    unsorted = []

    def sort(data: list[int]) -> None:
        unsorted.append(data != sorted(data))
        data.sort()

    timed = outcome_of(
        {"sort": sort, "same": sort}, lambda size: ([*range(size, 0, -1)],), "sort", fresh=True
    )
    assert timed.status == "ok"
    assert timed.iterations == 1
    assert all(unsorted)


def test_fresh_data_may_be_another_number_of_arguments() -> None:
    lengths = itertools.cycle([1, 2, 3])

    def count(*rows: int) -> int:
        return len(rows)

    def setup(size: int) -> Data:
        return tuple(range(next(lengths)))

    assert outcome_of({"a": count, "b": count}, setup, "b", fresh=True).status == "ok"


@pytest.mark.parametrize(
    ("module", "result"),
    [
        ("torch", SimpleNamespace(device=SimpleNamespace(type="cuda"))),
        ("cupy", type("ndarray", (), {"__module__": "cupy"})()),
        ("jax", SimpleNamespace(block_until_ready=lambda: WAITS.append(1))),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_results_on_a_device_are_waited_for(
    module: str, result: Any, wrapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    WAITS.clear()
    device = SimpleNamespace(
        synchronize=lambda: WAITS.append(1),
        is_available=lambda: False,
        is_initialized=lambda: False,
    )
    fake = SimpleNamespace(
        Tensor=SimpleNamespace,
        cuda=device if module == "torch" else SimpleNamespace(get_current_stream=lambda: device),
        block_until_ready=WAITS.append,
    )
    for name in ("torch", "cupy", "jax"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, module, fake)  # type: ignore[arg-type]
    wait = waiter({"of": [result]} if wrapped else result)
    assert wait is not None
    wait(result)
    assert len(WAITS) == 1


def test_functions_wait_for_started_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[int] = []
    cuda = SimpleNamespace(
        synchronize=lambda: waits.append(1),
        is_available=lambda: True,
        is_initialized=lambda: True,
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda, Tensor=str))  # type: ignore[arg-type]
    wait = waiter(1.5)
    assert wait is not None
    wait(1.5)
    assert waits == [1]
    with pytest.raises(UserError, match="returns nothing"):
        waiter(None)


FILE = """
CANDIDATES = {"a": sum, "b": lambda data: sum(data)}
SIZES = (4, 1_000)
def setup(size):
    return (list(range(size)),)
"""


def test_functions_file_is_described(tmp_path: Path) -> None:
    file = tmp_path / "sums.py"
    file.write_text(FILE)
    known = describe(str(file))
    assert known.names == ("a", "b")
    assert (known.axes, known.sizes) == (("size",), ((4, 1_000),))
    assert (known.is_list, known.is_checked, known.is_random) == (False, True, False)
    file.write_text(FILE.replace("(4, 1_000)", "[4, 8, 16]") + "equal = None\n")
    known = describe(str(file))
    assert (known.sizes, known.is_list, known.is_checked) == (((4, 8, 16),), True, False)
    file.write_text(FILE.replace("range(size)", "__import__('os').urandom(size)"))
    assert describe(str(file)).is_random


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("def setup", "def prepare", "setup is missing"),
        ("SIZES", "RANGE", "SIZES is missing"),
        ("(4, 1_000)", "(1_000, 4)", "sizes must be a range"),
        ("(4, 1_000)", "[4, 4]", "sizes must be a range"),
        ("(4, 1_000)", "(0, 4)", "sizes must be a range"),
        ("(4, 1_000)", "(0.5, 4)", "sizes must be a range"),
        ("(4, 1_000)", "7", "sizes must be a range"),
        ('"a": sum, ', "", "candidates must be a dict of at least two"),
        ('"a": sum', '"a": 3', "candidates: a is no function"),
        ('"a": sum', '"a:b": sum', "candidates: 'a:b' must be a name"),
        ('"a": sum', "1: sum", "candidates: 1 must be a name"),
    ],
)
def test_functions_file_error_names_problem(
    before: str, after: str, reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "sums.py"
    file.write_text(FILE.replace(before, after))
    with pytest.raises(UserError, match=reason):
        describe(str(file))
