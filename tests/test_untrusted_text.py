from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.untrusted_text import (
    LONGEST,
    label,
    printable,
    quoted,
    read_asv_json,
    read_toml,
    shortened,
)

INVISIBLE = {"Cc", "Cf", "Cs"}
texts = st.text(st.characters(codec=None), max_size=200)


@given(texts)
def test_untrusted_text_becomes_one_printable_line(text: str) -> None:
    for shown in (label(text), quoted(text), shortened(text), printable(text)):
        assert not {unicodedata.category(character) for character in shown} & INVISIBLE
        assert len(shown.splitlines()) <= 1
        shown.encode()


@given(texts)
def test_untrusted_text_has_bounded_length(text: str) -> None:
    assert len(quoted(text)) <= 60
    assert len(shortened(text)) <= LONGEST


@pytest.mark.parametrize("text", ["\x1b[31mred", "a\u202eb", "a\u200bb", "a\u2028b", "\x00"])
def test_untrusted_text_marks_control_characters(text: str) -> None:
    assert "\N{REPLACEMENT CHARACTER}" in printable(text)
    assert printable(text).replace("\N{REPLACEMENT CHARACTER}", "").isprintable()


def test_untrusted_text_keeps_both_ends() -> None:
    text = shortened("begin" + "x" * 10_000 + "end")
    assert text.startswith("begin")
    assert text.endswith("end")
    assert "(10,008 characters)" in text


def test_values_are_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "some.toml"
    file.write_text('name = "é"\n[table]\nrate = 0.5\nsizes = [1, 2]\n', encoding="utf-8")
    assert read_toml(file) == {"name": "é", "table": {"rate": 0.5, "sizes": [1, 2]}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = 1\xff", "not UTF-8 text: byte 5 is out of place"),
        (b"a = [", "not TOML: "),
        (b"a = " + b"[" * 9_999, "not TOML: nested too deeply"),
        (b"a = " + b"9" * 9_999, "not TOML: "),
        (b"a" * 10_000, "not TOML: "),
    ],
)
def test_read_toml_invalid_file_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    """The file's name is left to whoever asks."""
    file = tmp_path / "some.toml"
    file.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_toml(file)
    line = str(caught.value)
    assert line.startswith(message)
    assert "\n" not in line
    assert "some.toml" not in line
    assert len(line) < 200


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_read_toml_refuses_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "some.toml")
    with pytest.raises(UserError, match=r"no ordinary file"):
        read_toml(tmp_path / "some.toml")


@pytest.mark.parametrize(("name", "reason"), [("none", "No such file"), (".", "Is a directory")])
def test_read_toml_unreadable_file_gives_reason(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(UserError, match=f"^cannot be read: {reason}"):
        read_toml(tmp_path / name)


def test_asvs_json_may_have_comments_and_is_read_by_the_same_rules(tmp_path: Path) -> None:
    file = tmp_path / "asv.conf.json"
    file.write_text('{"version": 1, // the first\n"branches": ["main"],}')
    assert read_asv_json(file) == {"version": 1, "branches": ["main"]}
    for content, message in (
        (b"{", "not asv's JSON: "),
        (b"[" * 200_000, "not asv's JSON: nested too deeply"),
        (b'{"a": "\xff"}', "not UTF-8 text: byte 7"),
    ):
        file.write_bytes(content)
        with pytest.raises(UserError, match=f"^{message}"):
            read_asv_json(file)
