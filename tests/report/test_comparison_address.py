from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.records.comparison import ComparedRevision, ComparisonPlan
from perceptron.report.comparison_address import address, is_name, published
from tests.made_comparison import comparison

PLAIN = f"gate/{'a' * 12}..{'b' * 12}/index.html"
TREE = ComparedRevision(name=".", commit="b" * 40, changes="0123456789abcdef", python="python")


def plan(**fields: Any) -> ComparisonPlan:
    return comparison(plan=fields).plan


def test_comparison_address_is_unique_per_comparison() -> None:
    """Another suite, part of it or interpreter has a page beside it; seed and budget do not."""
    other = ComparedRevision(name="HEAD", commit="b" * 40, python="python3.9")
    variants: list[dict[str, Any]] = [
        {},
        {"suite": "other.conf.json"},
        {"suite_state": "another commit of the suite's own repository"},
        {"kind": "pytest"},
        {"benchmarks": "sum"},
        {"installed": True},
        {"build": True},
        {"head": other},
    ]
    assert address(plan(head=TREE)) == f"gate/{'a' * 12}..{'b' * 12}+0123456789ab/index.html"
    addresses = [address(plan(**fields)) for fields in variants]
    assert len(set(addresses)) == len(variants)
    assert address(plan(seed=8, budget_seconds=60.0)) == PLAIN


def test_comparison_address_of_failed_build_is_of_request() -> None:
    """Not that of the trees; and the one that builds writes it over, wherever its caches are."""
    failed = address(plan(build=True))
    assert failed != PLAIN
    sides = [
        ComparedRevision(name="x", commit=letter * 40, python=f"/home/{letter}/python")
        for letter in "ab"
    ]
    assert address(plan(build=True, installed=True, base=sides[0], head=sides[1])) == failed


@pytest.mark.parametrize("commit", ["", "abc", "../../../../etc/passwd", "A" * 40, "g" * 40])
def test_comparison_address_needs_commits(commit: str) -> None:
    assert address(plan(base=ComparedRevision(name="x", commit=commit, python="p"))) is None


text = st.text(st.characters(codec=None), max_size=50)


@settings(deadline=None)
@given(texts=st.lists(text | st.just("a" * 40), min_size=7, max_size=7))
def test_comparison_address_of_untrusted_plan_is_safe(texts: list[str]) -> None:
    """Commits are hexadecimal, whatever else is in the document has no part in the path."""
    base, head = (
        ComparedRevision(name=name, commit=commit, changes=changes, python="python")
        for name, commit, changes in (texts[:3], texts[3:6])
    )
    page = address(plan(base=base, head=head, suite=texts[6], benchmarks=texts[6]))
    if page is not None:
        folder, name, file = page.split("/")
        assert (folder, file) == ("gate", "index.html")
        assert is_name(name)


def test_pages_are_published_at_an_address_of_the_web_and_nowhere_else() -> None:
    """What is none is an error that names the option."""
    for url in ("https://we.example", "https://we.example/suite/", "https://w.it:8080/a-b/~c/%20"):
        assert published(url) == url.rstrip("/")
    for url in (
        *("", "http://we.example", "we.example", "https://", "https://a/?x=1", "https://a/b c"),
        *("https://a/)[x](https://b", "javascript:alert(1)"),
    ):
        with pytest.raises(UserError, match=r"^--pages-url "):
            published(url)
