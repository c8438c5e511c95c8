"""Plug-ins of asv_runner are found as before; without one, no package is read."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from perceptron.gate.runner.plugins import looked_for_by_folder, may_have_plugins


def test_without_a_plug_in_no_distribution_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And afterwards everything is found again."""
    before = metadata.distributions
    (tmp_path / "numpy-2.0.dist-info").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "gone")])
    with looked_for_by_folder():
        assert list(metadata.distributions()) == []
    assert metadata.distributions is before


@pytest.mark.parametrize("name", ["asv_bench_memray-0.1.dist-info", "asv_bench.egg-link"])
def test_with_one_everything_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / name).touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    before = metadata.distributions
    with looked_for_by_folder():
        assert metadata.distributions is before


def test_what_is_no_folder_may_hold_one(tmp_path: Path) -> None:
    """An archive can be imported from, and is not looked into here."""
    archive = tmp_path / "library.zip"
    archive.touch()
    assert may_have_plugins([str(archive)])
    assert not may_have_plugins([str(tmp_path)])
