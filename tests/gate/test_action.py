"""The action that other projects use: its steps, run as a runner runs them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from perceptron.records.comparison import Comparison
from perceptron.report.pull_request.post import number
from tests import action
from tests.conftest import ROOT
from tests.gate.conftest import COUNTED, FEWEST, FOUR, Repository

pytest.importorskip("yaml")
needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="no jq")

# Without valgrind, for the clock of these benchmarks counts too.
INPUTS = {"count": "never", "budget": "2", "options": "--seed 3"}
SMALL = FOUR.format(one=100).split("    def time_three")[0]
# Of this checkout, whatever is installed; with a rule of as few blocks as can be judged.
PERCEPTRON = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(ROOT)!r})
from perceptron.cli import main
from perceptron.gate import compare
from perceptron.gate.verdict.rule import Rule
compare.Rule = lambda: Rule({", ".join(f"{name}={value}" for name, value in FEWEST.items())})
main()
"""
RECORDS = """#!/bin/bash
printf "%s\\0" "${0##*/}" "$@" >> "$RUNNER_TEMP/calls"
echo >> "$RUNNER_TEMP/calls"
"""
EVENT = {"number": 12, "action": "opened"}


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """A folder that has a space in its name, as they are allowed to have."""
    folder = tmp_path / "runner temp"
    folder.mkdir()
    return folder


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """Our command, and programs that would install something: they record what they are asked."""
    folder = tmp_path / "bin"
    folder.mkdir()
    programs = {"perceptron": PERCEPTRON} | dict.fromkeys(("python", "apt-get", "sudo"), RECORDS)
    programs["sudo"] += '"$@"\n'
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def calls(temporary: Path) -> list[list[str]]:
    lines = (temporary / "calls").read_text().split("\0\n")
    return [line.split("\0") for line in lines if line]


@pytest.fixture
def project(toy: Repository) -> Repository:
    """The commit ``base``, which two benchmarks measure."""
    toy.write("benchmarks/suite.py", SMALL)
    toy.commit("base")
    return toy


def test_a_comment_is_clean_and_says_where_the_document_is(
    project: Repository, temporary: Path, tools: Path
) -> None:
    project.write("toy/__init__.py", f"# A comment.\n{COUNTED}")
    project.commit("head")
    ran = action.run(project.folder, temporary, tools, INPUTS, EVENT)
    assert ran.code == 0, ran.printed
    assert ran.outputs["verdict"] == "clean"
    comparison = msgspec.json.decode(Path(ran.outputs["json"]).read_bytes(), type=Comparison)
    assert (comparison.verdict, len(comparison.rows)) == ("clean", 2)
    assert comparison.plan.base.name == "HEAD^1"
    assert "clean" in Path(ran.outputs["markdown"]).read_text()
    assert "clean" in ran.summary
    # What is measured leaves nothing in the checkout that the next revision could pick up.
    assert project.git("status", "--porcelain") == ""
    assert "actions/upload-artifact" not in ran.steps


def test_5_percent_more_fails_and_is_handed_to_the_workflow_that_comments(
    project: Repository, temporary: Path, tools: Path
) -> None:
    """The outputs are there although the step failed."""
    project.write("toy/__init__.py", COUNTED.replace("DONE += amount", "DONE += 1.05 * amount"))
    project.commit("head")
    inputs = {**INPUTS, "base": "base", "head": "head", "comment": "true"}
    ran = action.run(project.folder, temporary, tools, inputs, EVENT)
    assert ran.code == 1
    assert ran.outputs["verdict"] == "regression"
    document = json.loads(Path(ran.outputs["json"]).read_text())
    assert document["verdict"] == "regression"
    assert "::error::slower" in ran.printed
    assert "regression" in ran.summary
    assert ran.steps[-2:] == ["actions/upload-artifact", "verdict"]
    (upload,) = (
        step for step in action.action()["runs"]["steps"] if "upload" in step.get("uses", "")
    )
    handed = Path(ran.outputs["json"]).parent
    assert upload["with"]["path"] == "${{ steps.own.outputs.folder }}/gate"
    # Nothing else: not a text, for the workflow that comments makes its own.
    assert sorted(file.name for file in handed.iterdir()) == ["gate.json", "pull-request.txt"]
    assert number(handed) == 12


