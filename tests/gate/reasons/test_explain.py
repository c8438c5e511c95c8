"""A second look believes nothing that a side says of itself, and no verdict is lost to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from perceptron.gate.counting.asking import Pair, ask_both
from perceptron.gate.reasons import explain
from perceptron.gate.reasons.explain import looked
from perceptron.gate.reasons.growth import CannotLook, Cost, read_dump
from perceptron.gate.sampling.processes import Answer, Instrument, Seeds
from perceptron.gate.sampling.sampler import Sampler
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import PAIR, Benchmark, Side
from tests.gate.conftest import benchmark, counts
from tests.made_comparison import comparison, slower, work

DUMP = "fn=(1) work\n0 300\n"
Answers = Callable[[Side, list[str]], Iterator[Answer]]


def measurement(key: str, status: str = "ok", **content: Any) -> Answer:
    return Answer(kind="measurement", key=key, content={"status": status, "key": key, **content})


class Programs:
    """Sides whose programs answer as they are told to."""

    def __init__(self, folder: Path, answers: Answers) -> None:
        self._folder = folder
        self._answers = answers

    def run(self, side: Side, *asked: Any, **_: Any) -> Iterator[Answer]:
        _under, _seeds, tasks, *_rest = asked
        return self._answers(side, [task["key"] for task in tasks])

    def identifier(self, _side: Side, own: Benchmark) -> str | None:
        return own.asv_id

    def module(self, own: Benchmark) -> str:
        return own.name


def answers_of(folder: Path, answers: Answers, *keys: str) -> Iterator[tuple[str, Pair]]:
    """What programs answer about benchmarks without caches."""
    sampler = Sampler(cast(Any, Programs(folder, answers)))
    suite = [benchmark(key) for key in keys]
    under = Instrument("profile")
    return ask_both(sampler, suite, Seeds(1, 2), lambda _: under, lambda: 1e3)


def test_one_bad_answer_costs_no_other(tmp_path: Path) -> None:
    def answers(side: Side, keys: list[str]) -> Iterator[Answer]:
        (tmp_path / side / "counts.1").write_text(DUMP)
        yield measurement(keys[0], dump="counts.1", calls=0 if side == "head" else 1)
        yield measurement(keys[1], dump="counts.1", calls=1)
        yield measurement("another", dump="counts.1", calls=1)

    for side in PAIR:
        (tmp_path / side).mkdir()
    given = answers_of(tmp_path, answers, "one", "two")
    found = dict(looked(given, lambda side, content: read_dump(tmp_path / side, content)))
    assert isinstance(found["one"], CannotLook)
    assert str(found["one"]).startswith("HEAD: no dump of callgrind")
    table = {("work", None): Cost(300, 0)}
    assert found["two"] == (table, table)
    assert "another" not in found


@pytest.mark.parametrize(
    "functions",
    [
        [["f", None, None, -1.0, 1.0]],
        [["f", None, None, 1e999, 1.0]],
        [[3, None, None, 1.0, 1.0]],
        "none",
    ],
)
def test_a_trace_that_is_none_is_refused(tmp_path: Path, functions: object) -> None:
    def answers(side: Side, keys: list[str]) -> Iterator[Answer]:
        yield measurement(keys[0], unit="bytecodes", repeats=True, functions=functions)

    given = answers_of(tmp_path, answers, "one")
    [(_, found)] = looked(given, lambda _, content: explain._trace(content))
    assert isinstance(found, CannotLook)


def test_explaining_that_fails_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(explain, "ask_both", broken)
    own = slower(benchmark="time_one", params=[], param_names=[], work=work(0.1))
    compared = comparison(own, verdict="regression", benchmarks=[benchmark("time_one")])
    journal = cast(Any, SimpleNamespace(blocks=counts("time_one", 0.1, 0.1, 0.1)))
    sampler = cast(Any, SimpleNamespace(sides=None))
    found = explain.add(compared, sampler, journal, Rule(), None, lambda *_: None)
    (row,) = found.rows
    assert (found.verdict, row.verdict, row.why) == ("regression", "regression", [])
    assert "full" in (row.why_not or "")
