"""The steps of the action: what they are told, what they install, with which code they end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import action
from tests.conftest import ROOT
from tests.gate.action.conftest import records

pytest.importorskip("yaml")
needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="no jq")


def calls(temporary: Path) -> list[list[str]]:
    """What was started, by its name."""
    return [[Path(program).name, *words] for program, *words in started(temporary)]


def started(temporary: Path) -> list[list[str]]:
    lines = (temporary / "calls").read_text().split("\0\n")
    return [line.split("\0") for line in lines if line]


PROJECT = "Python of the project"
HOSTILE = "a b'\"; touch pwned; $(touch pwned) `touch pwned` *"


@pytest.mark.parametrize("suite", ["suite", "pytest"])
def test_action_inputs_reach_no_shell(
    temporary: Path, tools: Path, tmp_path: Path, suite: str
) -> None:
    """Each as a pull request's title could put it: it arrives as it is, and no shell reads it."""
    (tools / "perceptron").write_text(f"{records(temporary)}exit 2\n")
    others = action.action()["inputs"].keys() - {"suite", "pytest"}
    ran = action.run(tmp_path, temporary, tools, dict.fromkeys({*others, suite}, HOSTILE))
    assert ran.outputs["verdict"] == "error"
    assert not [*tmp_path.rglob("pwned"), *ROOT.glob("pwned")]
    (words,) = (call for call in calls(temporary) if call[0] == "perceptron")
    assert words[words.index(f"--{suite}") + 1] == HOSTILE
    whole = {suite, "base", "head", "benchmarks", "budget", "count", "base-python", "head-python"}
    assert words.count(HOSTILE) == len(whole)
    for program in ("perceptron", "python"):  # options and install are words, and nothing else
        (words,) = (call for call in calls(temporary) if call[0] == program and "a" in call)
        start = words.index("a")
        assert words[start : start + len(HOSTILE.split())] == HOSTILE.split()


def test_action_installs_gate_apart_from_project(temporary: Path, tools: Path) -> None:
    """The gate has an environment of its own, with uv where it is to build both revisions."""
    inputs = {
        "install": "-r requirements.txt\nnumpy<2 ./[all]\n",
        "build": "true",
        "page": "true",
    }
    (tools / "perceptron").write_text(f"{records(temporary)}exit 2\n")
    action.run(temporary, temporary, tools, {**inputs, "count": "never"})
    (*_, venv), call, of_project, compares, *_ = started(temporary)
    pip = ["-I", "-m", "pip", "install", "--disable-pip-version-check"]
    assert [call[1:6], of_project[1:6]] == [pip, pip]
    copy, *needed = call[6:]
    assert (Path(copy) / "pyproject.toml").is_file()
    assert needed == ["uv", "jinja2"]
    assert of_project[6:] == inputs["install"].split()
    own, project, python = call[0], of_project[0], compares[compares.index("--python") + 1]
    assert [own, compares[0]] == [f"{venv}/bin/python", f"{venv}/bin/perceptron"]
    assert Path(project).parent != Path(own).parent
    assert project == str(tools / python)
    assert "--build" in compares


def test_action_python_may_come_from_another_step(temporary: Path, tools: Path) -> None:
    """As uv makes one, which has no pip: nothing is installed there if nothing is asked for."""
    (tools / "perceptron").write_text(f"{records(temporary)}exit 2\n")
    action.run(temporary, temporary, tools, {"python": ".venv/bin/python", "count": "never"})
    *installs, compares, _ = calls(temporary)
    assert compares[compares.index("--python") + 1] == ".venv/bin/python"
    assert len(installs) == 2


def test_action_installs_missing_valgrind_or_does_not_count(temporary: Path, tools: Path) -> None:
    ran = action.run(temporary, temporary, tools, path="", only="valgrind")
    assert (ran.code, "::warning::" in ran.printed) == (0, False)
    apt_calls = [call for call in calls(temporary) if call[0] == "apt-get"]
    assert [[word for word in call if word[0] != "-"] for call in apt_calls] == [
        ["apt-get", "update"],
        ["apt-get", "install", "valgrind"],
    ]
    for name in ("apt-get", "sudo"):
        (tools / name).write_text("#!/bin/bash\nexit 100\n")
    ran = action.run(temporary, temporary, tools, path="", only="valgrind")
    assert (ran.code, "::warning::valgrind" in ran.printed) == (0, True)


