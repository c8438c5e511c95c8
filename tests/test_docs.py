"""Every command that README and docs tell people to type is typed here."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Perceptron, install_backend, typed
from tests.made import everything
from tests.made_fleet import made_fleet
from tests.report.reading import PAGES as DASHBOARD

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# What is typed takes minutes; these options, unless they are typed, make it a few seconds.
ONE_THREAD = {"--threads": "1", "--budget": "0.05"}
SHORT = {
    "advise": {"--backends": "numpy,python"},
    "bench": {"--quick": None, "--families": "mlp-depth", "--backends": "numpy"},
    "crossover": {"--backends": "numpy,python"},
    "map": {"--points": "4", "--backends": "numpy,python"},
    "overhead": {"--backends": "numpy,python"},
    "race": {"--backend": "numpy", "--seeds": "2"},
}
# Their own tests measure for real: here they are left to the long run.
MEASURED_ELSEWHERE = {"bench", "race"}
TYPED_ELSEWHERE = {"perceptron doctor", "perceptron walkthrough digits"}
# A budget that bought nothing on a busy machine is no mistake of the docs.
NO_TIME = "nothing was measured yet"
# One is typed after the other, in one folder.
FLEET = [
    "perceptron bench --on local:2 --quick",
    "perceptron fleet status",
    "perceptron fleet collect",
]


def commands(page: Path) -> list[str]:
    """The lines of the page's shell blocks, without comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    lines = [line.split(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def fenced(page: Path, language: str) -> dict[str, str]:
    """Blocks that the page says are files, by file name."""
    pattern = rf"<!-- file: (\S+) -->\n```{language}\n(.*?)^```"
    return dict(re.findall(pattern, page.read_text(encoding="utf-8"), re.M | re.S))


def runnable(page: Path, comment: str = "run") -> list[str]:
    """The page's blocks of Python below such a comment."""
    pattern = rf"<!-- {comment} -->\n```python\n(.*?)^```"
    return re.findall(pattern, page.read_text(encoding="utf-8"), re.M | re.S)


def shortened(line: str) -> list[str]:
    """The words after `perceptron`, with what makes them short."""
    first, *words = shlex.split(line)
    assert first == "perceptron", line
    if words[0] == "walkthrough":  # PyTorch takes seconds for its iterations
        words += ["--backend", "numpy"]
    if words[0] in SHORT and "--from" not in words:
        if "--functions" in words:
            return [*words, "--budget", "0.1"]
        added = SHORT[words[0]] | ONE_THREAD
        if "--processes" in words:
            added |= {"--backends": "torch-ddp", "--threads": "2"}
        if "--problem" in words:
            added.pop("--families", None)
        if "--on" in words:  # the lines that follow want its rows
            added |= {"--budget": "3"}
        for option, value in added.items():
            if option not in words:
                words += [option] if value is None else [option, value]
    return words


def accepted(words: list[str], process: subprocess.CompletedProcess[str]) -> bool:
    """Whether it answered: bad news about this machine is an answer, and so is that it is busy."""
    if words[0] == "doctor":
        return process.returncode in (0, 1)
    if words[0] in SHORT and "--from" not in words:
        return process.returncode in (0, 3) or NO_TIME in process.stderr
    return process.returncode == 0


def type_in(folder: Path, path: Sequence[Path], line: str) -> None:
    """Type a command in a folder, with the suite found on ``path``."""
    words = shortened(line)
    process = typed(folder, *words, path=path)
    assert accepted(words, process), f"{line}\n{process.stdout}{process.stderr}"


def lines_of_the_docs() -> list[str]:
    """Every command of ours, once: before `.venv` is activated they are typed with its path."""
    examples = {"elsewhere", "relu-width", "luck"}
    lines = {line.removeprefix(".venv/bin/") for page in PAGES for line in commands(page)}
    ours = sorted(line for line in lines if not any(name in line for name in examples))
    return [line for line in ours if not line.startswith("make ")]


def lines_to_type() -> list[object]:
    """Of each command that measures the shortest line; the others only in the long run."""
    lines = [line for line in lines_of_the_docs() if line not in FLEET]
    measuring = {
        name: [
            line
            for line in lines
            if line.startswith(f"perceptron {name} ") and "--from" not in line
        ]
        for name in SHORT
    }
    at_once = {min(measuring[name], key=len) for name in SHORT.keys() - MEASURED_ELSEWHERE}
    long = {line for some in measuring.values() for line in some} - at_once | TYPED_ELSEWHERE
    return [
        pytest.param(line, id=line, marks=[pytest.mark.slow] if line in long else [])
        for line in lines
    ]


