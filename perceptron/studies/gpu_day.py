"""A day with a GPU: commands with budgets, in the order of their worth.

The first ten minutes must measure the finding and the sizes from which the GPU wins; the others
complete the page. Each command is a fresh process with a time limit, measures into one folder of
results and resumes by itself. What cannot run here has rows that say why.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
from msgspec.structs import replace

from perceptron import fresh_python, rehearsal
from perceptron.backends import registry
from perceptron.backends.accelerators.jax_accelerator import DECIDED
from perceptron.backends.ladder import rungs
from perceptron.environment_variables import variables_set
from perceptron.machine import machine_name, usable_cores
from perceptron.measure.nvml import gpu_states
from perceptron.records.backend import BackendFacts, CheckResult
from perceptron.records.gpu_day import (
    LOGS,
    DayResult,
    DayState,
    Stage,
    StageOutcome,
    keep_day,
    pack,
)
from perceptron.records.store import count_rows
from perceptron.supervision import describe_exit

CHECKOUT = Path(__file__).parents[2]
"""The folder of the package, and of its tests unless it was installed."""
CALL_SECONDS = 9.3 * 60
"""The default budget of a call: where machines are lent, commands often end at ten minutes."""
LINE = (
    "python3 -m pip install -q --no-index --no-deps --no-compile --upgrade --target carried/site"
    ' carried/*.whl && if test -f carried/gpu-day.tar.gz; then cp carried/gpu-day.tar.gz "$OUT"; fi'
    ' && PYTHONPATH="$PWD/carried/site:$PYTHONPATH" PERCEPTRON_COMMIT={commit}'
    ' python3 -m perceptron gpu-day --archive "$OUT/gpu-day.tar.gz"'
)
"""What is pasted there, in the folder of the checkout; ``OUT`` is the folder that comes home."""
# Importing every library may take a minute from a cold disk.
_SURVEY_SECONDS = 90.0
# Of a command's time, kept for its end: it is told to end so long before.
_ENDING_SECONDS = 6.0
# Starting a command, judging and printing; and studies may exceed their budget by a twentieth.
_START_SECONDS = 6.0
_SHARE_FOR_STUDY = 0.9
_SECONDS_BETWEEN_PACKS = 15.0
# In a rehearsal, where two cores stand in for a GPU: of a study, and of a stage.
_REHEARSED_SECONDS, _REHEARSED_LIMIT = 80.0, 240.0

_MEASURING = ("bench", "crossover", "race", "overhead", "map")
# Exit codes of a command that did its work: `doctor` has warnings, an answer is undecided.
_GOOD = {"doctor": (0, 1)} | dict.fromkeys(_MEASURING, (0, 3))

_COMPARED = "--backends numpy,torch-cpu,torch-cuda"
_WITH_CPU = "crossover --pair numpy:torch-cuda --pair torch-cpu:torch-cuda"
_ALONG = f"{_WITH_CPU} --family"
# Batched training on the GPU beside the CPU, and beside sequential training.
_MANY = (
    f"{_WITH_CPU} --pair torch-cuda-sequential:torch-cuda --pair numpy:torch-cuda-bmm "
    "--pair numpy:torch-cuda-graph --pair numpy:torch-cuda-manual-graph --pair numpy:jax-cuda "
    "--family"
)
_LADDER = "overhead --problem or-gate --backends numpy,torch-cpu,{rungs},numba"
_DIGITS = "overhead --problem digits --backends numpy,torch-cpu,{rungs_of_batches},numba"
# A backend without bfloat16 has that as its reason.
_RACE = "race --problem digits --target accuracy=0.95 --dtype float32 bfloat16"
_RACING = f"{_RACE} {_COMPARED},torch-cuda-graph"
_FINDING, _MAP = f"bench --families none {_COMPARED}", f"map --family mlp-map {_COMPARED}"

# What the backends are checked on, each in a process of its own: an error on a device spoils what
# follows in its process. With hidden layers the mistakes of the contract take most of a minute
# where vmap follows.
_CHECKED = ("--problem", "or-gate", "--problem", "mlp-width:64")
_CHECKED_MANY = ("--problem", "many-or-gates:4")
_TRAIN_MANY = (
    *("torch-cuda", "torch-cuda-fused", "torch-cuda-bmm", "torch-cuda-graph"),
    *("torch-cuda-manual-graph", "jax-cuda", "torch-cuda-sequential"),
)
# Compiling takes what is left of the day, and one GPU has no partner.
_NOT_IN_THE_DAY = ("torch-cuda-compiled", "torch-ddp-cuda")
# The rung of several models, one after the other.
_OF_MANY_ONLY = "torch-cuda-sequential"

CHECK = "check"
# Three calls of ten minutes. Every row is checked before it is timed, so the contract comes last.
STAGES = (
    Stage("facts", "conditions of timing", 30, "doctor"),
    Stage("finding", "10,000 iterations on the OR gate, on the GPU too", 100, _FINDING),
    Stage("width", "the hidden width from which the GPU wins", 100, f"{_ALONG} mlp-width"),
    Stage(
        "many-or-gates",
        "the number of OR gates from which the GPU wins",
        150,
        f"{_MANY} many-or-gates",
    ),
    Stage("ladder", "cost breakdown of the OR gate, with kernels", 190, _LADDER),
    Stage("rows", "the number of rows from which the GPU wins", 70, f"{_ALONG} perceptron-rows"),
    Stage("race", "race on digits, in float32 and bfloat16", 210, _RACING),
    Stage("batch", "the batch from which the GPU wins", 70, f"{_ALONG} mlp-batch"),
    Stage("bench", "a whole run of bench, for README and the pages", 170, "bench"),
    Stage(
        "many-mlps", "the number of classifiers from which the GPU wins", 100, f"{_MANY} many-mlps"
    ),
    Stage("map", "the fastest backend over rows × width", 70, _MAP),
    Stage("ladder-digits", "cost breakdown of batches of digits", 60, _DIGITS),
    Stage(CHECK, "the contract of every GPU backend, and the tests that need a GPU", 120, ""),
)

Words = Sequence[str]
Reasons = Mapping[str, str | None]
"""Why each backend cannot run here, None where it can."""


def on_gpu(reasons: Reasons) -> list[str]:
    """Return the backends of the GPU that train one model here."""
    left_out = (*_NOT_IN_THE_DAY, _OF_MANY_ONLY)
    return [
        name
        for name, reason in reasons.items()
        if reason is None and name not in left_out and registry.load(name).device == "cuda"
    ]


def commands_of(stage: Stage, reasons: Reasons, rehearse: bool = False) -> list[Words]:
    """Return the commands of a stage; a rehearsal has one pair, and one problem to check."""
    if stage.name == CHECK:
        many = [name for name in _TRAIN_MANY if reasons.get(name) is None]
        commands: list[Words] = [("check", name, *_CHECKED) for name in on_gpu(reasons)]
        commands += [("check", name, *_CHECKED_MANY) for name in many]
        commands += _tests(rehearse)
    else:
        of_day, of_batches = (
            ",".join(name for name in rungs("cuda", batches) if name not in _NOT_IN_THE_DAY)
            for batches in (False, True)
        )
        typed = stage.commands.format(rungs=of_day, rungs_of_batches=of_batches)
        commands = [shlex.split(typed)] if typed else []
    return [_options_once(words) for words in commands] if rehearse else commands


def _options_once(words: Words) -> Words:
    """Return the words with each option once, by its first value."""
    again = [at for at, word in enumerate(words) if word.startswith("--") and word in words[:at]]
    return [word for at, word in enumerate(words) if at not in again and at - 1 not in again]


def _tests(rehearse: bool) -> list[Words]:
    """Return the tests that need a GPU; none where there are none, outside of a checkout.

    The published training comes first: there may be no time for more. Compiling each problem of
    the contract takes longest; `check` does it for two.
    """
    folder = CHECKOUT / "tests" / "backends"
    if not folder.is_dir():
        return []
    files = [folder / "test_golden.py", *([] if rehearse else [folder])]
    chosen = ("-m", "gpu", "-k", "not float64 and not (promise and (compiled or jax))")
    # A warning of another version of a library is no failure.
    plain = ("-p", "no:cacheprovider", "-W", "default", "-o", "filterwarnings=")
    return [("-m", "pytest", *chosen, *plain, *map(str, files))]


def variables_of(words: Words, reasons: Reasons) -> dict[str, str]:
    """Return what makes a check, or the tests, compute what a worker computes."""
    names: Sequence[str] = ()
    if words[0] == "check":
        names = (words[1],)
    elif "pytest" in words:
        names = on_gpu(reasons)
    variables: dict[str, str] = {}
    for name in names:
        variables |= registry.load(name).environment(usable_cores())
    return variables


def planned(numbers: Sequence[int], rehearse: bool, day: Sequence[Stage] = STAGES) -> list[Stage]:
    """Return the stages of these numbers, or all, with the time that each may take."""
    return [
        replace(stage, number=number, seconds=_REHEARSED_LIMIT if rehearse else stage.seconds)
        for number, stage in enumerate(day, start=1)
        if not numbers or number in numbers
    ]


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
    """Run the stages of these numbers, or all, that have not succeeded yet, and pack the results.

    Those that were never tried come first. A stage begins only if all of its time is left of
    ``budget_seconds``. One that fails, or takes too long, never stops the next. Raises `UserError`
    if nothing can be written.
    """
    begin, rehearse = monotonic(), state.rehearsal
    left = (inf if rehearse else CALL_SECONDS) if budget_seconds is None else budget_seconds
    gpus = [machine_of(gpu.name) for gpu in gpu_states()]
    named = machine or ("rehearsal" if rehearse else [*gpus, machine_name()][0])
    packed = pack(results, archive)  # an archive that cannot be written is an error now
    done = {outcome.name: outcome for outcome in state.stages}
    outcomes = []
    path = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
    own = {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    own |= {rehearsal.VARIABLE: "1"} if rehearse else {}
    try:
        with variables_set(own), ExitStack() as to_the_end:
            runner = _Runner(results, named, state, lambda: pack(results, archive), to_the_end)
            for stage in sorted(planned(numbers, rehearse, day), key=lambda one: one.name in done):
                earlier = done.get(stage.name)
                if earlier is not None and earlier.outcome == "ok":
                    outcomes.append(replace(earlier, number=stage.number))
                    continue
                if monotonic() - begin + stage.seconds > left:
                    reason = "too little time is left of this call: the same command resumes"
                    outcome = _outcome(stage, "next call", reason=reason)
                else:
                    begins(stage)
                    outcome = done[stage.name] = runner.run(stage)
                    stages = sorted(done.values(), key=lambda one: one.number)
                    keep_day(results, replace(state, stages=stages, xla_flags=runner.xla_flags))
                    pack(results, archive)
                outcomes.append(outcome)
                ended(outcome)
    finally:
        packed = pack(results, archive)
    return DayResult(
        machine=named,
        results=str(results),
        rehearsal=rehearse,
        stages=sorted(outcomes, key=lambda one: one.number),
        packed=packed,
    )


class _Runner:
    """Runs the commands of stages; their output lies in the folder of logs."""

    def __init__(
        self,
        results: Path,
        machine: str,
        state: DayState,
        tick: Callable[[], object],
        to_the_end: ExitStack,
    ) -> None:
        self._results, self._machine, self._tick = results, machine, tick
        self._to_the_end = to_the_end
        self._rehearse, self.xla_flags = state.rehearsal, state.xla_flags
        self._reasons: Reasons | None = None

    def run(self, stage: Stage) -> StageOutcome:
        """Run a stage's commands side by side, whether or not one fails."""
        if self._reasons is None:  # the survey of a call is no part of its first stage
            self._reasons = self._survey()
        commands = commands_of(stage, self._reasons, self._rehearse)
        needs_gpu = stage.name == CHECK or "cuda" in f"{commands}"
        if needs_gpu and not on_gpu(self._reasons):
            reason = f"torch-cuda: {self._reasons['torch-cuda']}"
            return _outcome(stage, "left out", reason=reason)
        begin, rows = monotonic(), count_rows(self._results)
        several = len(commands) > 1
        named = {
            f"{stage.number:02}-{stage.name}" + (f"-{index}" if several else ""): words
            for index, words in enumerate(commands, start=1)
        }
        late, wrong = [], []
        for name, code in self._run(named, stage.seconds).items():
            words = named[name]
            if code is None:
                late.append(f"{' '.join(words[:2])}: not done within {stage.seconds:.0f} s")
            elif complaint := self._complaint(name, words, code):
                wrong.append(complaint)
        return _outcome(
            stage,
            "failed" if wrong else "timed out" if late else "ok",
            seconds=monotonic() - begin,
            rows=count_rows(self._results) - rows,
            reason="; ".join(dict.fromkeys(wrong or late)) or None,
        )

    def _survey(self) -> Reasons:
        """Find what can run here, in another process: this one must not hold a device.

        And with which flags XLA keeps a loop there: to try them takes up to two minutes, once.
        """
        facts: list[BackendFacts] = []
        if self._run({"backends": ("backends",)}, _SURVEY_SECONDS)["backends"] == 0:
            answer = msgspec.json.decode((self._results / LOGS / "backends.json").read_bytes())
            facts = msgspec.convert(answer["backends"], list[BackendFacts])
        # Where it fails everything is tried, and its log has the reason.
        reasons = {one.name: one.reason for one in facts} or dict.fromkeys(registry.names())
        if self.xla_flags is None and reasons.get("jax-cuda") is None:
            self.xla_flags = registry.load("jax-cuda").environment(1).get("XLA_FLAGS", "")
        if self.xla_flags is not None:
            self._to_the_end.enter_context(variables_set({DECIDED: self.xla_flags}))
        return reasons

    def _argv(self, words: Words, seconds: float) -> Words:
        if words[0].startswith("-"):  # options of Python
            return (sys.executable, *words)
        if words[0] in _MEASURING:
            budget = _SHARE_FOR_STUDY * (seconds - _ENDING_SECONDS - _START_SECONDS)
            if self._rehearse:
                budget = _REHEARSED_SECONDS
                words = (*words, *(("--seeds", "2") if words[0] == "race" else ("--quick",)))
            place = ("--results", str(self._results), "--machine", self._machine, "--html=")
            words = (*words, *place, "--budget", f"{budget / 60:.4g}")
        return (*fresh_python.command("perceptron", *words), "--json")

    def _run(self, commands: Mapping[str, Words], seconds: float) -> dict[str, int | None]:
        """Run commands side by side; return their exit codes, None of those whose time was over.

        Some seconds before their time is over they are told to end, as by ctrl-C, then killed with
        their children.
        """
        until = monotonic() + seconds
        with ExitStack() as stack:
            children = {
                name: stack.enter_context(self._started(name, words, seconds))
                for name, words in commands.items()
            }
            self._wait(children.values(), until - _ENDING_SECONDS)
            codes = {name: child.poll() for name, child in children.items()}
            for child in children.values():
                if child.poll() is None:
                    child.terminate()
            self._wait(children.values(), until)
        return codes

    @contextmanager
    def _started(self, name: str, words: Words, seconds: float) -> Iterator[subprocess.Popen[Any]]:
        """Start a command, and kill it in the end with its children."""
        logs = self._results / LOGS
        with (logs / f"{name}.json").open("wb") as answer, (logs / f"{name}.txt").open("wb") as log:
            child = subprocess.Popen(
                self._argv(words, seconds),
                stdout=log if words[0].startswith("-") else answer,
                stderr=log,
                env=os.environ | variables_of(words, self._reasons or {}),
                start_new_session=True,
            )
        try:
            yield child
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def _wait(self, children: Iterable[subprocess.Popen[Any]], until: float) -> None:
        """Wait until all have ended, or so long."""
        for child in children:
            while child.poll() is None and (left := until - monotonic()) > 0:
                try:
                    child.wait(min(left, _SECONDS_BETWEEN_PACKS))
                except subprocess.TimeoutExpired:
                    self._tick()

    def _complaint(self, name: str, words: Words, code: int) -> str | None:
        """Return the complaint about the end of a command; None if it did its work."""
        answer, log = (self._results / LOGS / f"{name}.{end}" for end in ("json", "txt"))
        if words[0] == "check" and code == 1:  # also where it trains none of the problems
            with suppress(msgspec.DecodeError):  # it died without an answer
                checked = msgspec.json.decode(answer.read_bytes())["backends"][words[1]]
                broken = [one for one in msgspec.convert(checked, list[CheckResult]) if one.broken]
                return f"{words[1]}: {broken[0].name}: {broken[0].broken[0]}" if broken else None
        if code in _GOOD.get(words[0], (0,)):
            return None
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1].strip("= ").removeprefix("error: ") if lines else describe_exit(code)


def machine_of(gpu: str) -> str:
    """Return the name of the results folder for a GPU: ``h100-80gb-hbm3``."""
    words = re.findall(r"[a-z0-9]+", gpu.lower())
    return "-".join(word for word in words if word != "nvidia")[:64] or "gpu"


def _outcome(stage: Stage, outcome: str, **fields: object) -> StageOutcome:
    return StageOutcome(number=stage.number, name=stage.name, outcome=outcome, **fields)  # type: ignore[arg-type]
