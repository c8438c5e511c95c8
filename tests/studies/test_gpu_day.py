"""A day with a GPU: what its commands are made of, and what becomes of them."""

from __future__ import annotations

import json
import re
import shlex
import tarfile
from collections.abc import Sequence
from pathlib import Path
from time import sleep

import pytest

from docs.build.shown import MANY_FAMILIES, RACED, RACED_TO
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.measure.revision import revision
from perceptron.problems.catalogue import find
from perceptron.problems.families import FAMILIES
from perceptron.records.gpu_day import DayResult, Stage, open_day
from perceptron.studies.gpu_day import (
    CALL_SECONDS,
    LINE,
    STAGES,
    Reasons,
    Words,
    commands_of,
    machine_of,
    run_day,
    variables_of,
)
from tests.conftest import ROOT, Perceptron
from tests.schemas import valid


def reasons(*absent: str) -> Reasons:
    """Every built-in backend can run but these."""
    return {name: "no CUDA device found" if name in absent else None for name in registry.names()}


def stage_of(name: str) -> Stage:
    return next(stage for stage in STAGES if stage.name == name)


def words(name: str) -> Words:
    """Return the one command of a stage."""
    (command,) = commands_of(stage_of(name), reasons())
    return command


def values(command: Words, option: str) -> list[str]:
    return [command[at + 1] for at, word in enumerate(command) if word == option]


def test_the_stages_fit_three_calls_and_the_first_tells_where_a_gpu_wins() -> None:
    """With a survey in each; two minutes of half an hour are left for the machine to start."""
    left, calls = list(STAGES), []
    for survey in (60, 20, 20):
        spent, names = survey, []
        for stage in list(left):
            if spent + stage.seconds <= CALL_SECONDS:
                spent += stage.seconds
                names.append(stage.name)
                left.remove(stage)
        calls.append(names)
    assert left == []
    assert calls[0][:4] == ["facts", "finding", "width", "many-or-gates"]
    assert 3 * CALL_SECONDS <= 28 * 60


def test_what_is_pasted_is_one_line_that_the_page_shows(
    here: Perceptron,
) -> None:
    page = (ROOT / "docs" / "gpu-day.md").read_text(encoding="utf-8")
    assert LINE.format(commit="0123456789ab") in page.splitlines()
    assert len(LINE) < 600
    told = json.loads(here("gpu-day", "--plan", "--json").stdout)
    assert told["line"] == LINE.format(commit=revision() or "unknown")
    assert "PERCEPTRON_COMMIT=" in told["line"]


def test_a_check_computes_what_a_worker_computes() -> None:
    """XLA reads its flags when it starts: without them another program would be checked."""
    commands = commands_of(STAGES[-1], reasons("cupy"))
    checked = {one[1] for one in commands if one[0] == "check"}
    assert "jax-cuda" in checked
    assert not {"torch-cuda-compiled", "torch-ddp-cuda", "cupy"} & checked
    wanted = registry.load("jax-cuda").environment(1)
    for command in commands:
        if "pytest" in command or command[1] == "jax-cuda":
            assert wanted.keys() <= variables_of(command, reasons()).keys(), command


