"""Which project a suite measures, or why it cannot; which files are a suite of pytest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.gate.checkout.suite import code_repository, read_pytest_suite, read_suite
from tests.gate.conftest import Repository

URL = "https://git.example.org/group/toy.git"
FILE = Path("../toy-benchmarks/asv.conf.json")


@pytest.fixture
def elsewhere(toy: Repository, tmp_path: Path) -> Repository:
    """The repository of a suite, beside that of the project, which is the current folder."""
    folder = tmp_path / "toy-benchmarks"
    folder.mkdir()
    suite = Repository(folder)
    suite.git("rm", "--quiet", "-r", "toy")
    suite.commit("alone")
    return suite


def configure(suite: Repository, **entries: object) -> None:
    suite.write("asv.conf.json", json.dumps({"project": "toy", **entries}))


def test_suite_repo_is_path_from_file_or_enclosing_repository(
    toy: Repository, elsewhere: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in (URL, "git@git.example.org:group/toy.git"):
        configure(elsewhere, repo=url)
        assert code_repository(FILE, toy.folder) == toy.folder
    configure(elsewhere, repo="../repository")
    for start in ("repository", "toy-benchmarks", "."):
        monkeypatch.chdir(tmp_path / start)
        assert code_repository(elsewhere.folder / "asv.conf.json", Path.cwd()) == toy.folder


def test_suite_inside_repository_measures_it(toy: Repository) -> None:
    """Also one in a folder, whose dot asv would take for that folder."""
    for entries in ({}, {"repo": "."}, {"repo": URL}):
        toy.write("deep/asv.conf.json", json.dumps(entries))
        assert code_repository(Path("deep/asv.conf.json"), toy.folder) == toy.folder
    suite = read_suite(Path("deep/asv.conf.json"), toy.folder)
    assert (suite.origin, suite.state) == (None, None)


def test_suite_repo_that_is_missing_is_one_line(
    toy: Repository, elsewhere: Repository, tmp_path: Path
) -> None:
    (tmp_path / "plain").mkdir()
    for repo, message in {
        "../nowhere": r"its repo \.\./nowhere is no git repository: /",
        "../plain": r"its repo \.\./plain is no git repository",
        3: "repo must be text",
    }.items():
        configure(elsewhere, repo=repo)
        with pytest.raises(UserError, match=message) as caught:
            code_repository(FILE, toy.folder)
        assert str(caught.value).startswith(f"--suite {FILE}: ")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "shared"),
    [
        ("tests/test_speed.py", "tests"),
        ("toy/testing/tests/speed", "toy/testing/tests"),
        ("toy/benchmarks/test_speed.py", "toy/benchmarks/test_speed.py"),
        ("test_speed.py", "test_speed.py"),
    ],
)
def test_pytest_suite_takes_all_tests_around_from_head(
    tmp_path: Path, path: str, shared: str
) -> None:
    """Those that are run may import the others, and none of them is code of the project.

    What is called testing, bench or the like may be.
    """
    suite = read_pytest_suite(str(tmp_path / path), tmp_path)
    assert (suite.tests, suite.benchmarks, suite.kind) == (path, shared, "pytest")
    assert "conftest.py" in suite.beside
    assert not any(name.startswith(f"{shared}/") for name in suite.beside)


def test_pytest_suite_takes_configuration_above_from_head(tmp_path: Path) -> None:
    """What says what the project is does not. The project has the name that it gives itself."""
    named = f"{tmp_path}/python/toy/tests"
    beside = read_pytest_suite(named, tmp_path).beside
    folders = {name.rpartition("/")[0] for name in beside if name.endswith("/conftest.py")}
    assert folders == {"python", "python/toy"}
    assert "python/pytest.ini" in beside
    assert not any(name.endswith(("pyproject.toml", "setup.cfg")) for name in beside)
    for text, name in {
        '[project]\nname = "toy-box"\n': "toy-box",
        "[tool.other]\n": "",
        "project = 3\n": "",
        "[project]\nname = 3\n": "",
        "[project": "",
    }.items():
        (tmp_path / "pyproject.toml").write_text(text)
        assert read_pytest_suite(named, tmp_path).project == name
