"""README claims what the judge has decided, stays short, and can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from docs.build.__main__ import ROOT
from docs.build.readme import sentence
from perceptron.analysis.crossover.judge import Crossing, Crossover
from perceptron.cli import app

README = (ROOT / "README.md").read_text(encoding="utf-8")


def found(status: Any, **about: Any) -> Crossover:
    return Crossover(
        family="perceptron-rows",
        incumbent="numpy",
        challenger="torch-cpu",
        status=status,
        sizes_measured=[4, 64, 1024, 16384],
        machine="box",
        dtype="float32",
        threads=2,
        **about,
    )


@pytest.mark.parametrize(
    ("crossover", "words"),
    [
        (
            found(
                "crosses",
                size=105_408.0,
                low=64_935.3,
                high=None,
                decided=[(4, 64), (262144, 262144)],
            ),
            "torch-cpu overtakes numpy at 105,000 rows [64,900, …]",
        ),
        (
            found(
                "reverses",
                size=900.0,
                low=800.0,
                high=1000.0,
                decided=[(4, 64), (1024, 16384)],
            ),
            "numpy overtakes torch-cpu at 900 rows [800, 1,000]",
        ),
        (
            found("crosses", size=900.0, low=800.0, high=1000.0, decided=[(4, 64)]),
            "numpy is faster up to 64 rows; undecided above",
        ),
        (
            found("crosses", size=900.0, low=800.0, high=1000.0, decided=[(1024, 16384)]),
            "torch-cpu is faster at 1,024–16,384 rows; undecided elsewhere",
        ),
        (found("reverses", size=900.0, low=800.0, high=1000.0), "undecided"),
        (
            found("never", decided=[(4, 16384)]),
            "numpy is faster at every size, 4–16,384 rows",
        ),
        (found("always", decided=[(4, 64)]), "torch-cpu is faster up to 64 rows; undecided above"),
        (
            found("never", decided=[(4, 64), (16384, 16384)]),
            "numpy is faster at 4–64 and 16,384 rows; undecided elsewhere",
        ),
        (
            found("never", decided=[(64, 16384)]),
            "numpy is faster at 64–16,384 rows; undecided elsewhere",
        ),
        (
            found(
                "multiple", crossings=[Crossing(900.0, "challenger"), Crossing(5100.0, "incumbent")]
            ),
            "torch-cpu from 900 rows, numpy from 5,100 rows on",
        ),
        (found("undecided"), "undecided"),
        (found("not measured"), "not measured yet"),
    ],
)
def test_a_backend_is_called_faster_only_where_that_is_decided(
    crossover: Crossover, words: str
) -> None:
    assert sentence(crossover) == words


def test_readme_is_short() -> None:
    """At most 750 words, and twelve for an answer."""
    assert len(README.split()) <= 750
    rows = re.findall(r"^\| \[.*\| `.*` \| (.*) \|$", README, re.M)
    assert len(rows) == 8
    assert all(len(answer.split()) <= 12 for answer in rows)


@pytest.mark.parametrize("line", re.findall(r"^\| \[.*\| `(.*)` \|", README, re.M))
def test_a_command_of_the_table_can_be_typed(line: str) -> None:
    """Its options are there; docs have the same commands, which are run."""
    group = typer.main.get_command(app)
    name, *words = shlex.split(line)
    assert name in group.commands  # type: ignore[attr-defined]
    group.commands[name].make_context(name, words)  # type: ignore[attr-defined]


def test_the_answer_from_python_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a reader types it, where nothing was measured yet."""
    (code,) = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 our own page
    assert names["advice"].backend
