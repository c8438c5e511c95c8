"""A day with a GPU: commands with budgets, in the order of their worth.

The first ten minutes must measure the finding and the sizes from which the GPU wins; the others
complete the page. Each command is a fresh process with a time limit, measures into one folder of
results and resumes by itself.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

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
    PlannedStage,
    StageOutcome,
    keep_day,
)
from perceptron.records.store import count_rows
from perceptron.supervision import describe_exit

CHECKOUT = Path(__file__).parents[2]
"""Where the package lies, and its tests unless it was installed."""
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
_BATCHED = (
    "torch-cuda",
    "torch-cuda-bmm",
    "torch-cuda-graph",
    "torch-cuda-manual-graph",
    "jax-cuda",
)
_SEQUENTIAL, _DATA_PARALLEL = "torch-cuda-sequential", "torch-ddp-cuda"

Words = Sequence[str]


class LeftOut(Exception):
    """A stage cannot run here; its text is the reason, in one line."""


@dataclass(frozen=True)
class Here:
    """The ground of the commands: the backends that can run here, and the number of GPUs."""

    backends: Mapping[str, BackendFacts]
    """Empty where the survey failed: then each is tried, and its log has the reason."""
    gpus: int
    rehearse: bool

    def able(self, *names: str) -> list[str]:
        """Return the names that can run here; raises `LeftOut` if none can."""
        if not self.backends:
            return list(names)
        facts = [self.backends[name] for name in names if name in self.backends]
        if not any(one.available for one in facts):
            raise LeftOut(f"{names[0]}: {facts[0].reason if facts else 'no such backend'}")
        return [one.name for one in facts if one.available]

    @property
    def gpu(self) -> str:
        """The backend of the GPU: as published, or the next best."""
        return self.able("torch-cuda", "jax-cuda")[0]

    @property
    def cpu(self) -> list[str]:
        return self.able("numpy", "torch-cpu")

    @property
    def compared(self) -> str:
        return ",".join((*self.cpu, self.gpu))

    @property
    def on_gpu(self) -> list[str]:
        """The backends of the GPU that train one model in one process."""
        names = [name for name, facts in self.backends.items() if facts.device == "cuda"]
        alone = [name for name in names if name not in (_SEQUENTIAL, _DATA_PARALLEL)]
        return self.able(self.gpu, *(name for name in alone if name != self.gpu))

    @property
    def batched(self) -> list[str]:
        """Those of the GPU that train a batch of models."""
        return self.able(*_BATCHED)

    @property
    def sequential(self) -> list[str]:
        return [name for name in self.able(self.gpu, _SEQUENTIAL) if name == _SEQUENTIAL]


def _along(family: str) -> Callable[[Here], list[Words]]:
    return lambda here: [_crossover(family, [(name, here.gpu) for name in here.cpu])]


def _models(family: str) -> Callable[[Here], list[Words]]:
    """Compare batched training on the GPU with the CPU, and with sequential training."""

    def commands(here: Here) -> list[Words]:
        first, *others = here.batched
        pairs = [(name, first) for name in (*here.cpu, *here.sequential)]
        pairs += [(here.cpu[0], other) for other in others]
        # Two cores need some seconds for each process of a backend.
        return [_crossover(family, pairs[:1] if here.rehearse else pairs)]

    return commands


def _crossover(family: str, pairs: Sequence[tuple[str, str]], *more: str) -> Words:
    named = [word for pair in pairs for word in ("--pair", ":".join(pair))]
    return ("crossover", "--family", family, *named, *more)


def _data_parallel(here: Here) -> list[Words]:
    """Search along the batch: the work of each process grows, the exchanged gradients do not.

    With one GPU, the rows of two processes have that as their reason.
    """
    (alone,), over_two = here.able(_DATA_PARALLEL), f"{_DATA_PARALLEL}@2"
    pairs = [(alone, over_two), ("torch-cuda", alone), ("torch-cuda", over_two)]
    # Processes share threads evenly, and GPUs compute here. With one GPU the threads are those of
    # the other stages, so that rows of torch-cuda can be compared.
    threads = ("--threads", "2") if here.gpus >= 2 else ()
    return [_crossover("mlp-batch", pairs[:1] if here.rehearse else pairs, *threads)]


def _checks(here: Here, names: Sequence[str], *problems: str) -> list[Words]:
    """Check each in a process of its own: an error on a device spoils what follows there."""
    chosen = problems[:1] if here.rehearse else problems
    words = [word for problem in chosen for word in ("--problem", problem)]
    return [("check", name, *words) for name in names]


def _tests(here: Here) -> list[Words]:
    """Run the tests that need a GPU, the published training first: there may be no time for more.

    Compiling each problem of the contract takes longest; `check` does it for two.
    """
    here.gpu  # noqa: B018 raises where there is none
    folder = CHECKOUT / "tests" / "backends"
    if not folder.is_dir():
        raise LeftOut(f"{folder}: no tests here: run from a checkout")
    files = [folder / "test_golden.py", *([] if here.rehearse else [folder])]
    chosen = ("-m", "gpu", "-k", "not float64 and not (promise and (compiled or jax))")
    # A warning of another version of a library is no failure.
    plain = ("-p", "no:cacheprovider", "-W", "default", "-o", "filterwarnings=")
    return [("-m", "pytest", *chosen, *plain, *map(str, files))]


def _facts(_here: Here) -> list[Words]:
    return [("backends",), ("doctor",)]


def _check(here: Here) -> list[Words]:
    return _checks(here, here.on_gpu, "or-gate", "mlp-width:64")


def _check_many(here: Here) -> list[Words]:
    # With hidden layers the mistakes of the contract take most of a minute where vmap follows.
    return _checks(here, (*here.batched, *here.sequential), "many-or-gates:4")


def _check_ddp(here: Here) -> list[Words]:
    names = here.able(_DATA_PARALLEL)
    return _checks(here, names + [f"{_DATA_PARALLEL}@2"] * (here.gpus >= 2), "or-gate")


def _finding(here: Here) -> list[Words]:
    return [("bench", "--families", "none", "--backends", here.compared)]


def _bench(here: Here) -> list[Words]:
    families = ("--families", "mlp-depth") if here.rehearse else ()
    # Only a run that names no backends is a whole run.
    backends = () if here.gpu == "torch-cuda" else ("--backends", here.compared)
    return [("bench", *families, *backends)]


def _race(here: Here) -> list[Words]:
    """Race in both dtypes; a backend without one of them has that as its reason."""
    racing = [*here.cpu, *here.able(here.gpu, "torch-cuda-graph")]
    if here.rehearse:
        racing = [here.cpu[0], here.gpu]
    words = ("--problem", "digits", "--target", "accuracy=0.95", "--backends", ",".join(racing))
    return [("race", *words, "--dtype", "float32", "bfloat16")]


def _ladder(problem: str, batches: bool) -> Callable[[Here], list[Words]]:
    def commands(here: Here) -> list[Words]:
        # A process that can only refuse a problem would take seconds of the time.
        fitting = rungs("cuda", batches)
        names = (*here.cpu, *(name for name in here.on_gpu if name in fitting), "numba")
        return [("overhead", "--problem", problem, "--backends", ",".join(names))]

    return commands


def _map(here: Here) -> list[Words]:
    return [("map", "--family", "mlp-map", "--backends", here.compared)]


@dataclass(frozen=True)
class Stage:
    """One question of the day, the seconds that it may take, and its commands."""

    name: str
    tells: str
    seconds: float
    commands: Callable[[Here], list[Words]]
    """Makes them; raises `LeftOut`."""


# Three calls of ten minutes, each within 9½ minutes: up to `check`, up to `batch`, and the rest.
# All together leave time for the machine to start and for what is between the calls.
STAGES = (
    Stage("facts", "backends that can run here, and conditions of timing", 50, _facts),
    Stage("finding", "10,000 iterations on the OR gate, on the GPU too", 100, _finding),
    Stage("width", "the hidden width from which the GPU wins", 100, _along("mlp-width")),
    Stage("check-many", "batched training keeps its contract", 50, _check_many),
    Stage(
        "many-or-gates",
        "the number of OR gates from which the GPU wins",
        150,
        _models("many-or-gates"),
    ),
    Stage("tests", "the tests that need a GPU", 50, _tests),
    Stage("check", "every GPU backend keeps its contract", 60, _check),
    Stage(
        "ladder",
        "cost breakdown of the OR gate, with kernels",
        190,
        _ladder("or-gate", batches=False),
    ),
    Stage("race", "race on digits, in float32 and bfloat16", 230, _race),
    Stage("rows", "the number of rows from which the GPU wins", 70, _along("perceptron-rows")),
    Stage("batch", "the batch from which the GPU wins", 70, _along("mlp-batch")),
    Stage("bench", "a whole run of bench, for README and the pages", 180, _bench),
    Stage(
        "many-mlps", "the number of classifiers from which the GPU wins", 100, _models("many-mlps")
    ),
    Stage("check-ddp", "training over several GPUs keeps its contract", 40, _check_ddp),
    Stage("ddp", "the cost of DDP, and the batch for a second GPU", 70, _data_parallel),
    Stage("map", "the fastest backend over rows × width", 70, _map),
    Stage(
        "ladder-digits", "cost breakdown of batches of digits", 60, _ladder("digits", batches=True)
    ),
)


def planned(
    numbers: Sequence[int], rehearse: bool, day: Sequence[Stage] = STAGES
) -> list[PlannedStage]:
    """Return the stages of these numbers, or all, as a plan."""
    return [
        PlannedStage(
            number=number,
            name=stage.name,
            tells=stage.tells,
            seconds=_REHEARSED_LIMIT if rehearse else stage.seconds,
        )
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
    begins: Callable[[PlannedStage], None],
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
        for plan in planned(numbers, rehearse, day):
            earlier = done.get(plan.name)
            if not numbers and earlier is not None and earlier.outcome == "ok":
                outcomes.append(msgspec.structs.replace(earlier, number=plan.number))
                continue
            if monotonic() - begin + plan.seconds > left:
                reason = "too little time is left of this call: the same command resumes"
                outcome = _outcome(plan, "next call", reason=reason)
            else:
                begins(plan)
                outcome = done[plan.name] = runner.run(plan, day[plan.number - 1].commands)
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

    def run(self, plan: PlannedStage, made: Callable[[Here], list[Words]]) -> StageOutcome:
        """Run a stage's commands one after another, whether or not one fails."""
        try:
            self._here = self._here or self._survey()
            commands = made(self._here)
        except LeftOut as refusal:
            return _outcome(plan, "left out", reason=str(refusal))
        # The survey of a call is no part of its first stage.
        begin, rows = monotonic(), count_rows(self._results)
        late, wrong = [], []
        for index, words in enumerate(commands):
            left = plan.seconds - (monotonic() - begin)
            name = f"{plan.number:02}-{plan.name}" + (f"-{index + 1}" if len(commands) > 1 else "")
            # A command that hangs must leave time for the others.
            limit = min(left, _FAIR_SHARES * left / (len(commands) - index))
            try:
                code = self._run(name, words, plan.seconds, limit)
            except OSError as error:
                wrong.append(f"{' '.join(words[:2])[:80]}: cannot be run: {error.strerror}")
                continue
            if code is None:
                late.append(f"{' '.join(words[:2])}: not done within {limit:.0f} s")
            elif complaint := self._complaint(name, words, code):
                wrong.append(complaint)
        return _outcome(
            plan,
            "failed" if wrong else "timed out" if late else "ok",
            seconds=monotonic() - begin,
            rows=count_rows(self._results) - rows,
            reason="; ".join(dict.fromkeys(wrong or late)) or None,
        )

    def _survey(self) -> Here:
        """Find what can run here, in another process: this one must not hold a device."""
        facts: list[BackendFacts] = []
        with suppress(OSError, KeyError, msgspec.DecodeError):
            if self._run("backends", ("backends",), 0.0, _SURVEY_SECONDS) == 0:
                answer = (self._results / LOGS / "backends.json").read_bytes()
                facts = msgspec.json.decode(answer, type=dict[str, list[BackendFacts]])["backends"]
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


class _Checked(msgspec.Struct):
    backends: dict[str, list[CheckResult]]


def machine_of(gpu: str) -> str:
    """Return the name of the results folder for a GPU: ``h100-80gb-hbm3``."""
    words = re.findall(r"[a-z0-9]+", gpu.lower())
    return "-".join(word for word in words if word != "nvidia")[:64] or "gpu"


def _outcome(plan: PlannedStage, outcome: str, **fields: object) -> StageOutcome:
    return StageOutcome(number=plan.number, name=plan.name, outcome=outcome, **fields)  # type: ignore[arg-type]
