"""The stages that ask whether a GPU's backends are right."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from perceptron.problems import catalogue
from perceptron.records.backend import CheckResult
from perceptron.studies.gpu_day import checks
from perceptron.studies.gpu_day.plan import STAGES
from perceptron.studies.gpu_day.stage import Command, LeftOut
from tests.made_day import WITHOUT_TORCH, day, only, stage, values


def checked(name: str, gpus: int = 1) -> dict[str, list[str]]:
    """Return the problems on which a stage checks each backend."""
    commands = stage(name).commands(day(gpus=gpus), 60.0)
    assert all(command.arguments[2] == "check" for command in commands)
    return {command.arguments[3]: values(command, "--problem") for command in commands}


def test_every_gpu_backend_that_can_run_is_checked_in_a_process_of_its_own() -> None:
    """Once: one model after the other is of one model the same, and what has partners waits."""
    assert list(checked("check")) == ["torch-cuda", "torch-cuda-graph", "jax-cuda"]


def test_what_trains_several_models_is_checked_on_several() -> None:
    of_each = checked("check-many")
    assert list(of_each) == ["torch-cuda", "torch-cuda-graph", "jax-cuda", "torch-cuda-one-by-one"]
    for problems in of_each.values():
        found = [catalogue.find(problem) for problem in problems]
        assert min(problem.models for problem in found) > 1


def test_what_trains_over_processes_is_checked_over_as_many_as_have_a_gpu() -> None:
    assert list(checked("check-ddp")) == ["torch-ddp-cuda"]
    assert list(checked("check-ddp", gpus=8)) == ["torch-ddp-cuda", "torch-ddp-cuda@2"]
    with pytest.raises(LeftOut, match="torch-ddp-cuda: torch is not installed"):
        stage("check-ddp").commands(day(*WITHOUT_TORCH), 60.0)


@pytest.mark.parametrize(
    ("check", "timed"), [("check-many", "many-or-gates"), ("check-many", "many-mlps")]
)
def test_nothing_is_timed_before_it_was_checked(check: str, timed: str) -> None:
    """Of what has never met a GPU."""
    assert stage(check).number < stage(timed).number
    pairs = values(only(timed, day()), "--pair")
    on_gpu = {name for pair in pairs for name in pair.split(":")} - {"numpy", "torch-cpu"}
    assert on_gpu == set(checked(check))


def test_partners_are_timed_after_they_were_checked() -> None:
    assert stage("check-ddp").number < stage("ddp").number
    pairs = values(only("ddp", day(gpus=2)), "--pair")
    named = {name for pair in pairs for name in pair.split(":")} - {"torch-cuda"}
    assert named == set(checked("check-ddp", gpus=2))


def test_a_rehearsal_checks_one_problem() -> None:
    checking = [one for one in STAGES if one.name.startswith("check")]
    assert len(checking) == 3
    for one in checking:
        for command in one.commands(day(rehearse=True), 240.0):
            assert len(values(command, "--problem")) == 1


def test_the_published_training_is_tested_first() -> None:
    """There may be no time for more."""
    *_, first, then = only("tests", day()).arguments
    assert (Path(first).name, Path(then).name) == ("test_golden.py", "backends")


def test_a_broken_promise_is_named_and_one_that_nothing_tests_is_none() -> None:
    def promise(name: str, passed: int, *broken: str) -> CheckResult:
        return CheckResult(name=name, passed=passed, skipped=0, broken=list(broken))

    answer = {
        "backends": {
            "torch-cuda": [promise("agrees", 2), promise("resets", 1, "xor, float32: no")],
            "cupy": [promise("agrees", 0)],
        }
    }
    complaint = checks.broken_promises(msgspec.json.encode(answer))
    assert complaint == "torch-cuda: resets: xor, float32: no"
    assert "did not answer" in str(checks.broken_promises(b""))


def test_failed_tests_are_told_by_pytest_s_last_line() -> None:
    command: Command = only("tests", day())
    answer = b"F.\n== 1 failed, 9 passed in 3.10s ==\n"
    assert command.complaint(answer) == "1 failed, 9 passed in 3.10s"
    assert command.complaint(b"..\n9 passed, 2 skipped in 3.10s\n") is None


def test_without_its_tests_the_package_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(checks, "CHECKOUT", tmp_path)
    with pytest.raises(LeftOut, match="run from a checkout"):
        stage("tests").commands(day(), 80.0)
