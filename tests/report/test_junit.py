"""A comparison as JUnit XML: the outcome of each benchmark, and that any text makes valid XML."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.records.comparison import Comparison, LeftOut
from perceptron.report.junit import junit_xml
from tests.hostile_comparison import hostile_comparison
from tests.made_comparison import broken, comparison, row, slower


def parsed(made: Comparison) -> ElementTree.Element:
    return ElementTree.fromstring(junit_xml(made).encode())  # noqa: S314 (our own, of few kilobytes)


def cases(made: Comparison) -> dict[str, tuple[str, dict[str, str]]]:
    """Each case by its name, as a service reads it: its outcome, and what it has."""
    root = parsed(made)
    (suite,) = root
    outcomes = Counter(next((child.tag for child in case), "passed") for case in suite)
    counted = {name: int(suite.attrib[name]) for name in ("failures", "errors", "skipped")}
    assert counted == {
        "failures": outcomes["failure"],
        "errors": outcomes["error"],
        "skipped": outcomes["skipped"],
    }
    assert int(suite.attrib["tests"]) == len(suite)
    return {
        f"{case.attrib.pop('classname')} {case.attrib.pop('name')}": (
            next((child.tag for child in case), "passed"),
            {**case.attrib, **{child.tag: child.attrib["message"] for child in case}},
        )
        for case in suite
    }


def test_slower_and_broken_ones_fail_and_what_was_not_judged_is_skipped() -> None:
    made = comparison(
        slower(head_seconds=1.081e-3),
        broken(benchmark="a.B.time_it", params=["1.5", "'x.y::z'"]),
        slower(benchmark="flaky", params=[], muted="#12"),
        row(benchmark="noisy", params=[], verdict="inconclusive", reason="too noisy here"),
        row(benchmark="lost", params=[], verdict="invalid"),
        row(benchmark="t", params=[], test="tests/test_a.py::TestB::test_c[1.5-(x)]"),
        verdict="regression",
        plan={"left_out": [LeftOut(benchmark="late.time_it", reason="one block takes 14 s")]},
        removed=["old.time_it"],
    )
    by_name = cases(made)
    assert {name: outcome for name, (outcome, _) in by_name.items()} == {
        "perceptron compare verdict": "failure",
        "sums time_sum(10, 'numpy')": "failure",
        "a.B time_it(1.5, 'x.y::z')": "failure",
        "perceptron compare flaky": "skipped",
        "perceptron compare noisy": "skipped",
        "perceptron compare lost": "skipped",
        "tests/test_a.py TestB::test_c[1.5-(x)]": "passed",
        "late time_it": "skipped",
        "old time_it": "skipped",
    }
    assert by_name["late time_it"][1]["skipped"] == "one block takes 14 s"
    assert float(by_name["sums time_sum(10, 'numpy')"][1]["time"]) == 1.081e-3


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        ("clean", "passed"),
        ("inconclusive", "skipped"),
        ("invalid", "error"),
        ("regression", "failure"),
    ],
)
def test_junit_run_without_rows_has_its_verdict(verdict: str, outcome: str) -> None:
    """As where HEAD does not build: no report is green because it is empty."""
    assert [element for element, _ in cases(comparison(verdict=verdict)).values()] == [outcome]


def test_hostile_names_are_texts() -> None:
    """Of bounded length; a service that reads the file makes nothing else of them."""
    made = hostile_comparison()
    assert len(junit_xml(made)) < 10**6
    kinds = {element.tag for element in parsed(made).iter()}
    assert kinds == {"testsuites", "testsuite", "testcase", "failure", "skipped"}


@given(st.text(), st.floats())
def test_junit_is_valid_for_any_text(text: str, number: float) -> None:
    """XML has no place for some characters, escaped or not."""
    made = slower(benchmark=text, reason=text, file=text, head_seconds=number)
    cases(comparison(made, broken(reason=text, benchmark=f"{text}."), verdict="regression"))
