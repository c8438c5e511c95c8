"""The composite action, its steps run in order as GitHub's runner would run them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

FILE = ROOT / "action.yml"
VARIABLES = "set_env"
"""The file that GITHUB_ENV names, in the runner's temporary folder."""
_TOKEN = re.compile(r"\s*('[^']*'|[\w.*-]+|&&|\|\||!=|==|!|\(|\)|,)")
_OPERATORS = {"&&": " and ", "||": " or ", "!": " not "}


@dataclass
class Ran:
    """What came of it: the action's outputs, and what its scripts printed."""

    outputs: dict[str, str]
    code: int
    printed: str
    summary: str
    steps: list[str]
    """Names of the steps that were run, the actions that others wrote among them."""


def action() -> dict[str, Any]:
    import yaml

    return dict(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def run(
    folder: Path,
    temporary: Path,
    tools: Path,
    inputs: Mapping[str, str] = {},
    event: Mapping[str, Any] = {},
    path: str = os.environ["PATH"],
    only: str | None = None,
    matrix: Mapping[str, Any] | None = None,
) -> Ran:
    """Run the steps in ``folder``, programs of ``tools`` first; ``only`` the step of this name.

    Actions that others wrote are not run. A step is left out after one that failed, unless its
    condition says more. What a step writes to GITHUB_ENV are variables of those after it.
    """
    described = action()
    unknown = inputs.keys() - described["inputs"].keys()
    assert not unknown, unknown
    given = {name: str(entry["default"]) for name, entry in described["inputs"].items()}
    context: dict[str, Any] = {
        "inputs": {**given, **inputs},
        "env": {},
        "runner": {"os": "Linux", "temp": str(temporary)},
        "github": {"event": dict(event), "job": "gate"},
        "strategy": {"job-index": 0},
        "matrix": matrix,
        "steps": {},
    }
    ran = Ran({}, 0, "", "", [])
    summary = temporary / "summary"
    summary.touch()
    variables = temporary / VARIABLES
    variables.touch()
    for step in described["runs"]["steps"]:
        if only not in (None, step.get("name")) or not _goes(step, context, ran.code):
            continue
        ran.steps.append(str(step.get("name") or step["uses"].partition("@")[0]))
        if "uses" in step:
            outputs = {"python-path": str(tools / "python")}
            context["steps"][step.get("id")] = {"outputs": outputs}
            continue
        assert step["shell"] == "bash"
        output = temporary / f"output-{len(ran.steps)}"
        output.touch()
        process = subprocess.run(
            ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=folder,
            env={
                **os.environ,
                "PATH": f"{tools}{os.pathsep}{path}",
                "RUNNER_TEMP": str(temporary),
                "GITHUB_ACTION_PATH": str(ROOT),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(summary),
                "GITHUB_ENV": str(variables),
                "GITHUB_ACTIONS": "true",
                "ACTIONS_RUNTIME_TOKEN": "secret",
                **_entries(variables),
                **{name: filled(text, context) for name, text in step.get("env", {}).items()},
            },
            capture_output=True,
            text=True,
            check=False,
        )
        ran.printed += process.stdout + process.stderr
        ran.code = ran.code or process.returncode
        context["steps"][step.get("id")] = {"outputs": _entries(output)}
    ran.summary = summary.read_text()
    ran.outputs = {
        name: filled(entry["value"], context) for name, entry in described["outputs"].items()
    }
    return ran


def downloaded(temporary: Path, folder: Path) -> Path:
    """Return a folder with what the only run left to be uploaded, as the other workflow has it."""
    (handed,) = temporary.glob("gate-*/gate")
    shutil.copytree(handed, folder / "perceptron-gate-gate-0")
    return folder


def _entries(file: Path) -> dict[str, str]:
    lines = (line.partition("=") for line in file.read_text().splitlines())
    return {name: value for name, _, value in lines}


def _goes(step: Mapping[str, Any], context: Mapping[str, Any], code: int) -> bool:
    condition = str(step.get("if", "true"))
    if code and "cancelled()" not in condition:
        return False
    return filled(condition, context) not in ("", "false", "False")


def filled(text: str, context: Mapping[str, Any]) -> str:
    """Return the text with the values of its expressions; what is not there is empty."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda match: _text(_value(match[1], context)), str(text))


def _text(value: object) -> str:
    return "" if value is None or value is False else "true" if value is True else str(value)


def _value(expression: str, context: Mapping[str, Any]) -> object:
    tokens = _TOKEN.findall(expression)
    assert "".join(tokens) == "".join(expression.split()), f"not understood: {expression}"
    words = [
        _OPERATORS.get(token) or (f"look({token!r})" if re.match(r"\w[\w.*]*\.", token) else token)
        for token in tokens
    ]
    names = {
        "look": lambda name: _looked_up(name.split("."), context),
        "cancelled": lambda: False,
        "contains": lambda text, part: part in text,
        "toJSON": lambda value: json.dumps(value, indent=2),
        "matrix": context.get("matrix"),
        "__builtins__": {},
    }
    return eval("".join(words), names)  # noqa: S307 (of our own file)


def _looked_up(names: list[str], value: Any) -> Any:
    for index, name in enumerate(names):
        if name == "*":
            return [_looked_up(names[index + 1 :], item) for item in value or []]
        value = (value or {}).get(name)
    return value