def test_every_gpu_backend_that_trains_several_models_is_checked_on_them() -> None:
    """The page of many models names them, and a test holds it true."""
    commands = commands_of(STAGES[-1], reasons())
    page = (ROOT / "docs" / "many-models.md").read_text(encoding="utf-8")
    table = "".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `"))
    on_gpu = re.findall(r"`([a-z]+-cuda[a-z-]*|cupy)`", table)
    assert {one[1] for one in commands if "many-or-gates:4" in one} == set(on_gpu)


def test_what_docs_show_of_a_gpu_is_what_the_day_measures() -> None:
    for family in MANY_FAMILIES:
        assert "torch-cuda-sequential:torch-cuda" in values(words(family), "--pair")
    race = words("race")
    assert values(race, "--problem") + values(race, "--target") == [RACED, RACED_TO]
    assert words("bench") == ["bench"], "with backends it is no whole run"


@pytest.mark.parametrize("rehearse", [False, True])
def test_every_command_of_the_day_is_one_that_can_be_typed(
    here: Perceptron, rehearse: bool
) -> None:
    for words in (words for stage in STAGES for words in commands_of(stage, reasons(), rehearse)):
        assert set(values(words, "--family")) <= set(FAMILIES)
        assert all(find(problem) for problem in values(words, "--problem"))
        if not words[0].startswith("-"):  # a module of Python's
            assert here(*words, "--help").returncode == 0, words


def test_a_folder_of_results_is_named_after_the_gpu() -> None:
    assert machine_of("NVIDIA A100-SXM4-80GB") == "a100-sxm4-80gb"
    assert machine_of("") == "gpu"


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
    return Stage(name, "", seconds, shlex.join(command))


def test_a_day_goes_on_whatever_becomes_of_a_stage_and_is_resumed(
    tmp_path: Path,
) -> None:
    """What succeeded is not run again; what was never tried comes before what failed."""
    results = tmp_path / "day"
    day = (
        stage("fails", "walkthrough", "no-such-problem"),
        stage("dies", "-c", "import os; os.write(2, b'no driver'); os._exit(1)"),
        stage("hangs", "-c", "import time; time.sleep(600)", seconds=1.0),  # 6 s are for ending it
        stage("works", "-c", "pass"),
        stage("long", "-c", "pass", seconds=9e9),
    )
    first = run(results, *day)
    assert [one.outcome for one in first.stages] == [
        *("failed", "failed", "timed out", "ok", "next call")
    ]
    said = [one.reason or "" for one in first.stages]
    assert "no-such-problem" in said[0]
    assert said[1] == "no driver"
    assert first.packed.files == len(list((results / "log").iterdir())) + 1
    (results / "log" / "order").touch()
    day = tuple(
        stage(
            one.name, "-c", f"print({one.name!r}, file=open({str(results / 'log/order')!r}, 'a'))"
        )
        for one in day
    )
    again = run(results, *day, numbers=[2, 4, 5])
    assert {one.outcome for one in again.stages} == {"ok"}
    assert (results / "log" / "order").read_text().split() == ["long", "dies"]
    assert again.stages[1] == first.stages[3]
    with pytest.raises(UserError, match="holds the results of a real day"):
        open_day(results, rehearse=True)
    (results / "gpu-day.json").write_text("{")
    with pytest.raises(UserError, match=r"gpu-day\.json: not what gpu-day writes.*; delete it$"):
        open_day(results, rehearse=False)


# Says when it is interrupted and does not leave for that, nor does what it has started.
STAYS = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
signal.signal(signal.SIGTERM, lambda *_: print("interrupted", flush=True))
print(os.getpid(), child.pid, flush=True)
"""


def gone(pid: int) -> bool:
    """Wait until a process has ended; who adopted it need not have noticed yet."""
    status = Path(f"/proc/{pid}/status")
    for _ in range(600):
        try:
            if "State:\tZ" in status.read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        sleep(0.05)
    return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks /proc")
def test_a_command_is_interrupted_before_its_limit_and_killed_with_all_it_started(
    tmp_path: Path,
) -> None:
    code = STAYS + "while True: time.sleep(600)"
    (late,) = run(tmp_path, stage("late", "-c", code, seconds=10.0)).stages
    assert (late.outcome, "not done within 10 s" in (late.reason or "")) == ("timed out", True)
    pids, *said = (tmp_path / "log" / "01-late.txt").read_text().splitlines()
    assert said == ["interrupted"]
    assert all(gone(int(pid)) for pid in pids.split())


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks /proc")
def test_a_day_that_is_told_to_end_ends_its_command_and_packs(tmp_path: Path) -> None:
    code = STAYS + "os.kill(os.getppid(), signal.SIGINT)\nwhile True: time.sleep(600)"
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, stage("ended", "-c", code), stage("next", "-c", "pass"))
    log = (tmp_path / "log" / "01-ended.txt").read_bytes()
    assert all(gone(int(pid)) for pid in log.split()[:2])
    with tarfile.open(tmp_path / "gpu-day.tar.gz") as archive:
        packed = archive.extractfile("log/01-ended.txt")
        assert packed is not None
        assert packed.read() == log
        assert not any("next" in name for name in archive.getnames())


def test_the_plan_is_told_and_nothing_written(here: Perceptron, tmp_path: Path) -> None:
    told = here("gpu-day", "--plan", "--json")
    plan = json.loads(told.stdout)["plan"]
    assert [(one["number"], one["name"], one["seconds"]) for one in plan] == [
        (number, stage.name, stage.seconds) for number, stage in enumerate(STAGES, start=1)
    ]
    assert all(one["tells"] for one in plan)
    assert (told.returncode, list(tmp_path.iterdir())) == (0, [])


@pytest.mark.slow
def test_a_day_from_the_command_line_is_packed_resumed_and_brought_home(
    here: Perceptron, tmp_path: Path
) -> None:
    rows = tmp_path / "day/runs/rehearsal/one/measurements.jsonl"
    rows.parent.mkdir(parents=True)
    rows.write_text("{}\n")
    options = ("gpu-day", "--rehearse", "--results", "day", "--json")
    first = here(*options, "--stage", "1")
    assert first.returncode == 0, first.stdout + first.stderr
    document = valid(first.stdout, "gpu-day")
    (facts,) = document["stages"]
    assert (facts["name"], facts["outcome"], facts["rows"]) == ("facts", "ok", 0)
    archive = document["packed"]["archive"]
    assert Path(archive).stat().st_size == document["packed"]["bytes"]

    resumed = json.loads(here(*options, "--budget", "0.01").stdout)["stages"]
    assert resumed.pop(0) == facts
    assert {one["outcome"] for one in resumed} == {"next call"}

    home = here("gpu-day", "--unpack", archive, "--results", "home", "--json")
    unpacked = valid(home.stdout, "gpu-day-unpack")
    assert (unpacked["unpacked"], unpacked["results"]) == (["runs/rehearsal/one"], "home")
    assert (tmp_path / "home/runs/rehearsal/one/measurements.jsonl").read_text() == "{}\n"
    assert json.loads((tmp_path / "home/log/01-facts.json").read_text())["conditions"]