def test_what_cannot_be_compared_fails_with_the_line_that_says_why(
    project: Repository, temporary: Path, tools: Path
) -> None:
    ran = action.run(project.folder, temporary, tools, {**INPUTS, "suite": "no.json"}, EVENT)
    assert ran.code == 2
    assert (ran.outputs["verdict"], ran.outputs["json"]) == ("error", "")
    line = "error: --suite no.json: no such file; name the asv.conf.json of your suite"
    assert f"::error::nothing was compared: {line}\n" in ran.printed
    assert ran.summary == f"**not compared**\n\n    {line}\n"


def test_a_checkout_without_history_is_told_what_it_lacks(
    project: Repository, temporary: Path, tools: Path, tmp_path: Path
) -> None:
    shallow = tmp_path / "shallow"
    project.commit("head")
    source = project.folder.as_uri()
    subprocess.run(["git", "clone", "--quiet", "--depth=1", source, str(shallow)], check=True)
    ran = action.run(shallow, temporary, tools, INPUTS, EVENT)
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert "unknown revision 'HEAD^1'" in ran.summary
    assert "give actions/checkout fetch-depth: 0" in ran.summary


@pytest.mark.parametrize(
    ("prints", "code", "verdict"),
    [("{}", 2, "invalid"), ("", 1, "error"), ("", 2, "error"), ("", 137, "error")],
)
def test_what_broke_is_never_called_slower(
    temporary: Path, tools: Path, tmp_path: Path, prints: str, code: int, verdict: str
) -> None:
    """A command that dies without a document has not found anything, whatever its exit code."""
    (tools / "perceptron").write_text(f"#!/bin/bash\necho -n '{prints}'\nexit {code}\n")
    ran = action.run(tmp_path, temporary, tools, event=EVENT)
    assert (ran.code, ran.outputs["verdict"]) == (2, verdict)
    assert bool(ran.outputs["json"]) == bool(prints)


def test_a_run_that_gets_no_further_is_known_too(
    temporary: Path, tools: Path, tmp_path: Path
) -> None:
    """Else an older comment would stand for it."""
    (tools / "python").write_text("#!/bin/bash\nexit 1\n")
    ran = action.run(tmp_path, temporary, tools, {"comment": "true"}, EVENT)
    assert ran.code == 1
    assert ran.steps[-1] == "actions/upload-artifact"
    (handed,) = temporary.glob("gate-*/gate")
    assert [file.name for file in handed.iterdir()] == ["pull-request.txt"]
    assert number(handed) == 12


HOSTILE = "a b'\"; touch pwned; $(touch pwned) `touch pwned` *"


@pytest.mark.parametrize("name", sorted(action.action()["inputs"]))
def test_no_input_is_run(project: Repository, temporary: Path, tools: Path, name: str) -> None:
    """Each as a pull request's title could put it: text, and nothing that a shell would do."""
    ran = action.run(project.folder, temporary, tools, {**INPUTS, "budget": "x", name: HOSTILE})
    assert ran.code == 2
    assert ran.outputs["verdict"] == "error"
    files = [*project.folder.rglob("pwned"), *temporary.rglob("pwned"), *ROOT.glob("pwned")]
    assert files == []


GIVEN = "gate-override: needed for #1"


@needs_jq
@pytest.mark.parametrize(
    ("verdict", "does", "label", "labels", "says"),
    [
        ("clean", "opened", "", [], ""),
        ("regression", "opened", "", [], "::error::slower: see"),
        (
            "regression",
            "labeled",
            GIVEN,
            ["bug", GIVEN],
            f"::notice::passed by the label '{GIVEN}'",
        ),
        ("regression", "labeled", "bug", ["bug", GIVEN], "::error::slower: take the label off"),
        ("regression", "synchronize", "", [GIVEN], "::error::slower: take the label off"),
        ("regression", "unlabeled", GIVEN, [], "::error::slower: see"),
        ("regression", "labeled", "gate-override: ", ["gate-override: "], "::error::slower: see"),
        ("regression", "labeled", f"not {GIVEN}", [f"not {GIVEN}"], "::error::slower: see"),
        ("regression", "labeled", "gate-override: $(touch pwned)", [], "'gate-override: $(touch"),
        ("regression", "labeled", "gate-override: 5%0A::error::x", [], "5%250A::error::x', set"),
        ("invalid", "labeled", GIVEN, [GIVEN], "::error::invalid: "),
        ("error", "labeled", GIVEN, [GIVEN], "::error::nothing was compared: error: 5%25 of it"),
        ("inconclusive", "opened", "", [], "::warning::inconclusive"),
        ("", "opened", "", [], "::error::"),
    ],
)
def test_the_exit_code_follows_the_verdict_and_the_label(
    temporary: Path,
    tools: Path,
    tmp_path: Path,
    verdict: str,
    does: str,
    label: str,
    labels: list[str],
    says: str,
) -> None:
    """A label with a reason passes what was there when it was set, and says who set it.

    Code that is pushed later is not what anybody had looked at.
    """
    ran = action.run(
        tmp_path,
        temporary,
        tools,
        event={
            "action": does,
            "label": {"name": label},
            "pull_request": {"labels": [{"name": name} for name in labels]},
            "sender": {"login": "octocat"},
        },
        only="verdict",
        compared={"verdict": verdict, "error": "error: 5% of it"},
    )
    codes = {"clean": 0, "inconclusive": 0, "regression": int(says.startswith("::error::"))}
    assert ran.code == codes.get(verdict, 2)
    assert says in ran.printed
    assert len(ran.printed.splitlines()) <= 1
    assert not (tmp_path / "pwned").exists()


