"""Copies of a real results folder with something wrong: the rest is judged, and nothing is hidden.

Of commits with gtx86 and gtmc, 4ba8de65 is the newest (17 June 2020) and 5ff0ae94 the next (16
June).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.errors import UserError
from perceptron.records.readers.shared.parameter_roles import ParameterRoles
from perceptron.studies.crossover_from_files import judge_files
from tests.studies.strangers import STRANGERS, needs_strangers

pytestmark = needs_strangers

MACHINE = "results/ricohs-MacBook-Pro.local"
NEWEST = f"{MACHINE}/4ba8de65-virtualenv-py3.7.json"
TIME_RUN = "benchmarks.AdvectionDiffusionSuite.time_run"
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def gt4py(tmp_path: Path) -> Path:
    folder = tmp_path / "gt4py"
    for file in sorted((STRANGERS / "gt4py").rglob("*.json")):
        copy = folder / file.relative_to(STRANGERS / "gt4py")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)  # without its permissions, which may be to read only
    return folder


def judge(
    folder: Path, roles: ParameterRoles | None = None, commit: str | None = None
) -> CrossoverResult:
    return judge_files([str(folder)], [], [], roles or ParameterRoles(), 10_000, commit)


def of_gtmc(result: CrossoverResult) -> Crossover:
    (crossover,) = [
        crossover
        for crossover in result.crossovers
        if crossover.family == TIME_RUN
        and (crossover.incumbent, crossover.challenger) == ("gtx86", "gtmc")
    ]
    return crossover


def change(file: Path, how: Change) -> None:
    content = json.loads(file.read_text())
    how(content)
    file.write_text(json.dumps(content))


@pytest.mark.parametrize("content", ["", '{"results": {"benchmarks.Adv', "[1, 2]", "null"])
def test_a_file_that_is_no_results_is_named_and_the_next_commit_judged(
    gt4py: Path, content: str
) -> None:
    """At 5ff0ae94, size 8: gtx86 0.2008 s [0.1968, 0.2092], gtmc 0.1857 [0.1840, 0.1896]: apart."""
    (gt4py / NEWEST).write_text(content)
    result = judge(gt4py)
    crossover = of_gtmc(result)
    assert (crossover.commit, crossover.status) == ("5ff0ae94c224", "undecided")
    assert crossover.ratio_at[0].ratio == pytest.approx(0.185691569 / 0.20080159)
    (source,) = result.sources
    assert (source.files, source.read) == (8, 134 - 18)
    assert [unread.file for unread in source.unread] == [str(gt4py / NEWEST)]
    assert [(warning.code, str(gt4py / NEWEST) in warning.message) for warning in result.warnings]
    assert result.warnings[0].code == "file-not-read"


def _fewer_values(content: dict[str, Any]) -> None:
    del content["results"][TIME_RUN]["result"][3:]


def _no_object(content: dict[str, Any]) -> None:
    content["results"][TIME_RUN]["params"] = 7


@pytest.mark.parametrize("how", [_fewer_values, _no_object])
def test_a_benchmark_that_is_not_what_asv_writes_is_left_out_with_a_warning(
    gt4py: Path, how: Change
) -> None:
    change(gt4py / NEWEST, how)
    result = judge(gt4py)
    assert of_gtmc(result).commit == "5ff0ae94c224"
    (source,) = result.sources
    assert source.read == source.used + sum(left.rows for left in source.left_out)
    (warning,) = result.warnings
    assert (warning.code, "4ba8de65" in warning.message) == ("not-read", True)


def _without_backends(content: dict[str, Any]) -> None:
    """Values of gtx86 alone, as before there were backends: one parameter."""
    entry = content["results"][TIME_RUN]
    entry["params"] = [["8", "16", "32", "64"]]
    entry["result"] = entry["result"][::4]
    entry["stats"] = entry["stats"][::4]


def test_values_of_other_parameters_than_are_listed_are_not_taken_for_them(gt4py: Path) -> None:
    change(gt4py / NEWEST, _without_backends)
    result = judge(gt4py)
    assert of_gtmc(result).commit == "5ff0ae94c224"
    (source,) = result.sources
    left_out = {left.reason: left.rows for left in source.left_out}
    # Four of this file beside the nineteen that are none in any case.
    assert (
        left_out["of a benchmark without the parameters that hold the backend and the size"] == 23
    )


def test_the_facts_of_a_machine_are_not_needed(gt4py: Path) -> None:
    expected = of_gtmc(judge(gt4py))
    (gt4py / MACHINE / "machine.json").write_text("")
    assert of_gtmc(judge(gt4py)) == expected
    (gt4py / MACHINE / "machine.json").unlink()
    assert of_gtmc(judge(gt4py)) == expected


def test_without_a_list_of_benchmarks_parameters_are_numbered(gt4py: Path) -> None:
    """The error names them, and with these names the answer is the same."""
    expected = of_gtmc(judge(gt4py))
    (gt4py / "results" / "benchmarks.json").unlink()
    with pytest.raises(UserError, match=r"--by and --size some of param1, param2$"):
        judge(gt4py)
    result = judge(gt4py, ParameterRoles(by=("param2",), size="param1"))
    assert of_gtmc(result) == expected


def test_a_list_of_benchmarks_that_is_damaged_is_an_error_that_names_it(gt4py: Path) -> None:
    (gt4py / "results" / "benchmarks.json").write_text("{")
    with pytest.raises(UserError, match=r"benchmarks\.json: not asv's JSON"):
        judge(gt4py)


@pytest.mark.parametrize("date", [None, "yesterday", 1e30])
def test_a_commit_without_a_date_is_as_new_as_its_run(gt4py: Path, date: object) -> None:
    """4ba8de65 was run on 19 June, after all other commits were made."""
    expected = of_gtmc(judge(gt4py))

    def without_date(content: dict[str, Any]) -> None:
        content["date"] = date

    change(gt4py / NEWEST, without_date)
    assert of_gtmc(judge(gt4py)) == expected


def test_a_branch_instead_of_a_commit_is_a_commit_of_that_name(gt4py: Path) -> None:
    def on_branch(content: dict[str, Any]) -> None:
        content["commit_hash"] = "main"

    change(gt4py / NEWEST, on_branch)
    assert of_gtmc(judge(gt4py)).commit == "main"
    assert of_gtmc(judge(gt4py, commit="main")).commit == "main"


def test_two_branches_are_never_put_together(gt4py: Path) -> None:
    names = {"4ba8de65": "feature/storage-new", "5ff0ae94": "feature/storage-old"}
    for revision, name in names.items():

        def on_branch(content: dict[str, Any], name: str = name) -> None:
            content["commit_hash"] = name

        change(gt4py / MACHINE / f"{revision}-virtualenv-py3.7.json", on_branch)
    assert len(of_gtmc(judge(gt4py)).files) == 1
    assert len(of_gtmc(judge(gt4py, commit="feature/storage-old")).files) == 1


def test_a_copy_of_a_file_adds_nothing(gt4py: Path) -> None:
    """Somebody's backup of a machine's folder: the same run, to the last digit, twice."""
    expected = of_gtmc(judge(gt4py))
    shutil.copytree(gt4py / MACHINE, gt4py / "results" / "backup")
    crossover = of_gtmc(judge(gt4py))
    assert (crossover.status, crossover.crossings) == (expected.status, expected.crossings)