@pytest.mark.parametrize(
    ("name", "inputs", "environment", "goes"),
    [
        ("valgrind", {"count": "auto"}, {}, True),
        ("valgrind", {"count": "always"}, {}, True),
        ("valgrind", {"count": "never"}, {}, False),
        (PROJECT, {}, {}, True),
        (PROJECT, {}, {"pythonLocation": "/py"}, False),
        (PROJECT, {"python": "3.12"}, {"pythonLocation": "/py"}, True),
        (PROJECT, {"python": ".venv/bin/python"}, {}, False),
    ],
)
def test_valgrind_and_python_are_there_before_anything_is_compared(
    name: str, inputs: dict[str, str], environment: dict[str, str], goes: bool
) -> None:
    """Instructions are counted where neighbours disturb the clock; a Python that is there stays."""
    steps = {
        step.get("name") or step["uses"].partition("@")[0]: step
        for step in action.action()["runs"]["steps"]
    }
    assert [*steps].index(name) < [*steps].index("compare")
    context = {"inputs": {"python": "", **inputs}, "env": environment, "runner": {"os": "Linux"}}
    assert bool(action.filled(steps[name]["if"], context)) is goes
    version = action.filled(steps[PROJECT]["with"]["python-version"], context)
    assert version == inputs.get("python", "3.13")
    assert steps["Python of the gate"]["with"]["update-environment"] is False


def compares(tools: Path, verdict: str) -> None:
    """Put a command in our command's place that comes to this verdict."""
    codes = {"clean": 0, "regression": 1, "inconclusive": 3}
    prints = (
        "echo 'error: 5% of it' >&2"
        if verdict == "error"
        else f"""echo '{{"verdict": "{verdict}"}}'"""
    )
    (tools / "perceptron").write_text(f"#!/bin/bash\n{prints}\nexit {codes.get(verdict, 2)}\n")


GIVEN = "gate-override: needed for #1"
AGAIN = "::error::slower: the label passes only the run that it starts"


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
        ("regression", "labeled", "bug", ["bug", GIVEN], AGAIN),
        ("regression", "synchronize", "", [GIVEN], AGAIN),
        ("regression", "edited", "", [GIVEN], AGAIN),
        ("regression", "reopened", "", [GIVEN], AGAIN),
        ("regression", "unlabeled", "bug", [GIVEN], AGAIN),
        ("regression", "unlabeled", GIVEN, [], "::error::slower: see"),
        ("regression", "labeled", "gate-override: ", ["gate-override: "], "::error::slower: see"),
        ("regression", "labeled", f"not {GIVEN}", [f"not {GIVEN}"], "::error::slower: see"),
        ("regression", "labeled", "gate-override: $(touch pwned)", [], "'gate-override: $(touch"),
        ("regression", "labeled", "gate-override: 5%0A::error::x", [], "5%250A::error::x', set"),
        ("invalid", "labeled", GIVEN, [GIVEN], "::error::invalid: "),
        ("error", "labeled", GIVEN, [GIVEN], "::error::nothing was compared: error: 5%25 of it"),
        ("inconclusive", "opened", "", [], "::warning::inconclusive"),
    ],
)
def test_action_exit_code_follows_verdict_and_label(
    temporary: Path,
    tools: Path,
    tmp_path: Path,
    verdict: str,
    does: str,
    label: str,
    labels: list[str],
    says: str,
) -> None:
    """A label with a reason passes the run that setting it starts, which says who set it.

    Code that is pushed later is not what anybody had looked at, and who pushes it can edit the
    title or open the pull request again as well.
    """
    compares(tools, verdict)
    ran = action.run(
        tmp_path,
        temporary,
        tools,
        {"count": "never"},
        event={
            "action": does,
            "label": {"name": label},
            "pull_request": {"labels": [{"name": name} for name in labels]},
            "sender": {"login": "octocat"},
        },
    )
    codes = {"clean": 0, "inconclusive": 0, "regression": int(says.startswith("::error::"))}
    assert ran.code == codes.get(verdict, 2)
    assert says in ran.printed
    printed_marks = [line for line in ran.printed.splitlines() if line.startswith("::")]
    assert len(printed_marks) == bool(says)
    assert not (tmp_path / "pwned").exists()


def test_action_inconclusive_fails_on_request(temporary: Path, tools: Path, tmp_path: Path) -> None:
    """With the command's own code, so that it is not taken for slower."""
    compares(tools, "inconclusive")
    ran = action.run(tmp_path, temporary, tools, {"count": "never", "inconclusive": "fail"})
    assert (ran.code, "::error::inconclusive" in ran.printed) == (3, True)