def test_what_is_inconclusive_fails_where_that_is_wanted(
    temporary: Path, tools: Path, tmp_path: Path
) -> None:
    """With the command's own code, so that it is not taken for slower."""
    ran = action.run(
        tmp_path,
        temporary,
        tools,
        {"inconclusive": "fail"},
        only="verdict",
        compared={"verdict": "inconclusive"},
    )
    assert (ran.code, "::error::inconclusive" in ran.printed) == (3, True)


def test_no_input_is_pasted_into_a_script_and_every_action_is_a_commit() -> None:
    for step in action.action()["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        if "uses" in step:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"])


def test_pip_installs_this_copy_and_what_the_benchmarks_need(
    project: Repository, temporary: Path, tools: Path
) -> None:
    install = "-r requirements.txt\nnumpy<2 ./[all]\n"
    ran = action.run(
        project.folder, temporary, tools, {"install": install, "build": "true"}, only="install"
    )
    assert ran.code == 0
    ((program, *arguments),) = calls(temporary)
    assert [program, *arguments[:4]] == [
        "python",
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
    ]
    assert (Path(arguments[4]) / "pyproject.toml").is_file()
    assert arguments[5:] == ["-r", "requirements.txt", "numpy<2", "./[all]", "asv"]


@pytest.mark.parametrize(("count", "wanted"), [("auto", True), ("always", True), ("never", False)])
def test_instructions_are_counted_where_neighbours_disturb_the_clock(
    temporary: Path, tools: Path, tmp_path: Path, count: str, wanted: bool
) -> None:
    """valgrind is there before anything is compared."""
    (tools / "perceptron").write_text("#!/bin/bash\nexit 2\n")
    ran = action.run(tmp_path, temporary, tools, {"count": count})
    assert ("valgrind" in ran.steps[: ran.steps.index("compare")]) is wanted


def test_valgrind_is_installed_where_it_is_missing(
    project: Repository, temporary: Path, tools: Path
) -> None:
    ran = action.run(project.folder, temporary, tools, path="", only="valgrind")
    assert ran.code == 0, ran.printed
    asked = [call for call in calls(temporary) if call[0] == "apt-get"]
    assert [[word for word in call if word[0] != "-"] for call in asked] == [
        ["apt-get", "update"],
        ["apt-get", "install", "valgrind"],
    ]


def test_a_valgrind_that_cannot_be_installed_costs_the_counts_only(
    project: Repository, temporary: Path, tools: Path
) -> None:
    for name in ("apt-get", "sudo"):
        (tools / name).write_text("#!/bin/bash\nexit 100\n")
    ran = action.run(project.folder, temporary, tools, path="", only="valgrind")
    assert (ran.code, "::warning::valgrind" in ran.printed) == (0, True)


@pytest.mark.parametrize(
    ("inputs", "environment", "sets_up"),
    [
        ({}, {}, True),
        ({}, {"pythonLocation": "/py"}, False),
        ({"python": "3.12"}, {"pythonLocation": "/py"}, True),
    ],
)
def test_python_is_set_up_unless_it_is_there(
    inputs: dict[str, str], environment: dict[str, str], sets_up: bool
) -> None:
    (step,) = (
        step for step in action.action()["runs"]["steps"] if "setup-python" in step.get("uses", "")
    )
    context = {"inputs": {"python": "", **inputs}, "env": environment}
    assert bool(action.filled(step["if"], context)) is sets_up
    assert action.filled(step["with"]["python-version"], context) == inputs.get("python", "3.13")
