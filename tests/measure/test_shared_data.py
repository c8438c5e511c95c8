"""Workers of one study find what others of it have generated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from perceptron.measure import launch
from perceptron.problems.kept_data import FOLDER


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, str]]:
    """The environments of workers, none of which is really started."""
    environments: list[Mapping[str, str]] = []

    def worker(environment: Mapping[str, str]) -> object:
        environments.append(environment)
        return SimpleNamespace(process=None, ended=False)

    monkeypatch.setattr(launch, "_Worker", worker)
    return environments


def test_all_workers_of_a_study_share_one_folder_until_it_ends(
    started: list[Mapping[str, str]],
) -> None:
    with launch.Workers() as workers:
        workers._start({"OMP_NUM_THREADS": "1"})
        workers._start({})
        folder = Path(started[0][FOLDER])
        assert folder.is_dir()
        assert started[1] == {FOLDER: str(folder)}
        assert started[0]["OMP_NUM_THREADS"] == "1"
        (folder / "data").mkdir()
    assert not folder.exists()
