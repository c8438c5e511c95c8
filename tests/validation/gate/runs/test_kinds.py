"""Runs are of every kind in turn, and each head differs by what it says, and in nothing else."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.validation.gate.runs import bodies
from benchmarks.validation.gate.runs.kinds import (
    BY_NAME,
    EVERYTHING,
    IN_UNITS,
    KINDS,
    PAIRS,
    Kind,
    next_kind,
    wanted,
)
from benchmarks.validation.gate.runs.repository import BASE, digest, expression, make, sources
from perceptron.gate.checkout.revisions import git


def test_two_hundred_runs_are_what_the_proof_asks_for() -> None:
    """200 of equal sides, a fifth beside a neighbour; every body with more work of each size."""
    counts = wanted(200)
    assert counts["same"] + counts["neighbour"] == 200
    assert counts["neighbour"] == 40
    assert all(counts[kind.name] >= 3 for kind in KINDS if not kind.work)
    for kind in KINDS:
        if kind.by is not None:
            pairs = [kind.pair(number) for number in range(counts[kind.name])]
            assert {name for pair in pairs for name in pair} == set(IN_UNITS)


def order(runs: int, done: Counter[str]) -> list[str]:
    """The kinds from here to the end."""
    kinds: list[str] = []
    while (kind := next_kind(done, wanted(runs))) is not None:
        done[kind.name] += 1
        kinds.append(kind.name)
    return kinds


def test_a_proof_cut_short_anywhere_is_balanced() -> None:
    """At any moment, a rare kind is at most one run away from its share, none more than four."""
    kinds = order(200, Counter())
    total = sum(wanted(200).values())
    assert len(kinds) == total
    for done in range(total):
        seen = Counter(kinds[:done])
        for name, count in wanted(200).items():
            assert abs(seen[name] - done * count / total) <= (1 if count < 40 else 4)


def test_it_resumes_where_it_stopped_and_may_be_made_longer() -> None:
    """What was done counts, for fewer runs or more; what is done is not done again."""
    first = order(10, Counter())
    rest = order(200, Counter(first))
    assert Counter(first) + Counter(rest) == Counter(wanted(200))
    assert next_kind(wanted(200), wanted(200)) is None
    assert next_kind(wanted(200), wanted(10)) is None


def test_of_kinds_that_are_named_there_is_nothing_else() -> None:
    assert wanted(7, ("neighbour",)) == {"neighbour": 7}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_head_differs_from_the_base_in_one_place(kind: Kind) -> None:
    base, head = sources(), sources(kind)
    different = [name for name in base if base[name] != head[name]]
    assert different == ["work/bodies.py"]
    lines = set(head["work/bodies.py"].splitlines()) - set(base["work/bodies.py"].splitlines())
    assert len(lines) == 1


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_run_measures_what_its_head_makes_slower(kind: Kind) -> None:
    """Two bodies, one of them changed; in turn all of them where nothing changes."""
    measured = [kind.pair(number) for number in range(len(PAIRS))]
    assert all(len(pair) == 2 for pair in measured)
    seen = {name for pair in measured for name in pair}
    if kind.changed:
        assert all(set(kind.changed) & set(pair) for pair in measured)
        assert set(kind.changed) <= seen
    else:
        assert seen == set(EVERYTHING)


def load(kind: Kind | None, text: str | None = None) -> dict[str, Any]:
    """The bodies of the base or of a head, loaded."""
    space: dict[str, Any] = {"__name__": "work"}
    exec(text or sources(kind)["work/bodies.py"], space)  # noqa: S102
    return space


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.by is not None], ids=lambda kind: kind.name
)
def test_a_slowdown_holds_by_count(kind: Kind) -> None:
    """Head does so many units where base does 100: nothing is calibrated."""
    units = load(kind)["UNITS"]
    assert bodies.UNITS == 100
    assert units / 100 - 1 == pytest.approx(kind.by)


def lines(name: str, units: int) -> int:
    """How many lines of Python a call executes."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    space = load(None)
    space[name]()  # what the first call imports and remembers is not counted
    space["UNITS"] = units
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        space[name]()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", IN_UNITS)
def test_the_work_of_a_body_is_its_units(name: str) -> None:
    """Each unit is as long as the other, and beside them there is little.

    But for a few lines of what imports now and then.
    """
    none, one, eleven = (lines(name, units) for units in (0, 1, 11))
    assert none < 10
    assert one > none
    assert eleven - one == pytest.approx(10 * (one - none), rel=0.1)


