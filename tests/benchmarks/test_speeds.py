from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.speeds import Side, Speeds, keep_speeds, newest_speeds, read_speeds
from perceptron.errors import UserError


def speeds(machine: str, when: str) -> Speeds:
    return Speeds(
        machine=machine,
        cpu="Abacus",
        cores=2,
        code="abc",
        when=when,
        command="measure",
        quiet=Side(ratios={"numpy": [0.6]}),
    )


def test_what_is_kept_is_read_back_and_the_last_measured_is_the_newest(tmp_path: Path) -> None:
    """Whatever its machine is called; without any there is none."""
    assert newest_speeds(tmp_path) is None
    old, new = speeds("zebra", "2026-01-01"), speeds("ant", "2026-01-02")
    file = keep_speeds(tmp_path, old)
    keep_speeds(tmp_path, new)
    assert file == tmp_path / "speeds" / "zebra.json"
    assert read_speeds(file) == old
    assert newest_speeds(tmp_path) == new


def test_a_file_that_is_no_speeds_is_named_with_what_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "box.json"
    assert read_speeds(file) is None
    file.write_text('{"machine": 1}')
    with pytest.raises(UserError, match=r"box\.json: no speeds: .* `make targets` writes it again"):
        read_speeds(file)


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "speeds").write_text("in the way")
    with pytest.raises(UserError, match="cannot write results"):
        keep_speeds(tmp_path, speeds("box", "2026"))
