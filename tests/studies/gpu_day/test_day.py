"""The day: stage after stage, each kept, whatever becomes of one."""

from __future__ import annotations

import signal
import sys
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from perceptron.errors import UserError
from perceptron.records.backend import BackendFacts
from perceptron.records.gpu_day import DayResult
from perceptron.studies.gpu_day import day as module
from perceptron.studies.gpu_day import runner
from perceptron.studies.gpu_day.child import Ended
from perceptron.studies.gpu_day.day import open_day, run_day
from perceptron.studies.gpu_day.plan import SURVEY
from perceptron.studies.gpu_day.stage import Command, Day, LeftOut, Stage

RunDay = Callable[..., DayResult]
ROW = "import os, pathlib; f = pathlib.Path('runs/box/one'); f.mkdir(parents=True, exist_ok=True);"
ROW += "open(f / 'measurements.jsonl', 'a').write('{}\\n')"


def python(code: str, **fields: object) -> Command:
    return Command(("-c", code), **fields)  # type: ignore[arg-type]


def stage(number: int, *commands: Command, seconds: float = 300.0, name: str = "") -> Stage:
    return Stage(number, name or f"s{number}", "something", seconds, lambda _day, _left: commands)


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDay:
    """Run stages in an empty folder, which is also that of the results."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "gpu_states", list)

    def go(
        stages: Sequence[Stage],
        numbers: Sequence[int] = (),
        rehearse: bool = False,
        budget: float | None = 3000.0,
    ) -> DayResult:
        return run_day(
            open_day(tmp_path, rehearse),
            stages,
            tmp_path / "gpu-day.tar.gz",
            "box",
            numbers,
            budget,
            lambda _begun: None,
            lambda _ended: None,
        )

    return go


def outcomes(result: DayResult) -> list[str]:
    return [one.outcome for one in result.stages]


def test_a_failed_stage_never_stops_the_next(go: RunDay) -> None:
    fails = python("import sys; sys.exit('error: no luck')")
    result = go([stage(1, fails), stage(2, python(ROW))])
    assert outcomes(result) == ["failed", "ok"]
    assert result.stages[0].reason == "no luck"
    assert result.stages[1].rows == 1


def test_a_stage_that_takes_too_long_is_ended_and_the_next_runs(go: RunDay) -> None:
    hangs = python(f"{ROW}; import time; time.sleep(600)")
    result = go([stage(1, hangs, seconds=16.0), stage(2, python("pass"))])
    assert outcomes(result) == ["timed out", "ok"]
    assert result.stages[0].rows == 1, "what it had measured counts"


@pytest.mark.parametrize(
    ("commands", "seconds", "limits"),
    [
        (1, 16.0, [16.0]),
        # Three times its share at most, so that the first nine may hang and the last one runs.
        (10, 30.0, [9.0, 10.0, 11.25, 90 / 7, 15.0, 18.0, 22.5, 30.0, 30.0, 30.0]),
    ],
)
def test_a_command_may_take_its_stage_s_time_and_leaves_some_for_the_others(
    go: RunDay, monkeypatch: pytest.MonkeyPatch, commands: int, seconds: float, limits: list[float]
) -> None:
    """Until it is killed: it is interrupted before. Here each is out of time at once."""
    allowed = []

    def run_child(*_: object, limit_seconds: float, patience_seconds: float, **__: object) -> Ended:
        allowed.append(limit_seconds + patience_seconds)
        assert patience_seconds > 0
        return Ended(None, 0.0, f"not done within {limit_seconds:.0f} s")

    monkeypatch.setattr(runner, "run_child", run_child)
    result = go([stage(1, *[python("pass", about="torch-cuda")] * commands, seconds=seconds)])
    assert outcomes(result) == ["timed out"]
    assert str(result.stages[0].reason).startswith("torch-cuda: not done within")
    assert allowed == pytest.approx(limits, abs=2.0)


def test_what_a_stage_has_measured_is_packed_while_it_runs(
    go: RunDay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The machine may be gone before the stage ends."""
    packed = []

    def run_child(*_: object, tick: Callable[[], None], **__: object) -> Ended:
        (tmp_path / "runs/box/one").mkdir(parents=True)
        (tmp_path / "runs/box/one/measurements.jsonl").write_text("{}\n")
        tick()
        with tarfile.open(tmp_path / "gpu-day.tar.gz") as archive:
            packed.extend(archive.getnames())
        return Ended(None, 0.0, "not done")

    monkeypatch.setattr(runner, "run_child", run_child)
    go([stage(1, python("pass"))])
    assert packed == ["runs/box/one/measurements.jsonl"]


