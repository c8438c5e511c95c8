"""Whatever is in a file: rows that can be drawn, or one line. One property for each boundary."""

from __future__ import annotations

import copy
import json
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.any_source import FORMATS
from perceptron.records.readers.json_text import decode
from perceptron.records.readers.stored_runs import read_results
from perceptron.untrusted_text import printable
from tests.asv_documents import BENCHMARKS, RESULTS
from tests.asv_documents import write as write_asv
from tests.foreign_documents import CRITERION_BENCHMARK, DOCUMENTS
from tests.made import load_measurements
from tests.records.readers.documents import HEADER, OWN, ROW, benchmark, saved

# Beside a document of each tool: asv keeps folders, and benchmarks of ours say of what they are.
OTHERS: dict[str, Any] = {"asv": RESULTS, "ours": saved(benchmark(None, extra_info=OWN))}
DEEP = "[" * 100_000
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
OPTIONS: list[dict[str, Any]] = [
    {},
    {"by": "name"},
    {"size_regex": r"(\d+)"},
    {"by": "n", "size": "kind"},
]


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


def is_shown(row: Measurement) -> bool:
    """Whether every terminal and page takes the names of a row as they are."""
    text = f"{row.backend}{row.family}{row.commit}{row.environment}{row.reason}"
    return text == printable(text)


def write(folder: Path, tool: str, document: object, beside: Any) -> Path:
    """Write a document as its tool does, and what it keeps beside it; return what is named."""
    if tool == "asv":
        return write_asv(folder / "asv", beside, document)  # type: ignore[arg-type]
    if tool == "criterion":
        (folder / "benchmark.json").write_text(json.dumps(beside))
    assignment = "window.BENCHMARK_DATA = " if tool == "github-action-benchmark" else ""
    file = folder / ("estimates.json" if tool == "criterion" else "results.json")
    file.write_text(f"{assignment}{json.dumps(document)}")
    return file


def read(source: Path, **options: Any) -> list[Measurement]:
    """Return the rows, of which each can be drawn; none where one line says why there are none."""
    rows, messages = [], []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            rows = load_measurements(source, **options)
        except UserError as error:
            messages = [str(error)]
    messages += [str(warning.message) for warning in caught]
    assert all(len(line.splitlines()) == 1 for line in messages)
    for row in rows:
        assert 0 < row.size < float("inf")
        assert row.status != "ok" or (row.seconds is not None and 0 < row.seconds < float("inf"))
        assert row.low is None or row.seconds is None or 0 < row.low <= row.seconds
        assert row.high is None or row.seconds is None or row.seconds <= row.high
        assert is_shown(row)
    return rows


def test_readers_recognise_exactly_one_tool() -> None:
    documents = {"asv": RESULTS, **DOCUMENTS}
    assert [*documents] == [known.name for known in FORMATS]
    for tool, document in documents.items():
        assert [known.name for known in FORMATS if known.recognises(document)] == [tool]


@pytest.mark.parametrize("tool", [*DOCUMENTS, *OTHERS])
@given(data=st.data())
def test_readers_give_rows_or_one_line_for_mutated_document(tool: str, data: st.DataObject) -> None:
    usual = BENCHMARKS if tool == "asv" else CRITERION_BENCHMARK
    document = data.draw(mutated((DOCUMENTS | OTHERS)[tool]))
    beside = data.draw(st.just(usual) | mutated(usual))
    with tempfile.TemporaryDirectory() as folder:
        source = write(Path(folder), tool, document, beside)
        read(source, **data.draw(st.sampled_from(OPTIONS)))


@given(
    content=st.binary()
    | st.text().map(lambda text: (HEADER + text).encode("utf-8", "surrogatepass")),
    name=st.sampled_from(["rows.txt", "rows.jsonl", "rows.json", "rows.csv"]),
)
@example(DEEP.encode(), "rows.txt")
@example(DEEP.encode() + b"\n", "rows.jsonl")
@example(b'{"a":' * 100_000, "rows.json")
@example(b'{"a":' * 100_000 + b"\n", "rows.jsonl")
@example(DEEP.encode(), "rows.csv")
def test_readers_give_rows_or_one_line_for_any_bytes(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(content)
        read(Path(folder) / name)


DAMAGED = (
    st.binary(max_size=50)
    | VALUES.map(lambda value: json.dumps(value).encode())
    | mutated(RESULTS).map(lambda results: json.dumps(results).encode())
)
WORDS = ["0x" + "f" * 5000, "'\x1b[2J'", f"[{'x' * 10_000}"]
HUGE = {
    **RESULTS,
    "commit_hash": "\x1b",
    "env_name": "\x1b" * 999,
    "results": {
        f"time_\x1b\n{'x' * 10_000}": [1],
        "train.Width.time_train": [[1.0] * 3, [["2"], WORDS]],
    },
}


@given(content=DAMAGED, name=st.sampled_from(["runs/m/1/measurements.jsonl", "asv/box/0-env.json"]))
@example(b"", "asv/box/0-env.json")
@example(DEEP.encode(), "asv/box/0-env.json")
@example(b'{"version": ' + b"9" * 5000 + b"}", "asv/box/0-env.json")
@example(json.dumps(HUGE).encode(), "asv/box/0-env.json")
@example(b'{"a":' * 100_000 + b"\n", "runs/m/1/measurements.jsonl")
@example(b"\x1b\n\0\nNaN\n", "runs/m/1/measurements.jsonl")
@example(json.dumps(RESULTS).encode(), "runs/m/1/measurements.jsonl")
@example(json.dumps(RESULTS).encode(), "asv/box/0-env.json")
def test_readers_damaged_file_hides_no_other(content: bytes, name: str) -> None:
    """Pages are made of what can be read, and say in a line of the file what cannot."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        run = results / "runs" / "m" / "2"
        for place in (run, run.with_name("1")):
            place.mkdir(parents=True)
            (place / "measurements.jsonl").write_text(ROW.replace('"m"', f'"{place.name}"'))
        write_asv(results / "asv", BENCHMARKS, {**RESULTS, "commit_hash": "a"}, RESULTS)
        (results / "asv" / "box" / "0123-env.json").rename(results / "asv" / "box" / "0-env.json")
        (results / name).write_bytes(content)
        contents = read_results(results)
    assert len([row for row in contents.rows if row.source == "x"]) >= (1 if "runs" in name else 2)
    assert len([row for row in contents.rows if row.commit == "0123456789ab"]) >= 4
    assert contents.by_run[run][0].source == "x"
    for row in contents.rows:
        assert row.seconds is None or 0 < row.seconds < float("inf")
        assert is_shown(row)
    for line in contents.errors:
        # Undamaged content may be that of another file, which is then told as its copy.
        assert line.startswith(str(results / name)) or "read already" in line
        assert line == printable(line)
        assert len(line) <= 400


@pytest.mark.parametrize("start", ["", "window.", "var ", "window.a = "])
def test_readers_refuse_file_of_spaces_quickly(start: str) -> None:
    """Not in a time that grows with the square of its length: here, half an hour."""
    with pytest.raises(UserError, match="not JSON"):
        decode(Path("data.js"), start.encode() + b" " * 300_000)
