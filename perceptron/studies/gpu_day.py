"""A day with a GPU: commands with budgets, in the order of their worth.

The first ten minutes must measure the finding and the sizes from which the GPU wins; the others
complete the page. Each command is a fresh process with a time limit, measures into one folder of
results and resumes by itself.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
from msgspec.structs import replace

from perceptron import rehearsal
from perceptron.backends.ladder import rungs
from perceptron.machine import machine_name
from perceptron.measure.nvml import gpu_states
from perceptron.records.backend import BackendFacts, CheckResult
from perceptron.records.gpu_day import (
    LOGS,
    DayResult,
    DayState,
    Packer,
    Stage,
    StageOutcome,
    keep_day,
)
from perceptron.records.store import count_rows
from perceptron.supervision import describe_exit

CHECKOUT = Path(__file__).parents[2]
"""The folder of the package, and of its tests unless it was installed."""
CALL_SECONDS = 570.0
"""The default budget of a call: where machines are lent, commands often end at ten minutes."""
# Importing every library may take a minute from a cold disk.
_SURVEY_SECONDS = 90.0
# Of a command's time, kept for its end: it is interrupted so long before.
_INTERRUPT_SECONDS = 6.0
# Starting a command, judging and printing; and studies may exceed their budget by a twentieth.
_START_SECONDS = 6.0
_SHARE_FOR_STUDY = 0.9
# Of the time that is left for several commands one may take this many times its share.
_FAIR_SHARES = 3
_SECONDS_BETWEEN_PACKS = 15.0
# In a rehearsal, where two cores stand in for a GPU: of a study, and of one that takes long to its
# first row (many models, or processes of its own for each seed or partner); and the most that a
# stage may take.
_REHEARSED_SECONDS, _OF_MANY_STARTS, _REHEARSED_LIMIT = 40.0, 80.0, 240.0

_MEASURING = ("bench", "crossover", "race", "overhead", "map")
# Exit codes of a command that did its work: `doctor` has warnings, an answer is undecided.
_GOOD = {"doctor": (0, 1)} | dict.fromkeys(_MEASURING, (0, 3))
# The options whose values are backends, and the command that takes them without one.
_OF_BACKENDS = ("check", "--backends", "--pair")

_COMPARED = "--backends numpy,torch-cpu,{here.gpu}"
_WITH_CPU = "crossover --pair numpy:{here.gpu} --pair torch-cpu:{here.gpu}"
_ALONG = f"{_WITH_CPU} --family"
# Batched training on the GPU beside the CPU, and beside sequential training.
_MANY = (
    f"{_WITH_CPU} --pair torch-cuda-sequential:{{here.gpu}} --pair numpy:torch-cuda-bmm "
    "--pair numpy:torch-cuda-graph --pair numpy:torch-cuda-manual-graph --pair numpy:jax-cuda "
    "--family"
)
# With hidden layers the mistakes of the contract take most of a minute where vmap follows.
_CHECK_MANY = (
    "check {here.gpu},torch-cuda-bmm,torch-cuda-graph,torch-cuda-manual-graph,jax-cuda,"
    "torch-cuda-sequential --problem many-or-gates:4"
)
# Along the batch the work of each process grows, and the exchanged gradients do not. With one GPU,
# the rows of two processes have that as their reason.
_DDP = (
    "crossover --family mlp-batch --pair torch-ddp-cuda:torch-ddp-cuda@2 "
    "--pair torch-cuda:torch-ddp-cuda --pair torch-cuda:torch-ddp-cuda@2 {here.even_threads}"
)
_CHECK = "check {here.on_gpu} --problem or-gate --problem mlp-width:64"
_CHECK_DDP = "check {here.data_parallel} --problem or-gate"
_LADDER = "overhead --problem or-gate --backends numpy,torch-cpu,{here.rungs},numba"
_DIGITS = "overhead --problem digits --backends numpy,torch-cpu,{here.rungs_of_batches},numba"
# A backend without bfloat16 has that as its reason.
_RACE = "race --problem digits --target accuracy=0.95 --dtype float32 bfloat16 {here.racing}"
_FINDING, _MAP = f"bench --families none {_COMPARED}", f"map --family mlp-map {_COMPARED}"

# Three calls of ten minutes, each within 9½ minutes: up to `check`, up to `batch`, and the rest.
# All together leave time for the machine to start and for what is between the calls.
STAGES = (
    Stage(
        "facts", "backends that can run here, and conditions of timing", 50, "backends && doctor"
    ),
    Stage("finding", "10,000 iterations on the OR gate, on the GPU too", 100, _FINDING),
    Stage("width", "the hidden width from which the GPU wins", 100, f"{_ALONG} mlp-width"),
    Stage("check-many", "batched training keeps its contract", 50, _CHECK_MANY),
    Stage(
        "many-or-gates",
        "the number of OR gates from which the GPU wins",
        150,
        f"{_MANY} many-or-gates",
    ),
    Stage("tests", "the tests that need a GPU", 50, "{here.tests}"),
    Stage("check", "every GPU backend keeps its contract", 60, _CHECK),
    Stage("ladder", "cost breakdown of the OR gate, with kernels", 190, _LADDER),
    Stage("race", "race on digits, in float32 and bfloat16", 230, _RACE),
    Stage("rows", "the number of rows from which the GPU wins", 70, f"{_ALONG} perceptron-rows"),
    Stage("batch", "the batch from which the GPU wins", 70, f"{_ALONG} mlp-batch"),
    Stage("bench", "a whole run of bench, for README and the pages", 180, "{here.bench}"),
    Stage(
        "many-mlps", "the number of classifiers from which the GPU wins", 100, f"{_MANY} many-mlps"
    ),
    Stage("check-ddp", "training over several GPUs keeps its contract", 40, _CHECK_DDP),
    Stage("ddp", "the cost of DDP, and the batch for a second GPU", 70, _DDP),
    Stage("map", "the fastest backend over rows × width", 70, _MAP),
    Stage("ladder-digits", "cost breakdown of batches of digits", 60, _DIGITS),
)

Words = Sequence[str]


class LeftOut(Exception):
    """A stage cannot run here; its text is the reason, in one line."""


@dataclass(frozen=True)
class Here:
    """Facts that the commands of a day need: the backends that can run, the number of GPUs."""

    backends: Mapping[str, BackendFacts]
    """Empty where the survey failed: then each is tried, and its log has the reason."""
    gpus: int
    rehearse: bool

    def why_not(self, names: str) -> str | None:
        """Return which of these, ``A`` or ``A:B``, cannot run here and why; None if all can."""
        for name in names.split(":") if self.backends else ():
            facts = self.backends.get(name.partition("@")[0])
            reason = "no such backend" if facts is None else facts.reason
            if reason is not None:
                return f"{name}: {reason}"
        return None

    @property
    def gpu(self) -> str:
        """The backend of the GPU: as published, or the next best; raises `LeftOut` without."""
        for name in ("torch-cuda", "jax-cuda"):
            if self.why_not(name) is None:
                return name
        raise LeftOut(self.why_not("torch-cuda"))

    @property
    def on_gpu(self) -> str:
        """The backends of the GPU that train one model in one process."""
        on_gpu = [name for name, facts in self.backends.items() if facts.device == "cuda"]
        alone = [one for one in on_gpu if one not in ("torch-cuda-sequential", "torch-ddp-cuda")]
        return ",".join(dict.fromkeys([self.gpu, *alone]))

    @property
    def rungs(self) -> str:
        """Backends of the OR gate's cost breakdown, without those that could only refuse it."""
        return ",".join([self.gpu, *rungs("cuda", batches=False)])

    @property
    def rungs_of_batches(self) -> str:
        """Backends of the cost breakdown of mini-batches."""
        return ",".join([self.gpu, *rungs("cuda", batches=True)])

    @property
    def racing(self) -> str:
        """The backends of the race."""
        if self.rehearse:
            return f"--backends numpy,{self.gpu}"
        return f"{_COMPARED.format(here=self)},torch-cuda-graph"

    @property
    def bench(self) -> str:
        """The main job; only a run that names no backends is a whole one."""
        words = "bench --families mlp-depth" if self.rehearse else "bench"
        return words if self.gpu == "torch-cuda" else f"{words} {_COMPARED.format(here=self)}"

    @property
    def data_parallel(self) -> str:
        """Training over one GPU, and over two where there are two."""
        return "torch-ddp-cuda" + (",torch-ddp-cuda@2" if self.gpus >= 2 else "")

    @property
    def even_threads(self) -> str:
        """Threads that processes share evenly, where two train: GPUs compute there.

        With one GPU they are those of the other stages, so that rows can be compared.
        """
        return "--threads 2" if self.gpus >= 2 else ""

    @property
    def tests(self) -> str:
        """The tests that need a GPU, the published training first: there may be no time for more.

        Compiling each problem of the contract takes longest; `check` does it for two.
        """
        self.gpu  # noqa: B018 raises where there is none
        folder = CHECKOUT / "tests" / "backends"
        if not folder.is_dir():
            raise LeftOut(f"{folder}: no tests here: run from a checkout")
        files = [folder / "test_golden.py", *([] if self.rehearse else [folder])]
        chosen = ("-m", "gpu", "-k", "not float64 and not (promise and (compiled or jax))")
        # A warning of another version of a library is no failure.
        plain = ("-p", "no:cacheprovider", "-W", "default", "-o", "filterwarnings=")
        return shlex.join(["-m", "pytest", *chosen, *plain, *map(str, files)])