def test_no_command_takes_the_device_s_memory_for_itself(go: RunDay) -> None:
    """XLA would keep three quarters of it, also from tests that run in the same process."""
    code = "import os, sys; sys.exit(os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'] != 'false')"
    assert outcomes(go([stage(1, python(code))])) == ["ok"]


def test_what_succeeded_is_not_run_again_unless_it_is_named(go: RunDay) -> None:
    fails = python("import sys; sys.exit(1)")
    go([stage(1, python(ROW)), stage(2, fails)])
    again = go([stage(1, python(ROW)), stage(2, python(ROW))])
    assert [one.rows for one in again.stages] == [1, 1]
    assert Path("runs/box/one/measurements.jsonl").read_text() == "{}\n" * 2
    named = go([stage(1, python(ROW)), stage(2, python(ROW))], numbers=[2])
    assert [one.number for one in named.stages] == [2]
    assert Path("runs/box/one/measurements.jsonl").read_text() == "{}\n" * 3


def test_what_does_not_fit_into_this_call_is_left_for_the_next(go: RunDay) -> None:
    """A shorter stage after it still runs; nothing of it is bad news, and nothing is forgotten."""
    stages = [stage(1, python(ROW), seconds=400.0), stage(2, python(ROW), seconds=90.0)]
    result = go(stages, budget=100.0)
    assert outcomes(result) == ["next call", "ok"]
    assert not any(one.is_bad_news for one in result.stages)
    assert outcomes(go(stages)) == ["ok", "ok"]


@pytest.mark.parametrize("kind", [LeftOut, UserError])
def test_what_cannot_run_here_is_left_out_with_its_reason(
    go: RunDay, kind: type[Exception]
) -> None:
    """As a problem is whose data come from a library that is not there; the next stage runs."""

    def commands(_day: Day, _seconds: float) -> Sequence[Command]:
        raise kind("torch-cuda: no CUDA device found")

    first, second = go([Stage(1, "width", "", 60.0, commands), stage(2, python(ROW))]).stages
    assert (first.outcome, first.reason) == ("left out", "torch-cuda: no CUDA device found")
    assert second.outcome == "ok"
    assert not first.is_bad_news


def test_whatever_has_ended_is_in_the_archive_before_the_next_begins(go: RunDay) -> None:
    code = "import tarfile; print(tarfile.open('gpu-day.tar.gz').getnames())"
    result = go([stage(1, python(ROW)), stage(2, python(code, document=False))])
    assert "runs/box/one/measurements.jsonl" in Path("log/02-s2.out.txt").read_text()
    with tarfile.open(result.packed.archive) as archive:
        assert {"gpu-day.json", "log/02-s2.out.txt"} <= set(archive.getnames())


def test_what_stands_in_for_a_command_is_run_where_that_fails(go: RunDay) -> None:
    first = python("import sys; sys.exit(1)", instead=python(ROW))
    (only,) = go([stage(1, first)]).stages
    assert (only.outcome, only.rows) == ("ok", 1)


def test_bad_news_in_an_answer_is_a_failure(go: RunDay) -> None:
    command = python("print('{}')", complaint=lambda answer: f"said {answer.decode().strip()}")
    (only,) = go([stage(1, command)]).stages
    assert (only.outcome, only.reason) == ("failed", "said {}")


def test_a_rehearsal_and_a_real_day_do_not_share_a_folder(go: RunDay) -> None:
    go([stage(1, python("pass"))], rehearse=True)
    with pytest.raises(UserError, match="holds the results of a rehearsal"):
        go([stage(1, python("pass"))])


def test_children_of_a_rehearsal_know_that_they_are(go: RunDay) -> None:
    code = "import os; print(os.environ.get('PERCEPTRON_REHEARSAL'))"
    go([stage(1, python(code))], rehearse=True)
    assert Path("log/01-s1.json").read_text() == "1\n"


def test_a_state_that_nobody_wrote_is_one_line(go: RunDay, tmp_path: Path) -> None:
    (tmp_path / "gpu-day.json").write_text("{}")
    with pytest.raises(UserError, match=r"gpu-day\.json: not what gpu-day writes"):
        go([stage(1, python("pass"))])


