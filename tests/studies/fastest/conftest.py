"""A cache of the test's own: what this machine knows must neither help nor be changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.studies.fastest.cache import FOLDER, cache_file
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the cache will be in; the working folder has no results.

    Processes that a test starts find the package.
    """
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv(FOLDER, str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return cache_file()
