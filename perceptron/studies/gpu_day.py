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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
from msgspec.structs import replace

from perceptron import rehearsal
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
    Packer,
    Stage,
    StageOutcome,
    keep_day,
)
from perceptron.records.store import count_rows
from perceptron.studies.smoke import smoke
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
# Where libraries of a hundred megabytes and more lie in their packages.
_LARGE = {
    "torch": "lib/*.so*",
    "nvidia": "*/lib/*.so*",
    "jaxlib": "*.so",
    "jax_plugins": "*/*.so",
    "triton": "_C/*.so",
}
# Of a command's time, kept for its end: it is interrupted so long before.
_INTERRUPT_SECONDS = 6.0
# Starting a command, judging and printing; and studies may exceed their budget by a twentieth.
_START_SECONDS = 6.0
_SHARE_FOR_STUDY = 0.9
_SECONDS_BETWEEN_PACKS = 15.0
# In a rehearsal, where two cores stand in for a GPU: of a study, of one that takes long to its
# first row (many models, or a process for each seed), and the most that a stage may take.
_REHEARSED_SECONDS, _OF_MANY_STARTS, _REHEARSED_LIMIT = 40.0, 80.0, 240.0

_MEASURING = ("bench", "crossover", "race", "overhead", "map")
# Exit codes of a command that did its work: `doctor` has warnings, an answer is undecided.
_GOOD = {"doctor": (0, 1)} | dict.fromkeys(_MEASURING, (0, 3))
# The options whose values are backends, and the command that takes them without one.
_OF_BACKENDS = ("check", "--backends", "--pair")

_WITH_CPU = "crossover --pair numpy:{gpu} --pair torch-cpu:{gpu}"
_ALONG = f"{_WITH_CPU} --family"
# Batched training on the GPU beside the CPU, and beside sequential training.
_MANY = (
    f"{_WITH_CPU} --pair torch-cuda-sequential:{{gpu}} --pair numpy:torch-cuda-bmm "
    "--pair numpy:torch-cuda-graph --pair numpy:torch-cuda-manual-graph --pair numpy:jax-cuda "
    "--family"
)
# With hidden layers the mistakes of the contract take most of a minute where vmap follows.
_CHECK_MANY = (
    "check {gpu},torch-cuda-fused,torch-cuda-bmm,torch-cuda-graph,torch-cuda-manual-graph,"
    "jax-cuda,torch-cuda-sequential --problem many-or-gates:4"
)
_CHECK = "check {on_gpu} --problem or-gate --problem mlp-width:64"
_LADDER = "overhead --problem or-gate --backends numpy,torch-cpu,{rungs},numba"
_DIGITS = "overhead --problem digits --backends numpy,torch-cpu,{rungs_of_batches},numba"
# A backend without bfloat16 has that as its reason.
_RACE = "race --problem digits --target accuracy=0.95 --dtype float32 bfloat16 {racing}"
_FINDING, _MAP = "bench --families none {compared}", "map --family mlp-map {compared}"

# Three calls of ten minutes. Every row is checked before it is timed, so the contract comes last.
STAGES = (
    Stage("smoke", "whether every GPU backend trains, and about as fast as it should", 45, ""),
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
    Stage("race", "race on digits, in float32 and bfloat16", 210, _RACE),
    Stage("batch", "the batch from which the GPU wins", 70, f"{_ALONG} mlp-batch"),
    Stage("bench", "a whole run of bench, for README and the pages", 170, "{bench}"),
    Stage(
        "many-mlps", "the number of classifiers from which the GPU wins", 100, f"{_MANY} many-mlps"
    ),
    Stage("map", "the fastest backend over rows × width", 70, _MAP),
    Stage("ladder-digits", "cost breakdown of batches of digits", 60, _DIGITS),
    Stage(
        "check",
        "the contract of every GPU backend, and the tests that need a GPU",
        120,
        f"{_CHECK} && {_CHECK_MANY} && {{tests}}",
    ),
)

Words = Sequence[str]


class LeftOut(Exception):
    """A stage cannot run here; its text is the reason, in one line."""


# Compiling takes what is left of the day, and one GPU has no partner.
_NOT_IN_THE_DAY = ("torch-cuda-compiled", "torch-ddp-cuda")
# The rung of several models, one after the other.
_OF_MANY_ONLY = "torch-cuda-sequential"