def commands_of(stage: Stage, here: Here) -> list[Words]:
    """Return the commands of a stage, without what cannot run here; raises `LeftOut`."""
    return [
        words
        for command in stage.commands.split(" && ")
        for words in _commands(shlex.split(command.format(here=here)), here)
    ]


def _commands(words: Words, here: Here) -> Iterator[Words]:
    """Yield a command without the backends that cannot run here, ``check`` for each of its own.

    An error on a device spoils what follows in its process. A rehearsal has one pair, and one
    problem to check.
    """
    made: list[str] = []
    refused: list[str] = []
    for option, word in pairwise(("", *words)):
        if option in _OF_BACKENDS:
            reasons = {names: here.why_not(names) for names in word.split(",")}
            refused += filter(None, reasons.values())
            word = ",".join(names for names, why in reasons.items() if why is None)
        again = option in ("--pair", "--problem") and option in made[:-1]
        if word and not (again and (here.rehearse or word in made)):
            made.append(word)
        else:
            made.pop()  # the option
    if any(option in words and option not in made for option in _OF_BACKENDS):
        raise LeftOut(refused[0])
    if made[0] == "check":
        yield from (("check", name, *made[2:]) for name in made[1].split(","))
    else:
        yield made


def planned(numbers: Sequence[int], rehearse: bool, day: Sequence[Stage] = STAGES) -> list[Stage]:
    """Return the stages of these numbers, or all, with the time that each may take."""
    return [
        replace(stage, number=number, seconds=_REHEARSED_LIMIT if rehearse else stage.seconds)
        for number, stage in enumerate(day, start=1)
        if not numbers or number in numbers
    ]


