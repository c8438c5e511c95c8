"""Two small sources: a run of our own and a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.records.readers.documents import HEADER, ROW

TABLE = f"{HEADER}f,1,b,0.5\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = tmp_path / "results" / "runs" / "box" / "one"
    run.mkdir(parents=True)
    (run / "measurements.jsonl").write_text(ROW)
    return run
