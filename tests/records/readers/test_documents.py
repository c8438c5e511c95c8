"""What readers make of every document of `documents`: rows to the digit, or one line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.parameter_roles import roles_of
from perceptron.records.readers.reading import ReadRequest
from perceptron.records.readers.sources import load_sources
from perceptron.records.readers.values import UnitName
from tests.records.readers.documents import GROUPS, Case

# What a line begins with, and what nearly all rows say.
_FIRST = ("source", "family", "backend", "size", "seconds")
_USUAL = {"machine": "unknown", "when": "", "file": None} | {
    field.name: [] if field.default_factory is list else field.default
    for field in msgspec.structs.fields(Measurement)
    if not field.required
}


class _Text(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "txt"


def options(
    by: str | tuple[str, ...] = (),
    size: str | None = None,
    size_regex: str | None = None,
    sep: str | None = None,
    unit: UnitName | None = None,
    families: tuple[str, ...] = (),
) -> ReadRequest:
    """What a user asks for with these options."""
    roles = roles_of(by, size, size_regex, "--size-regex")
    return ReadRequest(roles=roles, separator=sep, unit=unit, families=families)


def shown(row: Measurement) -> str:
    """A row in one line: what it says beside what nearly all rows say."""
    others = [name for name in Measurement.__struct_fields__ if name not in (*_FIRST, "file")]
    values = {name: getattr(row, name) for name in others}
    fields = [f"{name}={value}" for name, value in values.items() if value != _USUAL.get(name)]
    return " | ".join([*(str(getattr(row, name)) for name in _FIRST), *fields])


def outcome(case: Case, folder: Path) -> Iterable[str]:
    """Yield a line for each row, each reason why others are none, each warning, or the error."""
    try:
        (loaded,) = load_sources([case.write(folder)], options(**case.options))
    except UserError as error:
        yield f"refused: {error}"
        return
    yield from map(shown, loaded.rows)
    yield from (f"left out: {rows} {reason}" for reason, rows in loaded.skipped.items())
    if case.options.get("families"):
        yield f"families: {', '.join(sorted(loaded.families))}"
    yield from (
        f"{warning.code}: {warning.message}; {warning.advice}" for warning in loaded.warnings
    )


@pytest.mark.parametrize("group", GROUPS)
def test_readers_documents_match_snapshot(
    tmp_path: Path, snapshot: SnapshotAssertion, group: str
) -> None:
    """No number and no refusal changes unseen: ``--snapshot-update`` shows which, as a diff."""
    lines = []
    for number, case in enumerate(GROUPS[group]):
        folder = tmp_path / str(number)
        folder.mkdir()
        texts = [
            text.replace(f"{folder}/", "").replace(str(folder), ".")
            for text in outcome(case, folder)
        ]
        assert all(text.isprintable() for text in texts)
        lines += [f"{case.name}: {texts[0]}", *(f"    {text}" for text in texts[1:])]
    assert "\n".join(lines) + "\n" == snapshot.use_extension(_Text)