@contextmanager
def _interruptible() -> Iterator[None]:
    """End a block as by ctrl-C when this process is told to end: it ends its children and packs.

    A process that was started in the background ignores ctrl-C, and so would its children.
    """
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.default_int_handler) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


@_interruptible()
def run_day(
    results: Path,
    state: DayState,
    archive: Path,
    machine: str | None,
    numbers: Sequence[int],
    budget_seconds: float | None,
    begins: Callable[[Stage], None],
    ended: Callable[[StageOutcome], None],
    day: Sequence[Stage] = STAGES,
) -> DayResult:
    """Run the stages of these numbers, or all that have not succeeded yet, and pack the results.

    A stage begins only if all of its time is left of ``budget_seconds``. One that fails, or takes
    too long, never stops the next. Raises `UserError` if nothing can be written.
    """
    begin, rehearse = monotonic(), state.rehearsal
    left = (inf if rehearse else CALL_SECONDS) if budget_seconds is None else budget_seconds
    gpus = [gpu.name for gpu in gpu_states()]
    named = machine or (machine_of(gpus[0]) if gpus else machine_name())
    if rehearse:
        named, gpus = machine or "rehearsal", ["cpu", "cpu"]
    packer = Packer(results, archive)
    packed = packer.pack()  # an archive that cannot be written is an error now
    runner = _Runner(results, named, max(1, len(gpus)), rehearse, packer.pack)
    done = {outcome.name: outcome for outcome in state.stages}
    outcomes = []
    try:
        for stage in planned(numbers, rehearse, day):
            earlier = done.get(stage.name)
            if not numbers and earlier is not None and earlier.outcome == "ok":
                outcomes.append(replace(earlier, number=stage.number))
                continue
            if monotonic() - begin + stage.seconds > left:
                reason = "too little time is left of this call: the same command resumes"
                outcome = _outcome(stage, "next call", reason=reason)
            else:
                begins(stage)
                outcome = done[stage.name] = runner.run(stage)
                stages = sorted(done.values(), key=lambda one: one.number)
                keep_day(results, DayState(rehearsal=rehearse, stages=stages))
                packer.pack()
            outcomes.append(outcome)
            ended(outcome)
    finally:
        packed = packer.pack()
    return DayResult(
        machine=named, results=str(results), rehearsal=rehearse, stages=outcomes, packed=packed
    )


