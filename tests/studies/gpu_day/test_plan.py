"""The stages of a day, and the commands that they are made of."""

from __future__ import annotations

import re

import pytest

from perceptron.analysis.stored.finding import FAMILY
from perceptron.backends import registry
from perceptron.report.newest_runs import MANY_FAMILIES, RACED, RACED_TO
from perceptron.studies.gpu_day import plan
from perceptron.studies.gpu_day.day import CALL_SECONDS
from perceptron.studies.gpu_day.plan import STAGES
from perceptron.studies.gpu_day.stage import INTERRUPT_SECONDS, Command, LeftOut
from tests.conftest import ROOT
from tests.made_day import HERE, WITHOUT_TORCH, day, facts, only, stage, value, values

CALLS = 3
# The machine is lent for half an hour: that it starts, and what is between the calls, is in it.
LENT_SECONDS, STARTING_SECONDS = 1800, 120


def test_the_stages_are_numbered_and_fit_three_calls_of_ten_minutes() -> None:
    """Each stage whole in one of them, with some seconds for what is between stages."""
    assert [one.number for one in STAGES] == list(range(1, len(STAGES) + 1))
    calls, spent = 1, 0.0
    for one in STAGES:
        if spent + one.seconds > CALL_SECONDS - 10:
            calls, spent = calls + 1, 0.0
        spent += one.seconds
    assert calls == CALLS
    assert sum(one.seconds for one in STAGES) <= LENT_SECONDS - STARTING_SECONDS


def test_the_first_call_tells_the_finding_and_where_a_gpu_wins() -> None:
    """Along the width and along the models, of which the finding trains one."""
    assert [one.name for one in STAGES[:3]] == ["facts", "finding", "width"]
    assert sum(one.seconds for one in STAGES[:3]) < 300
    many = f"many-{FAMILY}s"
    assert many in MANY_FAMILIES
    assert sum(one.seconds for one in STAGES[: stage(many).number]) <= CALL_SECONDS


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
    pairs = values(only("rows", day()), "--pair")
    assert pairs == ["numpy:torch-cuda", "torch-cpu:torch-cuda"]


@pytest.mark.parametrize("name", MANY_FAMILIES)
def test_many_models_are_compared_with_the_cpu_and_with_one_by_one(name: str) -> None:
    """Whatever trains them at once on the GPU is compared with numpy, which wins on few."""
    command = only(name, day())
    assert value(command, "--family") == name
    assert values(command, "--pair") == [
        "numpy:torch-cuda",
        "torch-cpu:torch-cuda",
        "torch-cuda-one-by-one:torch-cuda",
        "numpy:torch-cuda-graph",
        "numpy:jax-cuda",
    ]
    assert values(only(name, day(*WITHOUT_TORCH)), "--pair") == ["numpy:jax-cuda"]
    assert values(only(name, day(rehearse=True)), "--pair") == ["numpy:torch-cuda"]


def test_the_race_is_the_one_that_is_shown_in_two_dtypes() -> None:
    command = only("race", day())
    assert (value(command, "--problem"), value(command, "--target")) == (RACED, RACED_TO)
    assert value(command, "--backends") == "numpy,torch-cpu,torch-cuda,torch-cuda-graph"
    at = command.arguments.index("--dtype")
    assert command.arguments[at + 1 : at + 3] == ("float32", "bfloat16")
    assert value(only("race", day(*WITHOUT_TORCH)), "--backends") == "numpy,jax-cuda"


def test_a_race_that_nobody_wins_was_run() -> None:
    """It exits with 3, and what was seen is kept; in a rehearsal somebody wins, given time."""
    assert 3 in only("race", day()).good
    assert 3 not in only("race", day(rehearse=True)).good


def test_a_rehearsed_race_has_few_seeds_and_no_option_that_it_does_not_take() -> None:
    command = only("race", day(rehearse=True))
    assert value(command, "--seeds") == "2"
    assert "--quick" not in command.arguments
    assert 60 * float(value(command, "--budget")) > 30, "a process for each seed takes seconds"
    assert command.instead is not None