def test_a_gather_reads_as_many_values_from_more_memory() -> None:
    """So it does the same work, and misses the cache more often."""
    base, head = load(None), load(BY_NAME["cache"])
    for space in (base, head):
        space["prepare_gather"]()
        space["gather"]()
    one, other = base["_Table"].order, head["_Table"].order
    assert len(one) == len(other) == len(set(other.tolist()))
    assert np.ptp(other) > 1.9 * np.ptp(one)
    assert other.max() < len(head["_Table"].values)


def test_a_lock_is_held_on_head_only() -> None:
    """The other thread naps as often on base, but without the lock."""
    for name, is_held in ((None, False), ("lock", True)):
        space = load(None if name is None else BY_NAME[name])
        holder, seen, is_done = space["_Holder"], [], threading.Event()

        def nap(
            seconds: float, holder: Any = holder, seen: list[bool] = seen, done: Any = is_done
        ) -> None:
            if threading.current_thread() is holder.thread:
                seen.append(holder.lock.locked())
                done.set()
                threading.Event().wait()  # its work here is done

        space["time"] = SimpleNamespace(sleep=nap)
        holder.start()
        holder.asked.release()
        assert is_done.wait(30)
        assert seen == [is_held]


def test_a_nap_is_longer_on_head() -> None:
    def naps(kind: Kind | None) -> list[float]:
        seen: list[float] = []
        space = load(kind)
        space["prepare_waiting"]()
        main = threading.current_thread()
        space["time"] = SimpleNamespace(
            sleep=lambda seconds: (
                seen.append(seconds) if threading.current_thread() is main else None
            )
        )
        space["waiting"]()
        return seen

    assert (naps(None), naps(BY_NAME["sleep"])) == ([0.0005], [0.001])


def test_an_import_leaves_nothing_behind() -> None:
    before = list(sys.meta_path)
    bodies.importing()
    assert sys.meta_path == before


def test_mistakes_are_what_they_are_called() -> None:
    """The upcast makes a step float64, which it is not without it."""

    def dtype(kind: Kind | None) -> object:
        seen: list[object] = []
        text = sources(kind)["work/bodies.py"]
        text = text.replace("error = outputs", "SEEN.append(outputs.dtype); error = outputs")
        space = load(None, text)
        space["SEEN"] = seen
        space["training"]()
        assert len(seen) == bodies.UNITS
        return seen[-1]

    assert dtype(None) == np.float32
    assert dtype(BY_NAME["copy"]) == np.float32
    assert dtype(BY_NAME["scalar"]) == np.float32
    assert dtype(BY_NAME["upcast"]) == np.float64


def test_the_repository_has_a_branch_for_each_kind_on_one_base(tmp_path: Path) -> None:
    make(tmp_path)
    for kind in KINDS:
        assert git(tmp_path, "rev-list", "--count", f"{BASE}..{kind.name}").strip() == "1"
        named = git(tmp_path, "diff", "--name-only", BASE, kind.name).split()
        assert named == ["work/bodies.py"]
    assert expression(("training", "exponential")) == "time_(training|exponential)$"


def test_every_body_works() -> None:
    for name in EVERYTHING:
        getattr(bodies, f"prepare_{name}", lambda: None)()
        getattr(bodies, name)()


def test_a_benchmark_has_its_setup() -> None:
    text = sources()["benchmarks/bodies.py"]
    for name in EVERYTHING:
        assert f"def time_{name}():\n    bodies.{name}()\n" in text
        has_setup = f"\ntime_{name}.setup = bodies.prepare_{name}\n" in text
        assert has_setup == hasattr(bodies, f"prepare_{name}")


def test_the_digest_changes_with_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of another suite are kept apart."""
    before = digest()
    changed = Kind("same", "a comment", 0.8, ("\nUNITS = 100\n", "\n# Another.\nUNITS = 100\n"))
    monkeypatch.setattr("benchmarks.validation.gate.runs.repository.KINDS", (changed, *KINDS[1:]))
    assert digest() != before
