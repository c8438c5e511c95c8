from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.untrusted_text import LONGEST, label, printable, quoted, shortened

INVISIBLE = {"Cc", "Cf", "Cs"}
texts = st.text(st.characters(codec=None), max_size=200)


@given(texts)
def test_every_text_becomes_one_line_without_control_characters(text: str) -> None:
    for shown in (label(text), quoted(text), shortened(text), printable(text)):
        assert not {unicodedata.category(character) for character in shown} & INVISIBLE
        assert len(shown.splitlines()) <= 1
        shown.encode()


@given(texts)
def test_what_is_shown_has_a_bounded_length(text: str) -> None:
    assert len(quoted(text)) <= 60
    assert len(shortened(text)) <= LONGEST


@pytest.mark.parametrize("text", ["\x1b[31mred", "a\u202eb", "a\u200bb", "a\u2028b", "\x00"])
def test_what_steers_a_terminal_is_marked(text: str) -> None:
    assert "\N{REPLACEMENT CHARACTER}" in printable(text)
    assert printable(text).replace("\N{REPLACEMENT CHARACTER}", "").isprintable()


def test_a_long_text_keeps_both_ends_and_says_how_long_it_was() -> None:
    text = shortened("begin" + "x" * 10_000 + "end")
    assert text.startswith("begin")
    assert text.endswith("end")
    assert "(10,008 characters)" in text