def test_one_gpu_tells_what_data_parallel_training_costs_and_what_it_cannot_tell() -> None:
    command = only("ddp", day())
    assert values(command, "--pair") == ["torch-cuda:torch-ddp-cuda"]
    assert command.note == ("torch-ddp-cuda over one process alone: two need 2 GPUs, and here is 1")


@pytest.mark.parametrize("gpus", [2, 8])
def test_two_gpus_tell_when_the_second_pays(gpus: int) -> None:
    """With equal threads, which two processes must be able to share."""
    command = only("ddp", day(gpus=gpus))
    assert values(command, "--pair") == [
        "torch-cuda:torch-ddp-cuda",
        "torch-ddp-cuda:torch-ddp-cuda@2",
        "torch-cuda:torch-ddp-cuda@2",
    ]
    assert int(value(command, "--threads")) % 2 == 0
    assert command.note == ""
    rehearsed = only("ddp", day(rehearse=True, gpus=gpus))
    assert values(rehearsed, "--pair") == ["torch-ddp-cuda:torch-ddp-cuda@2"]


def test_without_torch_jax_stands_for_the_gpu() -> None:
    no_torch = day(*WITHOUT_TORCH)
    assert value(only("finding", no_torch), "--backends") == "numpy,jax-cuda"
    assert value(only("bench", no_torch), "--backends") == "numpy,jax-cuda"
    assert "--backends" not in only("bench", day()).arguments


def test_without_a_gpu_all_that_needs_one_is_left_out_and_says_why() -> None:
    reason = "no CUDA device found"
    absent = [facts(name, "cuda", reason) for name in ("torch-cuda", "torch-ddp-cuda")]
    none = day(facts("numpy"), *absent)
    for one in STAGES[1:]:
        with pytest.raises(LeftOut, match=f"^torch-(ddp-)?cuda: {reason}"):
            one.commands(none, one.seconds)
    assert stage("facts").commands(none, 50.0)


def test_every_backend_that_a_stage_names_exists() -> None:
    """Also those that cannot run on the machine of these tests."""
    known = [facts(name, registry.load(name).device) for name in registry.BUILT_IN]
    for one in STAGES:
        for command in one.commands(day(*known, gpus=2), one.seconds):
            words = [*values(command, "--backends"), *values(command, "--pair")]
            for name in (name for word in words for name in word.replace(":", ",").split(",")):
                assert registry.is_name(name), (one.name, name)


@pytest.mark.parametrize("name", ["width", "rows", "batch", "many-or-gates", "many-mlps"])
def test_nothing_is_measured_that_can_be_told_at_home(name: str) -> None:
    """Estimates need no GPU, and their processes come after a study's budget: half a minute."""
    assert "--what-if" not in only(name, day()).arguments


def test_a_ladder_leaves_out_what_cannot_train_its_problem() -> None:
    loader = facts("torch-cuda-dataloader", "cuda")
    here = day(*HERE, loader)
    assert {"torch-cuda", "jax-cuda", "numpy"} <= set(
        value(only("ladder", here), "--backends").split(",")
    )
    assert loader.name not in value(only("ladder", here), "--backends").split(",")
    assert loader.name in value(only("ladder-digits", here), "--backends").split(",")


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


def test_the_page_lists_the_stages_of_the_plan() -> None:
    """And the budget that it names has room for all of them."""
    page = (ROOT / "docs" / "gpu-day.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (\d+) \| `(\S+)` \|", page, re.M)
    assert [(int(number), name) for number, name in listed] == [
        (one.number, one.name) for one in STAGES
    ]
    (minutes,) = re.findall(r"`--budget (\d+)` has room for all", page)
    assert sum(one.seconds for one in STAGES) <= 60 * int(minutes)
