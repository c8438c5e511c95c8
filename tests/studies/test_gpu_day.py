"""A day with a GPU: what its commands are made of, and what becomes of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from docs.build.shown import MANY_FAMILIES, RACED, RACED_TO
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.records.backend import BackendFacts
from perceptron.records.gpu_day import DayResult, open_day
from perceptron.studies.gpu_day import (
    CALL_SECONDS,
    STAGES,
    Here,
    LeftOut,
    Stage,
    Words,
    machine_of,
    run_day,
)
from tests.conftest import ROOT

TORCH = ("torch-cpu", "torch-cuda", "torch-cuda-graph", "torch-ddp-cuda", "torch-cuda-one-by-one")


def here(absent: Sequence[str] = (), reason: str = "torch is not installed", gpus: int = 1) -> Here:
    """Every built-in backend can run but these."""
    facts = [
        BackendFacts(
            name=name,
            device=registry.load(name).device,
            summary="",
            reason=reason if name in absent else None,
            available=name not in absent,
        )
        for name in ("numpy", "jax-cuda", "numba", *TORCH)
    ]
    return Here({one.name: one for one in facts}, gpus, rehearse=False)


def words(name: str, known: Here) -> Words:
    """Return the one command of a stage."""
    (command,) = next(stage for stage in STAGES if stage.name == name).commands(known)
    return command


def values(command: Words, option: str) -> list[str]:
    return [command[at + 1] for at, word in enumerate(command) if word == option]


def test_the_stages_fit_three_calls_and_the_first_tells_where_a_gpu_wins() -> None:
    """Each whole in a call; two minutes of half an hour are left for the machine to start."""
    calls, spent = [[STAGES[0].name]], STAGES[0].seconds
    for stage in STAGES[1:]:
        if spent + stage.seconds > CALL_SECONDS - 10:
            calls.append([])
            spent = 0.0
        calls[-1].append(stage.name)
        spent += stage.seconds
    assert len(calls) == 3
    assert {"finding", "width", "many-or-gates"} <= set(calls[0])
    assert sum(stage.seconds for stage in STAGES) <= 28 * 60


def test_the_gpu_is_compared_with_the_cpu_and_many_models_with_one_by_one() -> None:
    assert values(words("rows", here()), "--pair") == ["numpy:torch-cuda", "torch-cpu:torch-cuda"]
    for family in MANY_FAMILIES:
        assert values(words(family, here()), "--pair") == [
            "numpy:torch-cuda",
            "torch-cpu:torch-cuda",
            "torch-cuda-one-by-one:torch-cuda",
            "numpy:torch-cuda-graph",
            "numpy:jax-cuda",
        ]
    race = words("race", here())
    assert values(race, "--problem") + values(race, "--target") == [RACED, RACED_TO]
    assert "--backends" not in words("bench", here()), "then it is no whole run"


def test_without_torch_jax_stands_for_the_gpu() -> None:
    known = here(absent=TORCH)
    assert values(words("bench", known), "--backends") == ["numpy,jax-cuda"]
    assert values(words("many-mlps", known), "--pair") == ["numpy:jax-cuda"]
    with pytest.raises(LeftOut, match="torch-ddp-cuda: torch is not installed"):
        words("ddp", known)


def test_without_a_gpu_all_that_needs_one_is_left_out_and_says_why() -> None:
    reason = "no CUDA device found"
    known = here(absent=("jax-cuda", *TORCH), reason=reason)
    for stage in STAGES[1:]:
        with pytest.raises(LeftOut, match=f"^torch-(ddp-)?cuda: {reason}"):
            stage.commands(known)
    assert STAGES[0].commands(known)


def test_where_nobody_says_what_can_run_everything_is_tried() -> None:
    """A stage then says for itself what fails."""
    known = Here({}, 1, rehearse=False)
    assert all(stage.commands(known) for stage in STAGES)


@pytest.mark.parametrize(
    ("gpu", "machine"),
    [
        ("NVIDIA H100 80GB HBM3", "h100-80gb-hbm3"),
        ("NVIDIA A100-SXM4-80GB", "a100-sxm4-80gb"),
        ("", "gpu"),
    ],
)
def test_a_folder_of_results_is_named_after_the_gpu(gpu: str, machine: str) -> None:
    assert machine_of(gpu) == machine


def test_the_page_lists_the_stages_of_the_plan() -> None:
    page = (ROOT / "docs" / "gpu-day.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (\d+) \| `(\S+)` \|", page, re.M)
    names = [(str(number), stage.name) for number, stage in enumerate(STAGES, start=1)]
    assert listed == names


def run(
    results: Path, *stages: Stage, numbers: Sequence[int] = (), budget: float | None = None
) -> DayResult:
    return run_day(
        results,
        open_day(results, rehearse=False),
        results / "gpu-day.tar.gz",
        "box",
        numbers,
        budget,
        lambda _: None,
        lambda _: None,
        stages,
    )


def stage(name: str, *command: str, seconds: float = 100.0) -> Stage:
    return Stage(name, "", seconds, lambda _: [command])


def test_a_day_goes_on_whatever_becomes_of_a_stage_and_is_resumed(tmp_path: Path) -> None:
    """What succeeded is not run again unless it is named; the others are, with the next call."""
    day = (
        stage("fails", "check", "no-such-backend"),
        stage("hangs", "backends", seconds=1.0),  # interrupted at once: 6 s are for that
        stage("works", "backends"),
        stage("long", "backends", seconds=9e9),
    )
    first = run(tmp_path, *day)
    assert [one.outcome for one in first.stages] == ["failed", "timed out", "ok", "next call"]
    assert "no-such-backend" in (first.stages[0].reason or "")
    assert first.packed.files == len(list((tmp_path / "log").iterdir())) + 1
    again = run(tmp_path, *day, budget=50.0)
    outcomes = ["next call", "timed out", "ok", "next call"]
    assert [one.outcome for one in again.stages] == outcomes
    assert again.stages[2] == first.stages[2]
    (named,) = run(tmp_path, *day, numbers=[3]).stages
    assert (named.outcome, named.seconds != first.stages[2].seconds) == ("ok", True)


def test_a_folder_holds_a_rehearsal_or_a_real_day(tmp_path: Path) -> None:
    run(tmp_path, stage("works", "backends"))
    with pytest.raises(UserError, match="holds the results of a real day"):
        open_day(tmp_path, rehearse=True)
    (tmp_path / "gpu-day.json").write_text("{")
    with pytest.raises(UserError, match=r"gpu-day\.json: not what gpu-day writes"):
        open_day(tmp_path, rehearse=False)
