from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from perceptron.errors import UserError
from perceptron.records.readers.places import places
from perceptron.records.readers.table import load_measurements
from tests.asv_documents import BENCHMARKS, RESULTS, write
from tests.records.readers.conftest import TABLE

PYTEST = {
    "machine_info": {"node": "box"},
    "benchmarks": [
        {"name": "test_f", "params": {"backend": "c", "size": 1}, "stats": {"median": 1.0}}
    ],
}


@pytest.mark.parametrize(
    ("place", "configuration"),
    [
        ("results", None),
        (".asv/results", None),
        ("benchmarks/.asv/results", None),
        ("kept/there", {"results_dir": "kept/there"}),
        ("bench/own", ("bench", {"results_dir": "own"})),
    ],
)
def test_a_projects_root_stands_for_its_results(
    tmp_path: Path, place: str, configuration: Any
) -> None:
    """Where asv puts them by default, and where its configuration says, comments and all."""
    write(tmp_path / place, BENCHMARKS, RESULTS)
    (tmp_path / "package.json").write_text("{}")
    if configuration:
        folder, content = (
            configuration if isinstance(configuration, tuple) else (".", configuration)
        )
        text = f"// where results go\n{json.dumps(content)}"
        (tmp_path / folder / "asv.conf.json").write_text(text)
    assert len(load_measurements(tmp_path)) == 4


def test_a_configuration_does_not_lead_out_of_the_project(tmp_path: Path) -> None:
    """It came from outside: what lies elsewhere is not ours to read."""
    write(tmp_path / "secret", BENCHMARKS, RESULTS)
    project = tmp_path / "project"
    project.mkdir()
    for name in ("../secret", str(tmp_path / "secret"), "bad\0name", 3, "link"):
        (project / "asv.conf.json").write_text(json.dumps({"results_dir": name}))
        if name == "link":
            (project / "link").symlink_to(tmp_path / "secret")
        assert list(places(project)) == []
        with pytest.raises(UserError, match="no results in it"):
            load_measurements(project)


def test_pytest_benchmarks_own_folder_is_found(tmp_path: Path) -> None:
    saved = tmp_path / ".benchmarks" / "Linux-CPython-3.11-64bit"
    saved.mkdir(parents=True)
    (saved / "0001_one.json").write_text(json.dumps(PYTEST))
    assert len(load_measurements(tmp_path)) == 1


def test_a_folder_of_tables_is_read(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.csv").write_text(TABLE)
    (tmp_path / "readme.txt").write_text("not results")
    assert [row.process for row in load_measurements(tmp_path)] == [0, 1, 2]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_in_a_folder_does_not_hang(tmp_path: Path) -> None:
    """Nobody writes into it: reading would wait for ever."""
    (tmp_path / "times.csv").write_text(TABLE)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.warns(UserWarning, match=r"pipe\.csv: no ordinary file"):
        assert len(load_measurements(tmp_path)) == 1
    folder = write(tmp_path / "asv", BENCHMARKS, RESULTS)
    os.mkfifo(folder / "box" / "9999-pipe.json")
    with pytest.warns(UserWarning, match=r"9999-pipe\.json: no ordinary file"):
        assert len(load_measurements(folder)) == 4


def test_a_folder_that_may_not_be_listed_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not: that there is nothing in it. (A superuser may list anything, so this one may not.)"""

    def refuse(folder: str) -> list[str]:
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(UserError, match="cannot be read: Permission denied"):
        load_measurements(tmp_path)


def test_a_missing_option_is_said_before_a_truncated_file(tmp_path: Path) -> None:
    """Naming the parameter is what helps; of many files some are always damaged."""
    folder = write(tmp_path / "asv", BENCHMARKS, RESULTS)
    (folder / "box" / "9999-cut.json").write_text(json.dumps(RESULTS)[:200])
    with pytest.raises(UserError, match="no benchmark has a parameter 'nothing'"):
        load_measurements(folder, by="nothing")


@pytest.mark.parametrize("closed", ["box", "box/deeper"])
def test_a_closed_folder_among_others_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    """A machine whose folder may not be listed is no machine without results."""
    folder = write(tmp_path / "asv", BENCHMARKS, RESULTS)
    (folder / "box" / "deeper").mkdir()
    listed = os.listdir

    def refuse(path: str) -> list[str]:
        if os.fspath(path) == str(folder / closed):
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.warns(UserWarning, match=rf"{closed}: cannot be read: Permission denied"):
        load_measurements(folder)


@pytest.mark.parametrize("name", ["9999-cut.json", "0001-cut.json"])
def test_a_truncated_file_among_good_ones_is_named_and_the_others_read(
    tmp_path: Path, name: str
) -> None:
    folder = write(tmp_path / "asv", BENCHMARKS, RESULTS)
    (folder / "box" / name).write_text(json.dumps(RESULTS)[:200])
    with pytest.warns(UserWarning, match=rf"{name}: not asv's JSON"):
        assert len(load_measurements(folder)) == 4
    loose = tmp_path / "loose"
    loose.mkdir()
    (loose / "good.json").write_text(json.dumps(PYTEST))
    (loose / name).write_text(json.dumps(PYTEST)[:50])
    with pytest.warns(UserWarning, match=rf"{name}: not JSON, or cut short"):
        assert len(load_measurements(loose)) == 1
    with pytest.raises(UserError, match=rf"{name}: not JSON, or cut short"):
        load_measurements(loose / name)


def test_a_folder_of_projects_names_those_that_it_does_not_look_into(tmp_path: Path) -> None:
    """Half of what is there would else pass for all of it."""
    (tmp_path / "times.csv").write_text(TABLE)
    write(tmp_path / "project" / "results", BENCHMARKS, RESULTS)
    with pytest.warns(UserWarning, match="project: results of its own, deeper than is looked for"):
        assert len(load_measurements(tmp_path)) == 1
