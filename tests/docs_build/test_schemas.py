"""Every ``--json`` document fits its schema; goldens and a day on a GPU do where they are made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import ValidationError

from docs.build import schemas
from perceptron.questions.registry import STUDIES
from tests.conftest import Perceptron
from tests.goldens import answers
from tests.goldens.rows import keep_bench
from tests.made import RACE, keep_race, race_rows
from tests.schemas import valid


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("backends", ("backends",)),
        ("check", ("check", "numpy", "--problem", "or-gate")),
        ("dashboard", ("dashboard",)),
    ],
)
def test_schema_accepts_its_document(
    name: str, typed: tuple[str, ...], here: Perceptron, tmp_path: Path
) -> None:
    keep_bench(tmp_path / "results")
    ended = here(*typed, "--json")
    assert ended.stdout, ended.stderr
    assert valid(ended.stdout, name)["schema_version"] == 2


def test_schema_refuses_undeclared_fields(tmp_path: Path) -> None:
    run = keep_race(tmp_path / "results", race_rows(), plan=RACE)
    whole = valid(answers.answer_of(run)[0], "race")
    for wrong in (
        {key: value for key, value in whole.items() if key != "runs"},
        whole | {"epochs": "many"},
        whole | {"more": 1},
        whole | {"schema_version": 1},
    ):
        with pytest.raises(ValidationError):
            valid(json.dumps(wrong), "race")


def test_schema_files_cover_every_document() -> None:
    """Of every study too. `make readme` writes them; docs/results.md links each."""
    assert {*STUDIES} <= {*schemas.DOCUMENTS}
    root = Path(schemas.__file__).parents[2]
    files = schemas.files()
    assert {file.name for file in (root / "docs" / "schemas").iterdir()} == {
        Path(name).name for name in files
    }
    for name, text in files.items():
        assert (root / name).read_text(encoding="utf-8") == text, name
    page = (root / "docs" / "results.md").read_text(encoding="utf-8")
    assert all(f"](schemas/{name}.json)" in page for name in schemas.DOCUMENTS)
