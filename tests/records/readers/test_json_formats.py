"""What holds of every tool whose JSON is read."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.records.readers.json_formats import FORMATS, decode
from perceptron.records.readers.table import load_measurements
from tests.foreign_documents import CRITERION_BENCHMARK, DOCUMENTS

NAMES = [known.name for known in FORMATS]
STRANGE = st.sampled_from(
    ["± 1e999", "±-5%", "stddev: nan", "rounds: 0", "ns", "ops/s", "a/1e999", "b/0", "n:-1", "\0\n"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | STRANGE
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def write(folder: Path, name: str, document: object, beside: object = CRITERION_BENCHMARK) -> Path:
    """Write a document as its tool does."""
    if name == "criterion":
        (folder / "benchmark.json").write_text(json.dumps(beside))
    assignment = "window.BENCHMARK_DATA = " if name == "github-action-benchmark" else ""
    file = folder / ("estimates.json" if name == "criterion" else "results.json")
    file.write_text(f"{assignment}{json.dumps(document)}")
    return file


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container in a document with each of its keys."""
    keys = document if isinstance(document, dict) else range(len(document))
    for key in keys:
        yield document, key
        if isinstance(document[key], dict | list):
            yield from places(document[key])


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """The document with some of its nodes replaced by anything."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        nodes = list(places(document))
        if nodes:
            container, key = draw(st.sampled_from(nodes))
            container[key] = draw(VALUES)
    return document


def test_each_tool_has_a_document() -> None:
    assert set(NAMES) == set(DOCUMENTS)


@pytest.mark.parametrize("name", NAMES)
def test_each_document_is_recognised_as_its_tool_s_alone(name: str) -> None:
    assert [known.name for known in FORMATS if known.recognises(DOCUMENTS[name])] == [name]


@pytest.mark.parametrize("name", NAMES)
def test_each_document_gives_rows_of_its_tool(tmp_path: Path, name: str) -> None:
    file = write(tmp_path, name, DOCUMENTS[name])
    rows = load_measurements(file, by="name")
    assert rows
    assert {(row.source, row.file, row.status) for row in rows} == {(name, str(file), "ok")}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=150)
@given(data=st.data())
def test_a_mutated_document_gives_rows_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("mutated")
    document = data.draw(mutated(DOCUMENTS[name]))
    beside = data.draw(st.just(CRITERION_BENCHMARK) | mutated(CRITERION_BENCHMARK))
    options: dict[str, Any] = data.draw(
        st.sampled_from([{}, {"by": "name"}, {"size_regex": r"(\d+)"}, {"by": "n", "size": "kind"}])
    )
    file = write(folder, name, document, beside)
    rows, error = [], ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows = load_measurements(file, **options)
    except UserError as caught:
        error = str(caught)
    assert len(error.splitlines()) <= 1
    for row in rows:
        assert 0 < row.size < float("inf")
        assert row.status != "ok" or (row.seconds is not None and 0 < row.seconds < float("inf"))
        assert row.low is None or row.seconds is None or 0 < row.low <= row.seconds
        assert row.high is None or row.seconds is None or row.seconds <= row.high


def test_the_names_of_parameters_do_not_break_the_line_of_an_error(tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENTS["pytest-benchmark"])
    document["benchmarks"][0]["params"] = {"n\x1e\u2028\x1b[2J": 1}
    with pytest.raises(UserError) as caught:
        load_measurements(write(tmp_path, "pytest-benchmark", document))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "script",
    [
        "window.DATA = {};",
        "\ufeff\n window . DATA={}",
        "var data\n=\n{} ;\n",
        "const window = {}",
        "let variable = {}",
        "DATA = {}",
    ],
)
def test_a_script_of_one_assignment_is_its_value(script: str) -> None:
    assert decode(Path("data.js"), script.encode()) == {}


@pytest.mark.parametrize("start", ["", "window.", "var ", "window.a = "])
def test_a_file_of_spaces_is_refused_at_once(start: str) -> None:
    """Not in a time that grows with the square of its length: here, half an hour."""
    with pytest.raises(UserError, match="not JSON"):
        decode(Path("data.js"), start.encode() + b" " * 300_000)
