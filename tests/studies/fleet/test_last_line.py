"""The last thing that a job has said, in one line."""

from __future__ import annotations

from pathlib import Path

from perceptron.studies.fleet.last_line import last_line


def test_the_last_line_that_says_something(tmp_path: Path) -> None:
    """Of a long log too; what steers a terminal is shown, not done."""
    log = tmp_path / "log"
    assert last_line(log) is None
    for text, said in (
        (b"", None),
        (b" \n\n", None),
        (b"one\ntwo\n\n", "two"),
        (b"x" * 10_000 + b"\nlast\n", "last"),
        (b"\x1b[2Jgone\n", "\ufffd[2Jgone"),
        (b"\xff\n", "\ufffd"),
    ):
        log.write_bytes(text)
        assert last_line(log) == said
    log.write_text("srun: error: Killed\n/spool/slurm_script: line 19: 77 Killed  srun python\n")
    assert last_line(log) == "srun: error: Killed"
