from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.records.readers.shared.lenient_json import decode_lenient

texts = st.text(st.characters(codec=None))
documents = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
)


@given(documents)
def test_every_text_can_be_written_and_the_rest_is_as_it_was(document: object) -> None:
    decoded = decode_lenient(json.dumps(document).encode())
    text = json.dumps(decoded, ensure_ascii=False).encode()
    assert text == json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def test_a_character_of_two_halves_stays() -> None:
    assert decode_lenient(rb'["\ud83c\udf89", "\ud83c!", NaN]')[:2] == ["🎉", "?!"]  # type: ignore[index]


def test_what_is_no_json_raises() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        decode_lenient(b"[")
