"""A suite in another repository measures the project that it names, or says why it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.gate.checkout.suite import code_repository, read_suite
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


def test_a_path_is_relative_to_the_file_wherever_one_stands(
    toy: Repository, elsewhere: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(elsewhere, repo="../repository")
    for start in ("repository", "toy-benchmarks", "."):
        monkeypatch.chdir(tmp_path / start)
        assert code_repository(elsewhere.folder / "asv.conf.json", Path.cwd()) == toy.folder


def test_a_url_is_the_clone_that_one_stands_in(toy: Repository, elsewhere: Repository) -> None:
    """However git names it, and a fork of it."""
    configure(elsewhere, repo=URL, project="no-such-package")
    toy.git("remote", "add", "upstream", "nowhere")
    for remote in (
        "https://git.example.org/group/toy",
        "git@git.example.org:group/toy.git",
        "ssh://git@git.example.org:2222/Group/Toy.git/",
        "https://git.example.org/fork/toy",
    ):
        toy.git("remote", "set-url", "upstream", remote)
        assert code_repository(FILE, toy.folder) == toy.folder


def test_a_checkout_without_remotes_is_known_by_its_package(
    toy: Repository, elsewhere: Repository
) -> None:
    """As a shallow one of CI, or an archive that became a repository."""
    configure(elsewhere, repo=URL)
    assert code_repository(FILE, toy.folder) == toy.folder
    toy.git("mv", "toy", "other")
    toy.commit("moved")
    with pytest.raises(UserError, match=r"asv.conf.json: its repo is https.* no clone of that"):
        code_repository(FILE, toy.folder)
    toy.commit("subfolder", "lib/src/toy.py", "")
    configure(elsewhere, repo=URL, repo_subdir="lib")
    assert code_repository(FILE, toy.folder) == toy.folder


def test_a_suite_inside_the_repository_is_about_it(toy: Repository) -> None:
    """Also one in a folder, whose dot asv would take for that folder."""
    for entries in ({}, {"repo": "."}, {"repo": URL}):
        toy.write("deep/asv.conf.json", json.dumps(entries))
        assert code_repository(Path("deep/asv.conf.json"), toy.folder) == toy.folder
    suite = read_suite(Path("deep/asv.conf.json"), toy.folder)
    assert (suite.origin, suite.state) == (None, None)


def test_benchmarks_are_not_compared_with_themselves(
    elsewhere: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who stands in the repository of a suite is sent to the project's."""
    monkeypatch.chdir(elsewhere.folder)
    elsewhere.git("remote", "add", "origin", "https://git.example.org/group/toy-benchmarks.git")
    elsewhere.write("pyproject.toml", '[project]\nname = "toy-benchmarks"\n')
    configure(elsewhere, repo=URL)
    file = Path("asv.conf.json")
    with pytest.raises(UserError) as caught:
        code_repository(file, elsewhere.folder)
    for name in ("--suite asv.conf.json", URL, str(elsewhere.folder), str(file.resolve())):
        assert name in str(caught.value)


def test_a_fork_under_another_name_is_still_the_project(elsewhere: Repository) -> None:
    """By its package, or by what its files say that it is."""
    elsewhere.git("remote", "add", "origin", "https://git.example.org/me/mine.git")
    configure(elsewhere, repo=URL, project="toy-box")
    path = elsewhere.folder / "asv.conf.json"
    for file, text in {
        "toy_box/__init__.py": "",
        "src/toy_box.py": "",
        "pyproject.toml": '[project]\nname = "Toy_Box"  # ours\n',
        "setup.cfg": "[metadata]\nname = toy.box\nversion = 1\n",
        "setup.py": "setup(name='toy-box', version='1')\n",
    }.items():
        elsewhere.commit("project", file, text)
        assert code_repository(path, elsewhere.folder) == elsewhere.folder, file
        (elsewhere.folder / file).unlink()
        elsewhere.commit("none")
        with pytest.raises(UserError):
            code_repository(path, elsewhere.folder)


def test_a_project_that_is_not_where_it_says_is_one_line(
    toy: Repository, elsewhere: Repository, tmp_path: Path
) -> None:
    (tmp_path / "plain").mkdir()
    for repo, message in {
        None: r"lies outside the repository .* set its repo",
        "../nowhere": r"its repo \.\./nowhere is not there: no folder /",
        "../plain": r"its repo \.\./plain is no git repository",
        "../repository/toy": r"its repo \.\./repository/toy is no git repository",
        3: "repo must be text",
    }.items():
        configure(elsewhere, **({} if repo is None else {"repo": repo}))
        with pytest.raises(UserError, match=message) as caught:
            code_repository(FILE, toy.folder)
        assert str(caught.value).startswith(f"--suite {FILE}: ")
        assert "\n" not in str(caught.value)