class _Runner:
    """Runs the commands of stages; their output lies in the folder of logs."""

    def __init__(
        self, results: Path, machine: str, gpus: int, rehearse: bool, tick: Callable[[], object]
    ) -> None:
        self._results, self._machine, self._gpus = results, machine, gpus
        self._rehearse, self._tick = rehearse, tick
        self._here: Here | None = None
        path = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
        own = {
            "PYTHONPATH": path,
            "PYTHONUNBUFFERED": "1",
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        }
        self._environment = os.environ | own | ({rehearsal.VARIABLE: "1"} if rehearse else {})

    def run(self, stage: Stage) -> StageOutcome:
        """Run a stage's commands one after another, whether or not one fails."""
        try:
            self._here = self._here or self._survey()
            commands = commands_of(stage, self._here)
        except LeftOut as refusal:
            return _outcome(stage, "left out", reason=str(refusal))
        # The survey of a call is no part of its first stage.
        begin, rows = monotonic(), count_rows(self._results)
        late, wrong = [], []
        for index, words in enumerate(commands):
            left = stage.seconds - (monotonic() - begin)
            suffix = f"-{index + 1}" if len(commands) > 1 else ""
            name = f"{stage.number:02}-{stage.name}{suffix}"
            # A command that hangs must leave time for the others.
            limit = min(left, _FAIR_SHARES * left / (len(commands) - index))
            try:
                code = self._run(name, words, stage.seconds, limit)
            except OSError as error:
                wrong.append(f"{' '.join(words[:2])[:80]}: cannot be run: {error.strerror}")
                continue
            if code is None:
                late.append(f"{' '.join(words[:2])}: not done within {limit:.0f} s")
            elif complaint := self._complaint(name, words, code):
                wrong.append(complaint)
        return _outcome(
            stage,
            "failed" if wrong else "timed out" if late else "ok",
            seconds=monotonic() - begin,
            rows=count_rows(self._results) - rows,
            reason="; ".join(dict.fromkeys(wrong or late)) or None,
        )

    def _survey(self) -> Here:
        """Find what can run here, in another process: this one must not hold a device."""
        facts: list[BackendFacts] = []
        with suppress(OSError, msgspec.DecodeError):
            if self._run("backends", ("backends",), 0.0, _SURVEY_SECONDS) == 0:
                answer = (self._results / LOGS / "backends.json").read_bytes()
                facts = msgspec.json.decode(answer, type=_Surveyed).backends
        return Here({one.name: one for one in facts}, self._gpus, self._rehearse)

    def _argv(self, words: Words, seconds: float) -> Words:
        if words[0].startswith("-"):  # options of Python
            return (sys.executable, *words)
        if words[0] in _MEASURING:
            budget = _SHARE_FOR_STUDY * (seconds - _INTERRUPT_SECONDS - _START_SECONDS)
            if self._rehearse:
                many = words[0] == "race" or {"mlp-batch", "many-or-gates", "many-mlps"} & {*words}
                budget = _OF_MANY_STARTS if many else _REHEARSED_SECONDS
                words = (*words, *(("--seeds", "2") if words[0] == "race" else ("--quick",)))
            place = ("--results", str(self._results), "--machine", self._machine, "--html=")
            words = (*words, *place, "--budget", f"{budget / 60:.4g}")
        return (sys.executable, "-m", "perceptron", *words, "--json")

    def _run(self, name: str, words: Words, stage_seconds: float, limit: float) -> int | None:
        """Run a command; return its exit code, None if its time was over.

        Some seconds before that it is interrupted as by ctrl-C, then killed with its children.
        """
        logs, until = self._results / LOGS, monotonic() + limit
        with (logs / f"{name}.json").open("wb") as answer, (logs / f"{name}.txt").open("wb") as log:
            child = subprocess.Popen(
                self._argv(words, stage_seconds),
                stdout=log if words[0].startswith("-") else answer,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )
            try:
                if (code := self._wait(child, until - _INTERRUPT_SECONDS)) is None:
                    os.killpg(child.pid, signal.SIGINT)
                    self._wait(child, until)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        return code

    def _wait(self, child: subprocess.Popen[Any], until: float) -> int | None:
        while (left := until - monotonic()) > 0:
            try:
                return child.wait(min(left, _SECONDS_BETWEEN_PACKS))
            except subprocess.TimeoutExpired:
                self._tick()
        return None

    def _complaint(self, name: str, words: Words, code: int) -> str | None:
        """Return the complaint about the end of a command; None if it did its work."""
        answer, log = (self._results / LOGS / f"{name}.{end}" for end in ("json", "txt"))
        if words[0] == "check" and code == 1:  # also where it trains none of the problems
            with suppress(msgspec.DecodeError):  # it died without an answer
                checked = msgspec.json.decode(answer.read_bytes(), type=_Checked)
                broken = [one for every in checked.backends.values() for one in every if one.broken]
                return f"{words[1]}: {broken[0].name}: {broken[0].broken[0]}" if broken else None
        if code in _GOOD.get(words[0], (0,)):
            return None
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1].strip("= ").removeprefix("error: ") if lines else describe_exit(code)


class _Surveyed(msgspec.Struct):
    """The document of `backends --json`, as far as it is read here."""

    backends: list[BackendFacts]


class _Checked(msgspec.Struct):
    backends: dict[str, list[CheckResult]]


def machine_of(gpu: str) -> str:
    """Return the name of the results folder for a GPU: ``h100-80gb-hbm3``."""
    words = re.findall(r"[a-z0-9]+", gpu.lower())
    return "-".join(word for word in words if word != "nvidia")[:64] or "gpu"


def _outcome(stage: Stage, outcome: str, **fields: object) -> StageOutcome:
    return StageOutcome(number=stage.number, name=stage.name, outcome=outcome, **fields)  # type: ignore[arg-type]
