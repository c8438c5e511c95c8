"""A comparison as JUnit XML, which most continuous integration services show.

Every text may come from outside: each becomes one line of bounded length, of characters that XML
allows, and the library that writes it escapes it.
"""

from __future__ import annotations

from math import isfinite
from xml.etree import ElementTree as Xml

from perceptron.records.comparison import Comparison, Row
from perceptron.report import comparison_row as shown
from perceptron.report.comparison import describe
from perceptron.untrusted_text import shortened

_RUN = "perceptron compare"
_LONGEST = 300
# XML 1.0 allows every character that `shortened` leaves except these.
_NO_CHARACTERS = dict.fromkeys((0xFFFE, 0xFFFF), "\ufffd")
_OUTCOMES = {"regression": "failure", "invalid": "error", "inconclusive": "skipped"}


def junit_xml(comparison: Comparison) -> str:
    """Return the document: a case for the verdict, for each benchmark, and for each without a row.

    Slower and broken benchmarks are failures; those not judged, muted or gone on HEAD are skipped.
    The time of a case is that of a call on HEAD.
    """
    described = describe(comparison)
    suite = Xml.Element("testsuite", name=_text(described.title))
    run = _case(suite, f"{_RUN}::verdict", None)
    _add(run, _OUTCOMES.get(comparison.verdict), described.verdict, described.said)
    for row in shown.in_order(comparison.rows):
        _add(_case(suite, row.key, row.head_seconds), *_outcome(row))
    for skipped in comparison.plan.left_out:
        _add(_case(suite, skipped.benchmark, None), "skipped", "left out", skipped.reason)
    for key in comparison.removed:
        _add(_case(suite, key, None), "skipped", "gone", "gone on HEAD")
    for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{kind}"))))
    suite.set("tests", str(len(suite)))
    _set_time(suite, comparison.seconds)
    suites = Xml.Element("testsuites", name=_RUN)
    suites.append(suite)
    Xml.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{Xml.tostring(suites, encoding="unicode")}\n'


def _outcome(row: Row) -> tuple[str | None, str, str]:
    """Return a row's JUnit outcome (None if it passes), its own verdict, and the reason."""
    word = shown.verdict(row)
    if row.muted is not None:
        return "skipped", "muted", f"muted: {row.muted}"
    if row.verdict == "slower":
        return "failure", word, shown.worse(row)
    if row.verdict in {"inconclusive", "invalid"}:
        return "skipped", word, row.reason or word
    return None, word, ""


def _case(suite: Xml.Element, key: str, seconds: float | None) -> Xml.Element:
    """Add the case of a benchmark, in the class of its module or file."""
    is_test = "::" in key.partition("(")[0]
    group, name = key.split("::", 1) if is_test else _module(key)
    case = Xml.SubElement(suite, "testcase", classname=_text(group or _RUN), name=_text(name))
    _set_time(case, seconds)
    return case


def _module(key: str) -> tuple[str, str]:
    """Return the module and class of an asv benchmark, and the rest of its key."""
    group, _, _ = key.partition("(")[0].rpartition(".")
    return group, key[len(group) :].removeprefix(".")


def _add(case: Xml.Element, kind: str | None, word: str, message: str) -> None:
    if kind is None:
        return
    element = Xml.SubElement(case, kind, message=_text(message))
    if kind != "skipped":
        element.set("type", _text(word))


def _set_time(element: Xml.Element, seconds: float | None) -> None:
    if seconds is not None and isfinite(seconds) and seconds >= 0:
        element.set("time", f"{seconds:.9f}")


def _text(text: str) -> str:
    return shortened(text, _LONGEST).translate(_NO_CHARACTERS)
