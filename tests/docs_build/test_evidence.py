"""Published GPU results: the pair that answers for an operation, and a table's source."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.build.evidence import beside, blocks
from perceptron.errors import UserError

ABOUT = "".join(
    f"# {name}: {text}\n"
    for name, text in {
        "repository": "https://github.com/some/one",
        "file": "table.md",
        "hardware": "a GPU",
        "libraries": "none",
        "operation": "sorting",
        "size": "letters",
        "timed": "a call",
        "synchronised": "yes",
    }.items()
)
SIZES = (10, 100, 1000)
# Seconds by backend: of a CPU as the size, of a GPU always the same.
CPUS, GPUS = {"slow": 2e-3, "fast": 1e-3}, {"late": 0.8, "early": 0.2}


def test_evidence_row_pairs_first_gpu_with_last_cpu(tmp_path: Path) -> None:
    """Only where it has overtaken every backend of the CPU does the GPU win."""
    rows = [f"{size},{name},cpu,{cpu * size}" for name, cpu in CPUS.items() for size in SIZES]
    rows += [f"{size},{name},gpu,{seconds}" for name, seconds in GPUS.items() for size in SIZES]
    table = "\n".join(["size,backend,device,seconds", *rows])
    (tmp_path / "sort.csv").write_text(f"{ABOUT}{table}\n")
    filled = blocks(tmp_path, has_gpu=False)
    *_, backends, turn, first = filled["evidence"].splitlines()[2].split(" | ")
    assert (backends, turn) == ("early, fast", "200 letters [100, 1,000]")
    assert first == "20.0× as long at 10 letters |"
    assert "has not run on a GPU yet" in filled["gpus-in-common"]
    assert "in 1 of 1 comparisons" in filled["gpus-in-common"]
    assert "has not run" not in blocks(tmp_path, has_gpu=True)["gpus-in-common"]


def test_evidence_published_gpu_is_beside_its_rows(tmp_path: Path) -> None:
    rows = [
        f"sort,{size},{size / 1000},{device},{device}"
        for device in ("cpu", "gpu")
        for size in SIZES
    ]
    table = "\n".join(["case,size,seconds,backend,device", *rows])
    about = ABOUT.replace("a GPU", "Slide Rule 9000 (of wood), a CPU")
    (tmp_path / "sort.csv").write_text(f"{about}{table}\n")
    *_, row = beside(tmp_path, "Inc. Slide Rule 9000 80GB")
    assert row.endswith("| `sort` | gpu | 10–1,000 letters | 10.0 ms to 1.00 s |")
    assert beside(tmp_path, "Difference Engine") == []


def test_evidence_table_without_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sort.csv").write_text("size,backend,seconds\n")
    with pytest.raises(UserError, match=r"sort\.csv: no comment '# repository: …'"):
        blocks(tmp_path, has_gpu=False)