@pytest.mark.parametrize("line", lines_to_type())
def test_docs_commands_run(line: str, here: Perceptron, tmp_path: Path) -> None:
    """As a new user types it, in a folder that has the files of docs/examples.

    The dashboard shows what was measured before.
    """
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    if line.startswith("perceptron dashboard"):
        everything(tmp_path / "results")
    words = shortened(line)
    process = here(*words)
    assert accepted(words, process), f"{line}\n{process.stdout}{process.stderr}"


@pytest.mark.slow
def test_docs_fleet_commands_run_in_order(tmp_path: Path) -> None:
    assert set(FLEET) <= set(lines_of_the_docs())
    for line in FLEET:
        type_in(tmp_path, (ROOT,), line)


def test_docs_make_targets_exist() -> None:
    targets = {
        line.split()[1] for page in PAGES for line in commands(page) if line.startswith("make ")
    }
    assert targets >= {"bench", "test", "install"}
    for target in targets:
        command = [
            "make",
            "-n",
            target,
            "BIN=no-such-folder",
        ]  # a line that is run all the same fails
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def insert(root: Path, page: Path) -> None:
    """Put the page's lines into the files that it names, below or above the line it quotes."""
    pattern = r"<!-- insert in: (\S+); (below|above): (.+?) -->\n```\w+\n(.*?)^```"
    for name, side, quoted, code in re.findall(pattern, page.read_text("utf-8"), re.M | re.S):
        text = (root / name).read_text(encoding="utf-8")
        assert text.count(f"\n{quoted}") == 1, f"{name}: {quoted!r} stands there once"
        before, after = text.split(f"\n{quoted}")
        if side == "below":
            rest, after = after.split("\n", 1)
            text = f"{before}\n{quoted}{rest}\n{code}{after}"
        else:
            text = f"{before}\n{code}\n\n{quoted}{after}"
        (root / name).write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_docs_contributing_examples_run(tmp_path: Path) -> None:
    """A backend of another package, a family, a question and a figure: files and lines as shown."""
    page = ROOT / "docs" / "contributing.md"
    shutil.copytree(ROOT / "perceptron", tmp_path / "perceptron")
    for name, code in fenced(page, "python").items():
        assert not (tmp_path / name).exists(), name
        (tmp_path / name).write_text(code)
    project = tomllib.loads(fenced(page, "toml")["pyproject.toml"])["project"]
    for backend, place in project["entry-points"]["perceptron.backends"].items():
        install_backend(tmp_path, backend, place)
    insert(tmp_path, page)
    for code in runnable(page):
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    for command in commands(page):
        type_in(tmp_path, (tmp_path,), command)


def anchors(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.*)", text, re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_links_between_pages_lead_somewhere() -> None:
    """A link to a file of the project is to one that is there, and to a heading of it."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target, anchor in re.findall(r"\]\(([^)#:]*)#?([^):]*)\)", text):
            file = page.parent / target if target else page
            assert file.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(file), f"{page.name}: {target}#{anchor}"


def test_docs_pages_are_linked_from_readme() -> None:
    """By links, through other pages at most."""
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        reached.add(page)
        links = re.findall(r"\]\(([^)#:]+\.md)", page.read_text(encoding="utf-8"))
        todo += {(page.parent / link).resolve() for link in links} - reached
    assert {*(ROOT / "docs").glob("*.md")} <= reached


def test_docs_fleet_query_names_fastest_and_cheapest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made_fleet(tmp_path / "results", machines=4)
    (code,) = runnable(ROOT / "docs" / "fleet.md")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 our own page
    machine, _, _, backend = names["seconds"].index[0]
    assert (machine, backend) == ("epyc-64", "torch-cpu")
    assert names["cost"].index[0][0] == "laptop"
    assert names["cost"].iloc[0] == pytest.approx(
        10_000 * names["seconds"][names["cost"].index[0]] / 3600 * 0.10
    )
    assert len(names["seconds"]) == 2 * len(names["cost"]) == 8


def test_docs_tables_have_no_stray_rows() -> None:
    """A blank line ends a table: what follows is shown as text."""
    for page in PAGES:
        lines = ["", *page.read_text(encoding="utf-8").splitlines(), ""]
        for before, line, after in zip(lines, lines[1:], lines[2:], strict=False):
            if line.startswith("|") and not before.startswith("|"):
                assert after.startswith("|--"), f"{page.name}: {line}"


def test_docs_results_page_lists_dashboard_pages() -> None:
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| ([A-Z][\w ]+) \|", text, re.M) == [name for _, name, _ in DASHBOARD]
