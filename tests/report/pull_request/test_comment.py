from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec.structs import replace

from perceptron.records.comparison import Comparison, Instructions, Row
from perceptron.report.comparison import describe
from perceptron.report.pull_request.comment import MOST_BYTES, TAG, command, comment, line
from perceptron.untrusted_text import label
from tests.hostile_comparison import hostile_comparison
from tests.made_comparison import comparison, row

# Stands in every hostile text, and nowhere in ours.
MARK = "Ж"
NASTY = (
    "|", "\\|", "\\", "`", "``", "```\n", "~~~", "\n", "\n\n", "\r", "\t", "@somebody", "#123",
    "GH-1", "</details>", "<details>", "<img src=x onerror=y>", "<!--", "-->",
    "http://evil.example", "www.evil.example", "[a](http://evil.example)", "![a](x)",
    "a@b.example", "&lt;", "&#64;me",
    "\u202e", "\u2028", "\x00", "\ud800", "# ", "- ", "> ", "***", "$`x`$",
    "'", '"', "x" * 10_000,
)  # fmt: skip
hostile = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=5)), max_size=6).map(
    lambda parts: MARK.join(["", *parts, ""])
)
number = st.one_of(st.none(), st.floats(), st.sampled_from([1e-3, 1e308, 5e-324, -1.0, 0.0]))
finite = st.floats(allow_nan=True)
counts = st.none() | st.builds(Instructions, base=finite, head=finite, change=finite, noise=finite)
whole = st.integers(-(10**400), 10**400)
NUMBERS = ("base", "head", "smallest_detectable", "limit", "idle")
OF_A_CHANGE = ("low", "high", "p_adjusted")


@st.composite
def rows(draw: st.DrawFn, made: Sequence[Row]) -> Row:
    """One of these rows with other numbers."""
    row = draw(st.sampled_from(made))
    numbers = {name: draw(number) for name in NUMBERS}
    if row.change is not None:
        numbers |= {"change": draw(st.floats()), **{name: draw(number) for name in OF_A_CHANGE}}
    return replace(
        row,
        **numbers,
        instructions=draw(counts),
        evidence=draw(st.sampled_from(["time", "work", "both"])),
        probably_slower=draw(st.booleans()),
        screen_blocks=draw(whole),
        confirmation_blocks=draw(whole),
        why=[
            replace(
                change, base=draw(finite), head=draw(finite), base_calls=draw(st.none() | finite)
            )
            for change in row.why
        ],
    )


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    """Every text and number is untrusted."""
    made = hostile_comparison(draw(st.lists(hostile, min_size=6, max_size=6)))
    return replace(
        made,
        rows=draw(st.lists(rows(made.rows), max_size=6)),
        verdict=draw(st.sampled_from(["clean", "regression", "inconclusive", "invalid"])),
        reproduce=draw(st.one_of(hostile, hostile.map("perceptron compare ".__add__))),
        seconds=draw(st.floats()),
        plan=replace(made.plan, seed=draw(whole), budget_seconds=draw(st.floats())),
    )


def parse(text: str) -> list[Token]:
    """As a forge reads it: CommonMark with HTML and tables."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    return [inner for token in tokens for inner in (token, *(token.children or []))]


OURS = {"inline", "text", "code_inline", "softbreak", "fence", "html_block"} | {
    f"{name}_{end}"
    for name in (
        *("paragraph", "strong", "bullet_list", "list_item"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    )
    for end in ("open", "close")
}


@settings(max_examples=60, deadline=None)
@given(made=comparisons())
def test_untrusted_texts_change_nothing_but_what_stands_in_code(made: Comparison) -> None:
    """No link, mention, reference, image or HTML but ours; no table or fold is broken."""
    assert_safe(made)


def test_nor_do_they_wherever_a_text_can_stand() -> None:
    assert_safe(hostile_comparison([MARK.join(["", *NASTY[:-1], ""])] * 6))


def assert_safe(made: Comparison) -> None:
    text = comment(made)
    assert len(text.encode()) < MOST_BYTES
    tokens = parse(text)
    kinds = Counter(token.type for token in tokens)
    assert set(kinds) <= OURS
    html = [token.content for token in tokens if token.type == "html_block"]
    assert html[0].strip() == TAG
    assert re.fullmatch(
        r"<details>\n<summary>[\w, ]+</summary>\n</details>\n", "".join(html[1:])
    ), html
    for token in tokens:
        if token.type == "text":
            assert MARK not in token.content
            assert not re.search(r"[@#<`|]|://|www\.|GH-", token.content)
    described = describe(made)
    tables = [table for table in (described.changed, described.others) if table.rows]
    assert kinds["table_open"] == len(tables)
    assert kinds["th_open"] == sum(len(table.columns) for table in tables)
    assert kinds["td_open"] == sum(len(table.columns) * len(table.rows) for table in tables)
    assert kinds["fence"] <= 1


# What Markdown and forges read, beside what a line may show without a code span.
SIGNS = "aB9 .,:;+-%→–[]()#@*_~|<>&!/=\\\n"


@settings(max_examples=500, deadline=None)
@given(text=st.text(SIGNS, max_size=40).map(label).filter(bool))
@example("9: a [9, 9]: b")
@example("[9, 9]: a")
@example("1. a")
@example("9 : 9")
def test_comment_text_is_never_markup(text: str) -> None:
    """In an entry of a list and in a cell: no markup, and nothing of it is hidden."""
    shown = line(text)
    for written in (f"- {shown}\n", f"| € |\n|---|\n| {shown} |\n"):
        tokens = parse(written)
        assert {token.type for token in tokens} <= OURS - {"html_block", "fence", "strong_open"}
        texts = [token.content for token in tokens if token.type in {"text", "code_inline"}]
        assert "".join(texts).removeprefix("€") == text.replace("|", "∣")
        assert not any(
            re.search(r"[@#<&_*~/]", parsed.content) for parsed in tokens if parsed.type == "text"
        )


def test_comment_shared_reason_counts_names() -> None:
    rows = [row(benchmark=f"{n}" + "x" * 400, params=[], not_counted="it spins") for n in range(9)]
    assert " and 7 more`: it spins\n" in comment(comparison(*rows))


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("perceptron compare a b --seed 1", "perceptron compare a b --seed 1"),
        ("perceptron compare a b --benchmarks 'x|y'", "perceptron compare a b --benchmarks 'x|y'"),
        ("perceptron compare $(reboot) `x`", "perceptron compare '$(reboot)' '`x`'"),
        ("perceptron compare a b; reboot", "perceptron compare a 'b;' reboot"),
        ("perceptron compare a 'b\n~~~'", None),
        ("perceptron compare a \u202eb", None),
        ("perceptron compare a 'b", None),
        ("rm -rf .", None),
        ("perceptron compare " + "x" * 10_000, None),
    ],
)
def test_comment_command_is_a_comparison_only(given: str, shown: str | None) -> None:
    """Somebody will paste it into a shell."""
    assert command(given) == shown
