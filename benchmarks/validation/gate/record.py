"""The gate's proof: its runs as they are kept, and what they say together."""

from __future__ import annotations

from msgspec import Struct

from benchmarks.validation.share import Share
from perceptron.records.comparison import Evidence, RowVerdict, Verdict, Work

# Upper ends of the classes of spread, as shares: what a row of the proof's tables is about. In the
# steady ones slowdowns are to be found.
CLASSES = {"≤ 1%": 0.01, "≤ 2.5%": 0.025, "≤ 5%": 0.05, "more": float("inf")}
STEADY = ("≤ 1%", "≤ 2.5%")

# For each process of a block, base first, then head, then control if there is one: its samples, in
# whole nanoseconds per call.
Nanoseconds = list[list[int]]
# Instructions per call of base and head, by the round of counting that gave both.
Counts = dict[int, list[float]]


class ProofRow(Struct, frozen=True, kw_only=True):
    """One benchmark in one run of the gate: what was judged, and all that was measured."""

    benchmark: str
    verdict: RowVerdict
    change: float | None
    p_adjusted: float | None
    smallest_detectable: float | None
    spread: float | None
    screen: list[Nanoseconds]
    confirmation: list[Nanoseconds]
    waited: float | None = None
    """Share of the samples' time that threads had no core; None where that is unknown."""
    contended: int | None = None
    """Samples that were dropped for it."""
    retaken: list[Nanoseconds] = []
    """Takes of blocks that do not count, because one arm waited and another did not."""
    counts: Counts = {}
    work: Work | None = None
    """What was judged from the counts; None where it was not counted, or could not be."""
    not_counted: str | None = None
    """Why it could not."""
    stands_on: Evidence = "time"
    """What the verdict follows from."""


class ProofRun(Struct, frozen=True, kw_only=True):
    """One whole run of the gate on the proof's own suite."""

    kind: str
    number: int
    """Which run of its kind, from 0; also the seed of its order."""
    when: str
    """When it ended, in UTC."""
    work: str
    """Digest of the suite and of the gate's code: runs of another are no part of the same proof."""
    measured: str
    """The same without the code that judges: the same blocks can be judged again."""
    commit: str | None
    """Of this package, None outside a checkout."""
    environment: str
    """Id of what it ran on, kept beside."""
    seconds: float
    cpu_seconds: float
    """Of all processes that the run started."""
    verdict: Verdict
    reason: str
    control_alarmed: bool
    rows: list[ProofRow]
    counter: str | None = None
    """What counted instructions, with its version; None where nothing did."""


class Judged(Struct, frozen=True, kw_only=True):
    """How many of these runs, rows or replays each rule called slower."""

    name: str
    spread: str
    """What the blocks of all of them spread by, in words, or by how much more than they did; empty
    where all are together."""
    shares: dict[str, Share]
    """By rule, the gate's first."""


class LiveKind(Struct, frozen=True, kw_only=True):
    """The runs of one kind, in numbers."""

    name: str
    summary: str
    runs: int
    verdicts: dict[str, int]
    improvements: int
    """Rows that the gate called faster."""
    control_alarms: int
    change: float | None
    """Median of what the clock measured of the benchmarks that HEAD changes."""
    work: float | None
    """Median of the change of their work, as it was counted."""
    waited: float | None
    """Mean share of the samples' time that threads had no core, over all benchmarks: what else
    used the machine."""
    seconds: float
    """Median."""
    cpu_seconds: float


class CountedKind(Struct, frozen=True, kw_only=True):
    """What counting said of the benchmarks that a kind of head changes, or leaves as they are."""

    name: str
    rows: int
    counted: Share
    """Of the rows, those that could be counted; what follows is of these."""
    seen: Share
    """Changes of work beyond the noise and 0.5%."""
    called_slower: Share
    on_work: Share
    """Called slower on the work alone, or on work and time."""
    change: float | None
    """Median of the change of work."""
    noise: float | None
    """The largest difference between two counts of the same."""


class CountedBenchmark(Struct, frozen=True, kw_only=True):
    """How far the counts of one benchmark are apart where nothing changed."""

    benchmark: str
    counted: Share
    """Of the rows in which nothing changed."""
    median: float | None
    """Of head / base − 1, without its sign."""
    largest: float | None
    why_not: str | None
    """The most frequent reason of those that could not be counted."""


class GateState(Struct, frozen=True, kw_only=True):
    """What the gate in one state did beside a busy process, in runs in which nothing changed."""

    measured: str
    """Digest of the code that measured them, and of the suite."""
    first: str
    last: str
    commits: list[str]
    runs: int
    false_alarms: Share
    inconclusive: int
    seconds: float
    """Median of the runs; what follows is the median of their rows, None where none has it."""
    spread: float | None
    smallest_detectable: float | None
    waited: float | None
    contended: int
    """Samples dropped, of all runs."""
    retaken: int
    """Takes of blocks that do not count, of all runs."""


class Spread(Struct, frozen=True):
    """Standard deviation of log(head / base) over blocks, robust, with its 95% interval."""

    value: float
    low: float
    high: float


class Spreads(Struct, frozen=True, kw_only=True):
    """What the blocks of a benchmark spread by, for each way to make a number of a process."""

    benchmark: str
    blocks: int
    spreads: dict[str, Spread]
    """The gate's way first."""


class Target(Struct, frozen=True, kw_only=True):
    """What the gate is to reach, and what it has."""

    name: str
    reached: Share
    met: bool | None
    """None while there are too few runs to say."""


class Proof(Struct, frozen=True, kw_only=True):
    """All of it."""

    machine: str
    cpu: str
    cores: str
    libraries: dict[str, str]
    first: str
    last: str
    version: str
    commits: list[str]
    work: str
    command: str
    results: str
    again: int
    """Runs that an earlier rule judged, judged again by today's, which would have screened the same
    blocks."""
    left_out: int
    """Runs of another suite, or of other code of the gate."""
    outdated: bool
    """Whether the gate's code has changed since."""
    counters: list[str]
    """What counted instructions, with its version."""
    targets: list[Target]
    live: list[LiveKind]
    counted: list[CountedKind]
    counts: list[CountedBenchmark]
    more_work: list[Judged]
    """Of replays with more work, by how much and by how much louder the clock was made."""
    false_alarms: list[Judged]
    """Of runs in which nothing changed."""
    calibration: list[Judged]
    """Of screens in which nothing changed: how often a two-sided p-value is small."""
    found: list[Judged]
    """Of rows of live runs in which HEAD is slower."""
    replayed: list[Judged]
    """Of replays without counts, by what was injected."""
    same_work: list[Judged]
    """Of replays that take longer for the same work."""
    windows: int
    """Stretches of blocks, none with a block in common, that the replays could be cut into."""
    promised: list[Judged]
    """Of replays with the slowdown that the gate had called the smallest detectable."""
    choices: list[Spreads]
    """Of screens in which nothing changed, without a busy process beside them."""
    states: list[GateState]
    """Every state of the gate that was measured beside a busy process, the earliest first."""
