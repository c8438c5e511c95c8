"""Goldens: one readable text file for each, and a user who types commands into 100 columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from perceptron.figure import Figure
from perceptron.report.charts import svg
from perceptron.report.charts.svg import Looks
from perceptron.report.dashboard import answers as on_pages
from tests.conftest import Perceptron
from tests.goldens.answers import narrow
from tests.goldens.shown import document, drawings


class _Text(SingleFileSnapshotExtension):
    """A text file for each golden, named as its test."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


Type = Callable[..., str]


@pytest.fixture
def golden_file(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """What an answer is to equal: a committed text file."""
    return snapshot.use_extension(_Text)


@pytest.fixture
def typed(here: Perceptron) -> Type:
    """Type a command: its text, with its exit code where that is not 0; of ``--json`` the document.

    What it says on standard error is told below.
    """

    def command(*arguments: str) -> str:
        with narrow():
            ended = here(*arguments)
        name = "-".join(arguments[:2] if arguments[0] == "fleet" else arguments[:1])
        text = document(ended.stdout, name) if "--json" in arguments else ended.stdout
        if ended.stderr:
            text += f"\n(standard error)\n{ended.stderr}"
        return text + (f"\n(exit code {ended.returncode})" if ended.returncode else "")

    return command


@pytest.fixture(autouse=True)
def keep_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what is drawn for pages, so that goldens tell the points and not their places."""

    def draw(figure: Figure, looks: Looks, width: int) -> str:
        drawn = svg.draw(figure, looks, width)
        drawings[drawn] = figure
        return drawn

    monkeypatch.setattr(on_pages, "draw", draw)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Where the made machine keeps what it measured: ``results`` in the folder of the user."""
    return tmp_path / "results"