@dataclass(frozen=True)
class Here:
    """The backends that can run here, of which the commands of a day are made."""

    backends: Mapping[str, BackendFacts]
    """Empty where the survey failed: then each is tried, and its log has the reason."""
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
    def on_gpu(self) -> list[str]:
        """The backends of the GPU that train one model here."""
        on_gpu = [name for name, facts in self.backends.items() if facts.device == "cuda"]
        left_out = (*_NOT_IN_THE_DAY, _OF_MANY_ONLY)
        return [
            name
            for name in dict.fromkeys([self.gpu, *on_gpu])
            if name not in left_out and self.why_not(name) is None
        ]

    @property
    def words(self) -> dict[str, str]:
        """What stands for the names in braces of the commands; raises `LeftOut` without a GPU."""
        gpu, compared = self.gpu, f"--backends numpy,torch-cpu,{self.gpu}"
        of_day, of_batches = (
            ",".join(name for name in [gpu, *rungs("cuda", batches)] if name not in _NOT_IN_THE_DAY)
            for batches in (False, True)
        )
        bench = "bench --families mlp-depth" if self.rehearse else "bench"
        return {
            "gpu": gpu,
            "compared": compared,
            "on_gpu": ",".join(self.on_gpu),
            # Without those that could only refuse the problem.
            "rungs": of_day,
            "rungs_of_batches": of_batches,
            "racing": f"--backends numpy,{gpu}"
            if self.rehearse
            else f"{compared},torch-cuda-graph",
            # Only a run that names no backends is a whole one.
            "bench": bench if gpu == "torch-cuda" else f"{bench} {compared}",
            "tests": self._tests(),
        }

    def _tests(self) -> str:
        """Return the tests that need a GPU; nothing where there are none, outside of a checkout.

        The published training comes first: there may be no time for more. Compiling each problem
        of the contract takes longest; `check` does it for two.
        """
        folder = CHECKOUT / "tests" / "backends"
        files = [folder / "test_golden.py", *([] if self.rehearse else [folder])]
        chosen = ("-m", "gpu", "-k", "not float64 and not (promise and (compiled or jax))")
        # A warning of another version of a library is no failure.
        plain = ("-p", "no:cacheprovider", "-W", "default", "-o", "filterwarnings=")
        words = ("-m", "pytest", *chosen, *plain, *map(str, files))
        return shlex.join(words) if folder.is_dir() else ""


def commands_of(stage: Stage, here: Here) -> list[Words]:
    """Return the commands of a stage that can run here; raises `LeftOut` where none can."""
    made: list[Words] = []
    refused: list[LeftOut] = []
    words = here.words if "{" in stage.commands else {}
    for command in filter(None, stage.commands.format_map(words).split(" && ")):
        try:
            made += _commands(shlex.split(command), here)
        except LeftOut as refusal:
            refused.append(refusal)
    if refused and not made:
        raise refused[0]
    return made


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


