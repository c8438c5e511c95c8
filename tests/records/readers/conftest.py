"""Two small sources: a run of our own and a table."""

from __future__ import annotations

from pathlib import Path

import pytest

GOOD = '{"kind":"time","source":"x","machine":"m","when":"","family":"f","size":1,"backend":"b"}\n'
TABLE = "case,size,backend,seconds\nf,1,b,0.5\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = tmp_path / "results" / "runs" / "box" / "one"
    run.mkdir(parents=True)
    (run / "measurements.jsonl").write_text(GOOD)
    return run
