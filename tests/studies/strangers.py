"""Real result folders of other projects, read without the suite's readers to judge by hand.

They lie beside the project and are no part of it: tests that need them are skipped without.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import product
from math import isnan, prod
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.records.readers.shared.parameter_roles import ParameterRoles
from perceptron.studies.crossover_from_files import judge_files
from tests.conftest import ROOT

STRANGERS = ROOT.parent / "shared" / "data" / "strangers"
needs_strangers = pytest.mark.skipif(
    not STRANGERS.is_dir(), reason="the results of other projects are not beside this checkout"
)


class Choice(NamedTuple):
    """What a user asks of one project's results."""

    project: str
    by: tuple[str, ...] = ()
    size: str = "size"
    commit: str | None = None
    families: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = [f"--by {','.join(self.by)}"] if self.by else []
        words += [f"--size {self.size}"] if self.size != "size" else []
        words += [f"--commit {self.commit}"] if self.commit else []
        words += [f"--family {family}" for family in self.families]
        return " ".join([self.project, *words])


@lru_cache
def judge(choice: Choice) -> CrossoverResult:
    roles = ParameterRoles(by=choice.by, size=choice.size)
    source = str(STRANGERS / choice.project)
    return judge_files([source], [], choice.families, roles, 10_000, choice.commit)


class Figure(NamedTuple):
    """One value of asv's: a median in seconds (None without) and its 99 % interval."""

    file: Path
    machine: str
    commit: str
    date: int
    environment: str
    version: str
    benchmark: str
    parameters: Mapping[str, Any]
    median: float | None
    low: float
    high: float

    def backend(self, choice: Choice) -> str | None:
        parameters = {"machine": self.machine, **self.parameters}
        names = choice.by or ("backend",)
        held = all(name in parameters for name in names)
        return ":".join(str(parameters[name]) for name in names) if held else None

    def overlaps(self, other: Figure) -> bool:
        return max(self.low, other.low) <= min(self.high, other.high)


@lru_cache
def figures(project: str) -> list[Figure]:
    """Return every value of a benchmark of time, in asv's formats 1 and 2."""
    results = STRANGERS / project / "results"
    listed = json.loads((results / "benchmarks.json").read_text())
    return [
        figure
        for file in sorted(results.glob("*/*.json"))
        if file.name != "machine.json"
        for figure in _figures(file, listed)
    ]


def _figures(file: Path, listed: Mapping[str, Any]) -> Iterable[Figure]:
    content = json.loads(file.read_text())
    for name, entry in content["results"].items():
        benchmark = listed.get(name, {"type": "time", "param_names": []})
        if benchmark["type"] != "time":
            continue
        if content["version"] == 1:
            entry = entry if isinstance(entry, dict) else {"result": [entry], "params": []}
            params, result = entry["params"], entry["result"]
            intervals = [stats and stats["ci_99"] for stats in entry.get("stats") or []]
            version = content["benchmark_version"][name]
        else:
            columns = dict(zip(content["result_columns"], entry, strict=False))
            params, result, version = columns["params"], columns["result"], columns["version"]
            ends = columns.get("stats_ci_99_a"), columns.get("stats_ci_99_b")
            intervals = list(zip(*ends, strict=True)) if all(ends) else []
        combinations = prod(map(len, params))
        if result in (None, [None]):  # it failed as a whole
            result = [None] * combinations
        assert len(result) == combinations
        names = benchmark["param_names"]
        if len(names) != len(params):
            names = [f"param{number}" for number in range(1, len(params) + 1)]
        for index, words in enumerate(product(*params)):
            median = result[index]
            has_time = median is not None and not isnan(median)
            low, high = (intervals[index] if has_time and intervals else None) or (0.0, 0.0)
            yield Figure(
                file,
                content["params"]["machine"],
                content["commit_hash"],
                content["date"],
                content["env_name"],
                version,
                name,
                dict(zip(names, map(_value, words), strict=True)),
                median if has_time else None,
                low,
                high,
            )


def _value(word: str) -> Any:
    try:
        return ast.literal_eval(word)
    except (ValueError, SyntaxError):  # such as <networkx.classes.graph.Graph object>
        return word


@lru_cache
def _of_benchmark(project: str, name: str) -> list[Figure]:
    return [figure for figure in figures(project) if figure.benchmark == name]


def behind(crossover: Crossover, choice: Choice) -> dict[float, tuple[Figure, Figure]]:
    """Return by size the two figures, incumbent's and challenger's, that a verdict stands on.

    Its family, machine and state select them; there must be one of each, or it is no answer.
    """
    chosen: dict[str, dict[float, Figure]] = {crossover.incumbent: {}, crossover.challenger: {}}
    for figure in of_case(crossover, choice):
        state = figure.commit[:12], figure.environment, figure.version[:12]
        if state == (crossover.commit, crossover.environment, crossover.version):
            sizes = chosen[str(figure.backend(choice))]
            assert figure.parameters[choice.size] not in sizes, "two figures where one is meant"
            sizes[figure.parameters[choice.size]] = figure
    incumbent, challenger = chosen.values()
    return {
        size: (incumbent[size], challenger[size])
        for size in sorted(incumbent.keys() & challenger.keys())
    }


def of_case(crossover: Crossover, choice: Choice) -> list[Figure]:
    """Return all figures with a time of both backends in this case, of whatever state."""
    name, _, brackets = crossover.family.partition("[")
    others = dict(part.split("=") for part in brackets.removesuffix("]").split(", ") if part)
    return [
        figure
        for figure in _of_benchmark(choice.project, name)
        if figure.backend(choice) in (crossover.incumbent, crossover.challenger)
        and ("machine" in choice.by or figure.machine == crossover.machine)
        and figure.commit.startswith(choice.commit or "")
        and figure.median is not None
        and all(str(figure.parameters[key]) == value for key, value in others.items())
        and isinstance(size := figure.parameters.get(choice.size), int | float)
        and size > 0
    ]
