"""The line of Python that chooses by size."""

from __future__ import annotations

from math import exp, inf, log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.questions.crossover.judge import Crossover, SizeRatio, crossovers
from perceptron.questions.crossover.rule import NoRule, Rule, rules
from tests.conftest import Perceptron
from tests.made import keep, line

SIZES = (2.0, 16.0, 128.0, 1024.0)
logs = st.lists(st.floats(-1.0, 1.0), min_size=4, max_size=4)


def judged(machine: str, ratios: list[float], **fields: Any) -> Crossover:
    return Crossover(
        family="own",
        incumbent="a",
        challenger="b",
        status="tie",
        machine=machine,
        dtype=None,
        threads=1,
        sizes_measured=list(SIZES),
        ratio_at=[
            SizeRatio(*at, None, None, 8) for at in zip(SIZES, map(exp, ratios), strict=True)
        ],
        **fields,
    )


def chosen(line: object, **known: Any) -> str:
    """Run a line, as who pastes it does."""
    exec(str(line), known)  # noqa: S102 that is what it is for
    return str(known["fastest"])


@given(st.lists(logs, min_size=1, max_size=3))
def test_rule_size_minimises_the_worst_case(machines: list[list[float]]) -> None:
    (rule,) = rules([judged(f"m{n}", machine) for n, machine in enumerate(machines)], [])
    assert isinstance(rule, Rule)
    sizes = np.unique(np.ceil(np.geomspace(2, 1024, 400)))
    ratios = [np.interp(np.log(sizes), np.log(SIZES), machine) for machine in machines]

    def worst(first: str, threshold: float) -> float:
        takes_first = (sizes < threshold) == (first == "a")
        return max(float(np.where(takes_first, -ratio, ratio).max()) for ratio in ratios)

    best = min(worst(first, at) for first in "ab" for at in (*sizes, inf))
    takes_a = np.array([chosen(rule, size=size) == "a" for size in sizes])
    lost = max(float(np.where(takes_a, -ratio, ratio).max()) for ratio in ratios)
    assert max(0.0, lost) <= max(0.0, best) + 0.02
    assert log(rule.regret) == pytest.approx(max(0.0, lost), abs=0.02)
    if rule.size is not None and rule.low is not None and rule.high is not None:
        assert rule.low <= rule.size <= rule.high
        for end in (rule.low, rule.high):
            assert worst(rule.below, end) <= max(0.0, lost) + 0.05 + 0.02


def test_rule_of_one_machine_has_size_of_its_crossover() -> None:
    rows = line()
    (crossover,) = crossovers(rows)
    (rule,) = rules(
        [crossover], rows, {"numpy": "2.4", "scipy": "1.17", "torch": "2.13", "jax": "1"}
    )
    assert isinstance(rule, Rule)
    assert (rule.below, rule.above) == ("numpy", "torch-cpu")
    assert crossover.size is not None
    assert rule.size == np.ceil(crossover.size)
    assert str(rule).endswith(
        "box, 2 threads, float32; numpy 2.4, scipy 1.17, torch 2.13; 1 run, 2026-01-01"
    )


def test_machines_that_name_the_two_the_other_way_round_agree() -> None:
    one, other = judged("x", [0.5, 0.2, -0.2, -0.5]), judged("y", [-0.5, -0.2, 0.2, 0.5])
    other = Crossover(
        **{name: getattr(other, name) for name in other.__struct_fields__}
        | {"incumbent": "b", "challenger": "a"}
    )
    (rule,) = rules([one, other], [])
    assert isinstance(rule, Rule)
    assert (rule.below, rule.above, rule.regret) == ("a", "b", pytest.approx(1, abs=0.01))
    assert "x, 1 thread and y, 1 thread" in str(rule)


def test_names_from_files_stay_text() -> None:
    """A backend, a machine or a family that is code runs nothing."""
    code = "'; raise SystemExit  # \nraise SystemExit"
    crossover = judged(code, [0.5, 0.2, -0.2, -0.5], axis=code)
    crossover = Crossover(
        **{name: getattr(crossover, name) for name in crossover.__struct_fields__}
        | {"incumbent": code, "family": code}
    )
    (rule,) = rules([crossover], [])
    assert isinstance(rule, Rule)
    assert chosen(rule, size=2, _raise_SystemExit_raise_SystemExit=2) == code


@pytest.mark.parametrize("axis", ["lambda", "None", "2d"])
def test_rule_axis_that_is_no_identifier_is_named_size(axis: str) -> None:
    (rule,) = rules([judged("x", [0.5, 0.2, -0.2, -0.5], axis=axis)], [])
    assert [chosen(rule, size=size) for size in (2, 1024)] == ["a", "b"]


def test_rule_excludes_machine_with_another_problem() -> None:
    """Its crossover lies elsewhere; the comment names it."""
    new = [replace(row, machine="new", problem_digest="b", when="2026-02-01") for row in line()]
    old = [
        replace(row, machine="old", problem_digest="a", seconds=row.seconds and row.seconds * slow)
        for row in line()
        for slow in [2.0 if row.backend == "torch-cpu" else 1.0]
    ]
    (alone,), (rule,) = (rules(crossovers(rows), rows) for rows in (new, [*new, *old]))
    assert isinstance(alone, Rule)
    assert isinstance(rule, Rule)
    assert (rule.size, rule.regret) == (alone.size, alone.regret)
    assert "without old" in str(rule)


def test_rule_of_undecided_pair_is_absent() -> None:
    (none,) = rules([judged("x", [0.1] * 4, reason="too few repeats")], [])
    assert isinstance(none, Rule)
    undecided = Crossover(
        family="own",
        incumbent="a",
        challenger="b",
        status="undecided",
        machine="x",
        dtype=None,
        threads=1,
        reason="too few repeats",
    )
    (none,) = rules([undecided], [])
    assert isinstance(none, NoRule)
    assert str(none) == "# no rule for own, a and b: too few repeats"


def test_rule_option_prints_rule_alone(tmp_path: Path, here: Perceptron) -> None:
    keep(tmp_path / "results", {"study": "crossover"}, line())
    answer = here("crossover", "--from", "results", "--rule")
    assert (answer.returncode, answer.stderr) == (0, "")
    (printed,) = answer.stdout.splitlines()
    assert chosen(printed, width=1) == "numpy"
    assert not (tmp_path / "html").exists()
    assert here("crossover", "--from", "results", "--rule", "--json").returncode == 2