def variables_of(words: Words, here: Here | None) -> dict[str, str]:
    """Return what makes a check, or the tests, compute what a worker computes."""
    names: Sequence[str] = ()
    if words[0] == "check":
        names = (words[1],)
    elif "pytest" in words and here is not None:
        names = here.on_gpu
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
    """Run the stages of these numbers, or all, that have not succeeded yet, and pack the results.

    Those that were never tried come first. A stage begins only if all of its time is left of
    ``budget_seconds``. One that fails, or takes too long, never stops the next. Raises `UserError`
    if nothing can be written.
    """
    begin, rehearse = monotonic(), state.rehearsal
    left = (inf if rehearse else CALL_SECONDS) if budget_seconds is None else budget_seconds
    gpus = [gpu.name for gpu in gpu_states()]
    named = machine or (machine_of(gpus[0]) if gpus else machine_name())
    if rehearse:
        named = machine or "rehearsal"
    packer = Packer(results, archive)
    packed = packer.pack()  # an archive that cannot be written is an error now
    done = {outcome.name: outcome for outcome in state.stages}
    outcomes = []
    path = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
    own = {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    own |= {rehearsal.VARIABLE: "1"} if rehearse else {}
    try:
        with variables_set(own), ExitStack() as to_the_end:
            runner = _Runner(results, named, state, packer.pack, to_the_end)
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
                    packer.pack()
                outcomes.append(outcome)
                ended(outcome)
    finally:
        packed = packer.pack()
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
        self._here: Here | None = None

    def run(self, stage: Stage) -> StageOutcome:
        """Run a stage's commands side by side, whether or not one fails."""
        try:
            # The survey of a call is no part of its first stage.
            here = self._here = self._here or self._survey()
            commands = commands_of(stage, here)
            begin, rows = monotonic(), count_rows(self._results)
            if stage.name == "smoke":
                return self._smoked(stage, here)
        except LeftOut as refusal:
            return _outcome(stage, "left out", reason=str(refusal))
        several = len(commands) > 1
        named = {
            f"{stage.number:02}-{stage.name}" + (f"-{index}" if several else ""): words
            for index, words in enumerate(commands, start=1)
        }
        late, wrong = [], []
        for name, code in self._run(named, stage.seconds).items():
            words = named[name]
            if isinstance(code, str):
                wrong.append(f"{' '.join(words[:2])[:80]}: cannot be run: {code}")
            elif code is None:
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

    def _smoked(self, stage: Stage, here: Here) -> StageOutcome:
        begin = monotonic()
        backends = ["numpy", "torch-cpu", *here.on_gpu]
        able = [name for name in backends if here.why_not(name) is None]
        found = smoke(able, here.gpu, stage.seconds)
        wrong = [f"{one.what}: {one.remark}" for one in found if one.failed]
        return _outcome(
            stage,
            "failed" if wrong else "ok",
            seconds=monotonic() - begin,
            reason="; ".join(wrong) or None,
            smoke=found,
        )

    def _survey(self) -> Here:
        """Find what can run here, in another process: this one must not hold a device.

        And with which flags XLA keeps a loop there: to try them takes up to two minutes, once.
        """
        facts: list[BackendFacts] = []
        with _reading_ahead(), suppress(OSError, msgspec.DecodeError):
            if self._run({"backends": ("backends",)}, _SURVEY_SECONDS)["backends"] == 0:
                answer = (self._results / LOGS / "backends.json").read_bytes()
                known = msgspec.json.decode(answer, type=dict[str, msgspec.Raw])["backends"]
                facts = msgspec.json.decode(known, type=list[BackendFacts])
            here = Here({one.name: one for one in facts}, self._rehearse)
            if self.xla_flags is None and here.why_not("jax-cuda") is None:
                self.xla_flags = registry.load("jax-cuda").environment(1).get("XLA_FLAGS", "")
        if self.xla_flags is not None:
            self._to_the_end.enter_context(variables_set({DECIDED: self.xla_flags}))
        return here

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

    def _run(self, commands: Mapping[str, Words], seconds: float) -> dict[str, int | str | None]:
        """Run commands side by side; return their exit codes, None of those whose time was over.

        One that cannot be started has the reason. Some seconds before their time is over they are
        interrupted as by ctrl-C, then killed with their children.
        """
        until = monotonic() + seconds
        codes: dict[str, int | str | None] = {}
        with ExitStack() as stack:
            children = {}
            for name, words in commands.items():
                try:
                    children[name] = stack.enter_context(self._started(name, words, seconds))
                except OSError as error:
                    codes[name] = error.strerror
            self._wait(children.values(), until - _INTERRUPT_SECONDS)
            codes |= {name: child.poll() for name, child in children.items()}
            for child in children.values():
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGINT)
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
                env=os.environ | variables_of(words, self._here),
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
                checked = msgspec.json.decode(answer.read_bytes(), type=dict[str, msgspec.Raw])
                of_each = msgspec.json.decode(
                    checked["backends"], type=dict[str, list[CheckResult]]
                )
                broken = [one for every in of_each.values() for one in every if one.broken]
                return f"{words[1]}: {broken[0].name}: {broken[0].broken[0]}" if broken else None
        if code in _GOOD.get(words[0], (0,)):
            return None
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1].strip("= ").removeprefix("error: ") if lines else describe_exit(code)


@contextmanager
def _reading_ahead() -> Iterator[None]:
    """Have large libraries read from the disk beside the first process that imports them."""
    files = [
        str(file)
        for name, pattern in _LARGE.items()
        if (spec := find_spec(name)) is not None
        for folder in spec.submodule_search_locations or ()
        for file in Path(folder).glob(pattern)
    ]
    with ExitStack() as stack:
        with suppress(OSError):
            reader = subprocess.Popen(["cat", *files], stdout=subprocess.DEVNULL)
            stack.callback(reader.wait)
            stack.callback(reader.kill)
        yield


def machine_of(gpu: str) -> str:
    """Return the name of the results folder for a GPU: ``h100-80gb-hbm3``."""
    words = re.findall(r"[a-z0-9]+", gpu.lower())
    return "-".join(word for word in words if word != "nvidia")[:64] or "gpu"


def _outcome(stage: Stage, outcome: str, **fields: object) -> StageOutcome:
    return StageOutcome(number=stage.number, name=stage.name, outcome=outcome, **fields)  # type: ignore[arg-type]
