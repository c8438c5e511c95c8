"""Runs are of every kind in turn, and each head differs by what it says, and in nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from perceptron.gate.checkout.revisions import git
from perceptron.validation.gate.runs import bodies
from perceptron.validation.gate.runs.kinds import (
    BY_NAME,
    EVERYTHING,
    KINDS,
    Kind,
    next_kind,
    wanted,
)
from perceptron.validation.gate.runs.repository import BASE, digest, expression, make, sources


def test_two_hundred_runs_are_what_the_proof_asks_for() -> None:
    """200 of equal sides, a fifth beside a neighbour; 10 of each slowdown, 5 of each mistake."""
    counts = wanted(200)
    assert counts["same"] + counts["neighbour"] == 200
    assert counts["neighbour"] == 40
    assert counts["slower-5"] == counts["slower-10"] == 10
    assert counts["copy"] == counts["upcast"] == counts["scalar"] == 5


def order(runs: int, done: Counter[str]) -> list[str]:
    """The kinds from here to the end."""
    kinds: list[str] = []
    while (kind := next_kind(done, wanted(runs))) is not None:
        done[kind.name] += 1
        kinds.append(kind.name)
    return kinds


def test_a_proof_cut_short_anywhere_is_balanced() -> None:
    """At any moment, no kind is more than one run away from its share."""
    kinds = order(200, Counter())
    total = sum(wanted(200).values())
    assert len(kinds) == total
    for done in range(total):
        seen = Counter(kinds[:done])
        for name, count in wanted(200).items():
            assert abs(seen[name] - done * count / total) <= 1.5


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
    """Two bodies, in turn all of them where all are slower or none is."""
    measured = [kind.pair(number) for number in range(4)]
    assert all(len(pair) == 2 for pair in measured)
    if kind.slower != EVERYTHING and kind.slower:
        assert all(set(kind.slower) & set(pair) for pair in measured)
    else:
        assert {name for pair in measured for name in pair} == set(EVERYTHING)


@pytest.mark.parametrize(("name", "units"), [("slower-5", 21), ("slower-10", 22)])
def test_a_slowdown_holds_by_count(name: str, units: int) -> None:
    """Head does so many units where base does 20: nothing is calibrated."""
    space: dict[str, object] = {}
    exec(sources(BY_NAME[name])["work/bodies.py"], space)  # noqa: S102
    assert (bodies.UNITS, space["UNITS"]) == (20, units)
    assert units / 20 - 1 == pytest.approx(BY_NAME[name].by)


def test_mistakes_are_what_they_are_called() -> None:
    """The upcast makes a step float64, which it is not without it."""

    def dtype(kind: Kind | None) -> object:
        seen = []
        space: dict[str, object] = {}
        text = sources(kind)["work/bodies.py"]
        exec(text.replace("error = outputs", "SEEN.append(outputs.dtype); error = outputs"), space)  # noqa: S102
        space["SEEN"] = seen
        space["training"]()  # type: ignore[operator]
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
        getattr(bodies, name)()


def test_the_digest_changes_with_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of another suite are kept apart."""
    before = digest()
    changed = Kind("same", "a comment", 0.8, ("\nUNITS = 20\n", "\n# Another.\nUNITS = 20\n"))
    monkeypatch.setattr("perceptron.validation.gate.runs.repository.KINDS", (changed, *KINDS[1:]))
    assert digest() != before
