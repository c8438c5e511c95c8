"""The stages of a day, and the commands that they are made of."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from perceptron.records.backend import BackendFacts, CheckResult
from perceptron.studies.gpu_day import plan
from perceptron.studies.gpu_day.plan import STAGES
from perceptron.studies.gpu_day.stage import INTERRUPT_SECONDS, Command, Day, LeftOut, Stage

CALL_SECONDS = 600


def facts(name: str, device: str = "cpu", reason: str | None = None) -> BackendFacts:
    return BackendFacts(
        name=name, device=device, summary="", reason=reason, available=reason is None
    )


HERE = (
    facts("numpy"),
    facts("torch-cpu"),
    facts("torch-cuda", "cuda"),
    facts("cupy", "cuda", "cupy is not installed"),
    facts("jax-cuda", "cuda"),
)


def day(*backends: BackendFacts, rehearse: bool = False) -> Day:
    known = {one.name: one for one in backends or HERE}
    return Day(Path("out"), "box", lambda: known, rehearse)


def stage(name: str) -> Stage:
    (found,) = [one for one in STAGES if one.name == name]
    return found


def only(name: str, a_day: Day, seconds: float = 100.0) -> Command:
    (command,) = stage(name).commands(a_day, seconds)
    return command


def value(command: Command, option: str) -> str:
    return command.arguments[command.arguments.index(option) + 1]


def test_the_stages_are_numbered_and_fit_two_calls_of_ten_minutes() -> None:
    """Each stage whole in one of them; the finding and a crossover in the first minutes."""
    assert [one.number for one in STAGES] == list(range(1, len(STAGES) + 1))
    calls, spent = 1, 0.0
    for one in STAGES:
        if spent + one.seconds > CALL_SECONDS - 30:
            calls, spent = calls + 1, 0.0
        spent += one.seconds
    assert calls == 2
    assert [one.name for one in STAGES[:3]] == ["facts", "finding", "width"]
    assert sum(one.seconds for one in STAGES[:3]) < 300


def test_a_study_ends_before_its_stage_is_interrupted() -> None:
    for one in STAGES:
        for command in one.commands(day(), one.seconds):
            if "--budget" in command.arguments:
                budget = 60 * float(value(command, "--budget"))
                assert budget * 1.05 < one.seconds - INTERRUPT_SECONDS
                assert budget > one.seconds / 2
                assert value(command, "--results") == "out"
                assert value(command, "--machine") == "box"


def test_the_gpu_is_compared_with_numpy_and_torch() -> None:
    arguments = only("rows", day()).arguments
    pairs = [arguments[at + 1] for at, word in enumerate(arguments) if word == "--pair"]
    assert pairs == ["numpy:torch-cuda", "torch-cpu:torch-cuda"]


def test_without_torch_jax_stands_for_the_gpu() -> None:
    missing = "torch is not installed"
    no_torch = day(
        facts("numpy"),
        facts("torch-cpu", reason=missing),
        facts("torch-cuda", "cuda", missing),
        facts("jax-cuda", "cuda"),
    )
    assert value(only("finding", no_torch), "--backends") == "numpy,jax-cuda"
    assert value(only("bench", no_torch), "--backends") == "numpy,jax-cuda"
    assert "--backends" not in only("bench", day()).arguments


def test_without_a_gpu_all_that_needs_one_is_left_out_and_says_why() -> None:
    none = day(facts("numpy"), facts("torch-cuda", "cuda", "no CUDA device found"))
    for one in STAGES[1:]:
        with pytest.raises(LeftOut, match="torch-cuda: no CUDA device found"):
            one.commands(none, one.seconds)
    assert stage("facts").commands(none, 50.0)


def test_every_gpu_backend_that_can_run_is_checked_in_a_process_of_its_own() -> None:
    commands = stage("check").commands(day(), 80.0)
    assert [command.arguments[3] for command in commands] == ["torch-cuda", "jax-cuda"]
    assert {"torch-cuda", "jax-cuda", "numpy"} <= set(
        value(only("ladder", day()), "--backends").split(",")
    )


@pytest.mark.parametrize("name", ["width", "rows", "batch"])
def test_nothing_is_measured_that_can_be_told_at_home(name: str) -> None:
    """Estimates need no GPU, and their processes come after a study's budget: half a minute."""
    assert "--what-if" not in only(name, day()).arguments


def test_a_ladder_leaves_out_what_cannot_train_its_problem() -> None:
    loader = facts("torch-cuda-dataloader", "cuda")
    here = day(*HERE, loader)
    assert loader.name not in value(only("ladder", here), "--backends").split(",")
    assert loader.name in value(only("ladder-digits", here), "--backends").split(",")


def test_the_published_training_is_tested_first() -> None:
    """There may be no time for more."""
    *_, first, then = only("tests", day()).arguments
    assert (Path(first).name, Path(then).name) == ("test_golden.py", "backends")


def test_a_rehearsal_is_short_and_tries_again_where_the_cpu_is_busy() -> None:
    one, tries = stage("batch"), []
    command: Command | None = only("batch", day(rehearse=True), one.limit(True))
    while command is not None:
        assert "--quick" in command.arguments
        tries.append(60 * float(value(command, "--budget")))
        command = command.instead
    assert tries == sorted(tries)
    assert len(tries) == 3
    assert tries[0] < 15
    assert 1.05 * sum(tries) + INTERRUPT_SECONDS < one.limit(True)
    assert only("batch", day(), one.limit(False)).instead is None


@pytest.mark.parametrize(
    ("gpu", "machine"),
    [
        ("NVIDIA H100 80GB HBM3", "h100-80gb-hbm3"),
        ("NVIDIA GeForce RTX 4090", "geforce-rtx-4090"),
        ("NVIDIA A100-SXM4-80GB", "a100-sxm4-80gb"),
        ("", "gpu"),
    ],
)
def test_a_folder_of_results_is_named_after_the_gpu(gpu: str, machine: str) -> None:
    assert plan.machine_of(gpu) == machine


def test_a_broken_promise_is_named_and_one_that_nothing_tests_is_none() -> None:
    def promise(name: str, passed: int, *broken: str) -> CheckResult:
        return CheckResult(name=name, passed=passed, skipped=0, broken=list(broken))

    answer = {
        "backends": {
            "torch-cuda": [promise("agrees", 2), promise("resets", 1, "xor, float32: no")],
            "cupy": [promise("agrees", 0)],
        }
    }
    complaint = plan.broken_promises(msgspec.json.encode(answer))
    assert complaint == "torch-cuda: resets: xor, float32: no"
    assert "did not answer" in str(plan.broken_promises(b""))


def test_failed_tests_are_told_by_pytest_s_last_line() -> None:
    complaint = only("tests", day()).complaint
    assert complaint(b"F.\n== 1 failed, 9 passed in 3.10s ==\n") == "1 failed, 9 passed in 3.10s"
    assert complaint(b"..\n9 passed, 2 skipped in 3.10s\n") is None


def test_without_its_tests_the_package_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(plan, "CHECKOUT", tmp_path)
    with pytest.raises(LeftOut, match="run from a checkout"):
        stage("tests").commands(day(), 80.0)
