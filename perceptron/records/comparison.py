"""The result of `perceptron compare`: the document that tables and comments are made from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

from msgspec import Struct, field

from perceptron.records.block import Benchmark, Block, key_of
from perceptron.records.warning import MeasurementWarning

Verdict = Literal["clean", "regression", "inconclusive", "invalid"]
RowVerdict = Literal["slower", "faster", "no change", "inconclusive", "invalid"]
Evidence = Literal["time", "work", "both"]
Counting = Literal["auto", "always", "never"]
FunctionLevel = Literal["python", "c"]
CountedUnit = Literal["instructions", "bytecodes", "calls"]
SuiteKind = Literal["asv", "pytest"]


class Instructions(Struct, frozen=True, kw_only=True):
    """Instructions of one call of a benchmark on each revision, counted under valgrind."""

    base: float
    """Instructions per call, mean over the rounds."""
    head: float
    change: float
    """head / base − 1."""
    noise: float
    """The largest difference between two counts of the same, as a share of them."""


class Growth(Struct, frozen=True, kw_only=True):
    """One function in which a benchmark does more, or less, on HEAD: a reason for its change.

    Counted by tools that give the same digits each time, never by a clock.
    """

    function: str
    """Its qualified name; of a C function, as its library calls it."""
    level: FunctionLevel
    unit: CountedUnit
    """The unit of ``base`` and ``head``, which are counts in one call of the benchmark, without the
    functions that this function calls."""
    base: float
    head: float
    base_calls: float | None = None
    """Calls of the function in one call of the benchmark; None where they are not known."""
    head_calls: float | None = None
    file: str | None = None
    """Relative to the root of the tree, else the name of the module or of the library."""
    line: int | None = None
    edited: bool = False
    """Whether the code of the function differs between the revisions."""


class GateRule(Struct, frozen=True, kw_only=True):
    """A project's own limits for some benchmarks; the first of several rules that matches counts.

    They are read from pyproject.toml of BASE, below ``tool.perceptron.gate``.
    """

    match: str
    """A part of the benchmark's key, in which ``*`` stands for any text."""
    slower: float | None = None
    """A slowdown up to this is no regression."""
    mute: str | None = None
    """Why its rows do not count in the run's verdict."""
    until: date | None = None
    """The last day on which they do not count."""
    removed: str | None = None
    """Why HEAD may have no such benchmark."""

    def matches(self, key: str) -> bool:
        """Return whether the key of a benchmark contains the text of ``match``."""
        start = 0
        for part in self.match.split("*"):
            index = key.find(part, start)
            if index < 0:
                return False
            start = index + len(part)
        return True


_NO_RULE = GateRule(match="")


def rule_of(key: str, rules: Sequence[GateRule]) -> GateRule:
    """Return the first rule that matches a benchmark's key, or a rule without limits."""
    return next((rule for rule in rules if rule.matches(key)), _NO_RULE)


class Row(Struct, frozen=True, kw_only=True):
    """One benchmark with one set of parameters, judged."""

    benchmark: str
    params: list[str]
    param_names: list[str]
    test: str | None = None
    """pytest's id of the test; None for a benchmark of asv."""
    unit: str
    base: float | None
    """Median over the blocks, in ``unit``."""
    head: float | None
    base_seconds: float | None
    """``base`` in seconds; None if ``unit`` is no time."""
    head_seconds: float | None
    change: float | None
    """head / base − 1: the trimmed mean of the blocks, or their median if ``unit`` is no time."""
    low: float | None
    """Lower end of the 99% interval of ``change``; the smallest value if ``unit`` is no time."""
    high: float | None
    p_adjusted: float | None
    """The p-value adjusted over all benchmarks confirmed together; None without a confirmation."""
    verdict: RowVerdict
    reason: str | None = None
    """The reason for the verdict, if the numbers do not show it."""
    probably_slower: bool = False
    """Whether it is inconclusive, but more instructions were counted."""
    new: bool = False
    """Whether BASE's own suite has no such benchmark."""
    limit: float | None = None
    """A slowdown up to this, which the project allows the benchmark, is no regression."""
    muted: str | None = None
    """Why the row does not count in the run's verdict; None if it counts."""
    smallest_detectable: float | None
    """The slowdown that would have been confirmed in 95 of 100 runs, as ``change``; for a value the
    rise that would have been a regression."""
    spread: float | None
    """Standard deviation of the blocks' log-ratios, robust; None for a value."""
    instructions: Instructions | None = field(default=None, name="work")
    """The instructions counted; None if they were not, or could not be."""
    not_counted: str | None = None
    """Why they could not be counted; None if nothing was to be counted."""
    evidence: Evidence = field(default="time", name="stands_on")
    """The measurement that the verdict follows from."""
    clock_undecided: bool = False
    """Whether only the instructions show that it is not slower: it was not timed, or timing could
    have missed a slowdown of more than 10%, or of more than its limit."""
    why: list[Growth] = []
    """The functions in which a changed benchmark does more or less: for each level the edited
    functions, then those that changed most, largest first; empty if nothing changed or no tool
    traced."""
    why_not: str | None = None
    """Why the changed functions could not be found."""
    wait_share: float | None = field(default=None, name="waited")
    """Share of the samples' time that threads were ready and had no core, added up over threads;
    None if the system does not report it."""
    contended: int | None = None
    """Samples that were dropped because their threads waited; None if unknown."""
    retaken: int = 0
    """The number of blocks measured again because one side had waited and another had not."""
    idle: float | None = None
    """Share of its time that it waited for a timer, a device or another process, on the side that
    waited more; None if the system does not report it."""
    screen_blocks: int
    confirmation_blocks: int
    file: str | None = None
    line: int | None = None

    @property
    def key(self) -> str:
        """The key of the benchmark, see `Benchmark.key`."""
        return key_of(self.benchmark, self.params, self.test)


