"""Nothing that was measured is lost, and nothing is mixed with another comparison."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from perceptron.errors import UserError
from perceptron.gate.journal import open_journal
from tests.gate.conftest import planned


def test_journal_restarts_for_other_work_or_seed(tmp_path: Path) -> None:
    with open_journal(tmp_path, planned(), seed_given=True) as journal:
        first = journal.folder
    with open_journal(tmp_path, planned(head="other"), seed_given=True) as journal:
        assert journal.folder != first
    with open_journal(tmp_path, planned(seed=2), seed_given=True) as journal:
        assert journal.folder != first
    with open_journal(tmp_path, planned(), seed_given=True) as journal:
        assert journal.folder == first
        journal.update_run(msgspec.structs.replace(journal.run, finished=True))
    with open_journal(tmp_path, planned(), seed_given=True) as journal:
        assert journal.folder != first
        assert journal.blocks == []


def test_journal_concurrent_runs_have_separate_folders(tmp_path: Path) -> None:
    with (
        open_journal(tmp_path, planned(), seed_given=False) as first,
        open_journal(tmp_path, planned(), seed_given=False) as second,
    ):
        assert first.folder != second.folder


DEEP = b"[" * 100_000


@pytest.mark.parametrize("line", [b"{}\n", b'{"stage": ' + DEEP + b"\n", b"\xff\n"])
def test_journal_damaged_line_is_named(tmp_path: Path, line: bytes) -> None:
    with open_journal(tmp_path, planned(), seed_given=False) as journal:
        file = journal.folder / "blocks.jsonl"
    file.write_bytes(line)
    with (
        pytest.raises(UserError, match=r"blocks.jsonl, line 1: not a block"),
        open_journal(tmp_path, planned(), seed_given=False),
    ):
        pass


@pytest.mark.parametrize("linked", [".", "blocks.jsonl"])
def test_journal_writes_through_no_link(tmp_path: Path, linked: str) -> None:
    """What it leads to may be another's."""
    with open_journal(tmp_path, planned(), seed_given=False) as journal:
        here, elsewhere = journal.folder / linked, tmp_path / "elsewhere"
    here.rename(elsewhere)
    here.symlink_to(elsewhere)
    blocks = elsewhere if elsewhere.is_file() else elsewhere / "blocks.jsonl"
    blocks.write_bytes(b"cut short")
    with suppress(UserError), open_journal(tmp_path, planned(), seed_given=False) as again:
        assert again.folder != journal.folder
    assert blocks.read_bytes() == b"cut short"