def test_stages_are_made_of_what_a_child_says_can_run(
    go: RunDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked once; where it does not answer, the backends compared by default are tried."""
    asked: list[list[str]] = []

    def commands(day: Day, _seconds: float) -> Sequence[Command]:
        asked.append([name for name in day.backends if day.has(name)])
        return ()

    facts = BackendFacts(name="cupy", device="cuda", summary="", reason=None, available=True)
    answer = msgspec.json.encode({"backends": [facts]}).decode()
    survey = python(f"print({answer!r})")
    monkeypatch.setattr(runner, "SURVEY", survey)
    stages = [stage(1, survey), Stage(2, "a", "", 60.0, commands), Stage(3, "b", "", 60, commands)]
    go(stages)
    assert asked == [["cupy"], ["cupy"]]
    assert not Path("log/backends.json").exists(), "the first stage had asked"
    monkeypatch.setattr(runner, "SURVEY", python("import sys; sys.exit(2)"))
    go(stages, numbers=[2])
    assert asked[-1] == ["numpy", "torch-cpu", "torch-cuda"]
    assert SURVEY.arguments[2:] == ("backends", "--json")


def test_a_day_in_the_background_can_still_interrupt_its_stages(go: RunDay) -> None:
    """A shell has what it starts with & ignore ctrl-C, and all that they start."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
        go([stage(1, python(code))])
    finally:
        signal.signal(signal.SIGINT, before)
    assert Path("log/01-s1.json").read_text() == "False\n"


def test_the_folder_is_named_after_the_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Gpu:
        name = "NVIDIA H100 80GB HBM3"

    seen: list[Day] = []

    def commands(day: Day, _seconds: float) -> Sequence[Command]:
        seen.append(day)
        return ()

    monkeypatch.setattr(module, "gpu_states", lambda: [Gpu()])
    nothing: Callable[[object], None] = lambda _one: None  # noqa: E731
    stages = [Stage(1, "a", "", 60.0, commands)]
    archive = tmp_path / "a.tar.gz"
    run_day(open_day(tmp_path, False), stages, archive, None, (), None, nothing, nothing)
    assert seen[0].machine == "h100-80gb-hbm3"
    assert sys.executable in python("pass").argv


def test_told_to_leave_it_ends_its_children_and_packs(go: RunDay, tmp_path: Path) -> None:
    """As `timeout` tells it, and a machine that is taken back."""
    code = f"{ROW}; import signal, time; pathlib.Path('pid').write_text(str(os.getpid()))\n"
    code += "os.kill(os.getppid(), signal.SIGTERM); time.sleep(600)"
    with pytest.raises(KeyboardInterrupt):
        go([stage(1, python(code))])
    with tarfile.open(tmp_path / "gpu-day.tar.gz") as archive:
        assert "runs/box/one/measurements.jsonl" in archive.getnames()
    assert not Path(f"/proc/{Path('pid').read_text()}").exists()


def test_an_archive_that_cannot_be_written_is_told_before_anything_runs(tmp_path: Path) -> None:
    begun: list[object] = []
    nothing: Callable[[object], None] = lambda _one: None  # noqa: E731
    opened, nowhere = open_day(tmp_path, False), Path("/proc/no/day.tar.gz")
    with pytest.raises(UserError, match="cannot be written"):
        run_day(opened, [stage(1, python("pass"))], nowhere, "box", (), None, begun.append, nothing)
    assert begun == []


def test_what_a_stage_cannot_tell_here_is_said_of_it_however_it_ends(go: RunDay) -> None:
    """And that it failed comes first."""
    left_out = python("pass", note="over one process alone: here is 1 GPU")
    fails = python("import sys; sys.exit('error: no luck')", note="nor on Sundays")
    result = go([stage(1, left_out), stage(2, fails)])
    assert [(one.outcome, one.reason) for one in result.stages] == [
        ("ok", "over one process alone: here is 1 GPU"),
        ("failed", "no luck; nor on Sundays"),
    ]


def test_a_day_that_was_begun_by_an_older_plan_is_resumed_by_name(go: RunDay) -> None:
    go([stage(1, python(ROW), name="facts"), stage(2, python(ROW), name="ladder")])
    new = python(ROW)
    again = go(
        [stage(1, new, name="facts"), stage(2, new, name="many"), stage(3, new, name="ladder")]
    )
    assert [(one.number, one.name, one.outcome) for one in again.stages] == [
        (1, "facts", "ok"),
        (2, "many", "ok"),
        (3, "ladder", "ok"),
    ]
    assert Path("runs/box/one/measurements.jsonl").read_text() == "{}\n" * 3


@pytest.mark.parametrize(
    ("seen", "rehearse", "gpus"), [(0, False, 1), (1, False, 1), (4, False, 4), (0, True, 2)]
)
def test_stages_know_how_many_gpus_are_here(
    go: RunDay, monkeypatch: pytest.MonkeyPatch, seen: int, rehearse: bool, gpus: int
) -> None:
    """One where no driver tells; in a rehearsal as many as the stages ask for."""

    class Gpu:
        name = "NVIDIA H100 80GB HBM3"

    days: list[Day] = []

    def commands(day: Day, _seconds: float) -> Sequence[Command]:
        days.append(day)
        return ()

    monkeypatch.setattr(module, "gpu_states", lambda: [Gpu()] * seen)
    go([Stage(1, "a", "", 60.0, commands)], rehearse=rehearse)
    assert days[0].gpus == gpus
