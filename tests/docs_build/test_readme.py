"""README stays short, and can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from docs.build.__main__ import ROOT
from perceptron.cli import app
from perceptron.questions.crossover import functions as studies_functions

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_is_short() -> None:
    """At most 750 words, and twenty for an answer."""
    assert len(README.split()) <= 750
    rows = re.findall(r"^\| \[.*\| `.*` \| (.*) \|$", README, re.M)
    assert len(rows) == 8
    assert all(len(answer.split()) <= 20 for answer in rows)


@pytest.mark.parametrize("line", re.findall(r"^\| \[.*\| `(.*)` \|", README, re.M))
def test_readme_table_commands_parse(line: str) -> None:
    """Its options are there; docs have the same commands, which are run."""
    name, *words = shlex.split(line)
    command = app.get_command(click.Context(app), name)
    assert command is not None
    command.make_context(name, words)


@pytest.mark.slow
def test_readme_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a reader types it, where nothing was measured yet; but shorter, and with time enough.

    However busy the machine is, four calls end in ten minutes, and what measures for five seconds
    is left to tests of `fastest`.
    """
    monkeypatch.setattr(studies_functions, "_REPEATS", 1)
    functions, model = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    names: dict[str, Any] = {}
    exec(functions.replace("(16, 100_000)", "[16, 64], seconds=600"), names)  # noqa: S102 our own
    assert "direct" in capsys.readouterr().out
    exec(model.replace('"adam"', '"adam", measure="never"'), names)  # noqa: S102
    assert names["advice"].backend == "numpy"
    assert "nothing is known" in capsys.readouterr().out