class ControlRow(Struct, frozen=True, kw_only=True):
    """One benchmark on base against a second copy of base."""

    benchmark: str
    change: float
    low: float
    high: float
    p_adjusted: float
    alarm: bool


class Control(Struct, frozen=True, kw_only=True):
    """Whether base differs from itself: then nothing can be confirmed on this machine now."""

    alarmed: bool
    rows: list[ControlRow]


class LeftOut(Struct, frozen=True, kw_only=True):
    """A benchmark without a row, and why."""

    benchmark: str
    reason: str


class ComparedRevision(Struct, frozen=True, kw_only=True):
    """One of the two revisions: its name on the command line, and its commit."""

    name: str
    commit: str
    changes: str | None = None
    """A digest of what the working tree adds to the commit; None for a commit as it is."""
    python: str


class ComparisonEnvironment(Struct, frozen=True, kw_only=True):
    """The machine, and the interpreters of each side."""

    machine: dict[str, str]
    base: dict[str, str]
    """Version of the interpreter and of the libraries that the suite imports."""
    head: dict[str, str]
    variables: dict[str, str]
    """Environment variables that configure numerical libraries."""
    base_code: str | None = None
    """The installed distribution, with its version, that BASE's project was imported from; None if
    it was a tree."""
    head_code: str | None = None
    counter: str | None = None
    """The tool that counts instructions, with its version; None without counting."""


class ComparisonPlan(Struct, frozen=True, kw_only=True):
    """The plan of the comparison, fixed before any result."""

    suite: str
    suite_state: str | None = None
    """A digest of the benchmarks of a suite in another repository than the code; else None."""
    benchmarks: str | None
    """The regular expression that chose them."""
    base: ComparedRevision
    head: ComparedRevision
    budget_seconds: float
    seed: int
    rule: dict[str, float]
    gate_rules: list[GateRule] = []
    """The project's rules, of BASE."""
    kind: SuiteKind = "asv"
    strict: bool = False
    """Whether a run is inconclusive if timing could have missed a slowdown of more than 10%,
    whatever was counted."""
    installed: bool = False
    """Whether the distributions installed in two environments are compared, and no trees."""
    build: bool = False
    """Whether these environments were built; HEAD's build may have failed."""
    count: Counting = "never"
    """Whether instructions are counted; ``auto``: if valgrind is found."""
    seeded: bool = False
    """Whether all sides of a block draw the same random numbers."""
    calls: dict[str, int] = {}
    """Calls in each sample, equal in all sides, for each benchmark."""
    batches: dict[str, int] = {}
    """Samples in each process."""
    screen_blocks: int = 0
    """Blocks of the screen, at first as planned and then as the time allowed."""
    prechecked: list[str] = field(default_factory=list, name="looked_at")
    """Benchmarks of equal instructions that are timed in a few blocks only."""
    confirmation_blocks: dict[str, int] = {}
    """Blocks for each benchmark that the screen promoted; 0 if the budget has no time for it."""
    left_out: list[LeftOut] = []


class Comparison(Struct, frozen=True, kw_only=True):
    """A comparison of two revisions: the ``--json`` document, which comment and page show."""

    verdict: Verdict
    reason: str
    """The verdict in one sentence."""
    rows: list[Row]
    control: Control
    plan: ComparisonPlan
    environment: ComparisonEnvironment
    warnings: list[MeasurementWarning]
    removed: list[str] = []
    """Benchmarks of BASE's suite that are missing in HEAD's, which measures both; the modules of
    BASE's suite if it does not load."""
    seconds: float
    """Seconds of measuring, without the time between two starts."""
    reproduce: str
    """The command that repeats the comparison."""
    results: str
    """The folder of the blocks."""
    page: str | None = None
    """The comparison's page, relative to the folder of pages; None if none was written."""
    benchmarks: list[Benchmark]
    blocks: list[Block]
