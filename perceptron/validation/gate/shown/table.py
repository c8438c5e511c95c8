"""The gate's proof, as tables for a terminal and for the docs."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.report.numbers import NONE, count, duration, percent, percent_interval
from perceptron.report.tables import grid
from perceptron.report.tables.grid import TextTable
from perceptron.report.tables.terminal import out
from perceptron.validation.gate.record import Judged, LiveKind, Proof, Spread, Spreads, Target
from perceptron.validation.share import Share, share_cell

_TARGETS = ("target", "met", "reached [95 % interval]>", "of>")
_LIVE = (
    "head differs by",
    "runs>",
    "clean>",
    "red>",
    "inconclusive>",
    "faster>",
    "control>",
    "measured>",
    "a run>",
    "of CPU>",
)


def show(proof: Proof) -> None:
    """Print how often the gate was wrong, what it found, and where the numbers come from."""
    grid.show(grids(proof))
    out.print(heading(proof), markup=False, soft_wrap=True)


def grids(found: Proof) -> list[TextTable]:
    """Targets first; then what they rest on, as far as there is something."""
    everything = [
        TextTable("Targets", _TARGETS, [_target(each) for each in found.targets], ()),
        TextTable(
            "Whole runs",
            _LIVE,
            [_live(each) for each in found.live],
            (
                "Each is what `perceptron compare` does, with worktrees, processes, schedule and "
                "judgement, on two of four benchmarks: a NumPy training loop, a loop of bytecode, "
                "exponentials of 1 MiB, a matrix product on all threads. Faster: benchmarks called "
                "so, which none is. Control: runs in which it alarmed. Measured: the median change "
                "of the benchmarks that the head makes slower; where it does 21 or 22 units of "
                "work for 20, 5 and 10 % hold by count.",
            ),
        ),
        _judged(
            "False alarms: runs in which nothing changed and something is called slower",
            "runs",
            found.false_alarms,
            "A run is red if any of its benchmarks is. All rules judge the same blocks.",
        ),
        _judged(
            "Whether p-values mean what they say: screens in which nothing changed",
            "benchmark",
            found.calibration,
            "Two-sided p-values of *it did not change*, from the blocks of a quiet run's screen. "
            "Where blocks are as independent as the test supposes, p is ≤ 10 % in 10 % of them.",
        ),
        _judged(
            "Found in whole runs: benchmarks that the head makes slower",
            "head",
            found.found,
            "By the spread of a benchmark's blocks: the standard deviation of log(head / base), "
            "robust, over all of its blocks in the run.",
        ),
        _judged(
            "Found in replays: known slowdowns put into recorded blocks",
            "injected",
            found.replayed,
            "Consecutive blocks of runs in which nothing changed, head's times multiplied, judged "
            "as a run of one benchmark without a control. 0 % are false alarms. The windows "
            f"overlap: {found.windows} have no block in common, so intervals are too narrow.",
        ),
        _judged(
            "Found at what had been called the smallest detectable slowdown",
            "median",
            found.promised,
            "Each replay with exactly the slowdown that the gate, judging the blocks as recorded, "
            "said it would find in 95 of 100 runs.",
        ),
        _choices(found.choices),
    ]
    return [table for table in everything if table.rows]


def heading(found: Proof) -> str:
    """Where the numbers come from."""
    libraries = ", ".join(
        f"{name} {version}" if name != "python" else version
        for name, version in found.libraries.items()
        if name in {"python", "numpy"}
    )
    days = found.first[:10] if found.first[:10] == found.last[:10] else f"{found.first[:10]} to "
    days += "" if found.first[:10] == found.last[:10] else found.last[:10]
    text = (
        f"`{found.command}`, {days}, machine {found.machine} ({found.cpu}, {found.cores} cores), "
        f"{libraries}, perceptron {found.version}, {_commits(found.commits)}. Every block is in "
        f"`{found.results}`; `perceptron proof --report` makes these tables from there."
    )
    if found.again:
        text += (
            f" {found.again} runs were judged anew: the rule has changed since, and would have "
            "screened the same blocks."
        )
    if found.left_out:
        text += f" {found.left_out} runs of another state of the gate are left out."
    if found.outdated:
        text += " The gate's code has changed since; the same command measures it anew."
    return text


def _commits(commits: Sequence[str]) -> str:
    if not commits:
        return "no commit"
    return f"commit{'s' if commits[1:] else ''} {', '.join(commits)}"


def _target(each: Target) -> tuple[str, ...]:
    met = {True: "yes", False: "no", None: "too few yet"}[each.met]
    return each.name, met, share_cell(each.reached), count(each.reached.trials)


def _live(each: LiveKind) -> tuple[str, ...]:
    seen = [each.verdicts.get(name, 0) for name in ("clean", "regression", "inconclusive")]
    return (
        each.summary,
        f"{each.runs}",
        *(f"{count}" for count in seen),
        f"{each.improvements}",
        f"{each.control_alarms}",
        NONE if each.change is None else percent(each.change, sign=True),
        duration(each.seconds),
        duration(each.cpu_seconds),
    )


def _judged(title: str, first: str, rows: Sequence[Judged], note: str) -> TextTable:
    rules = list(dict.fromkeys(name for row in rows for name in row.shares))
    spreads = any(row.spread for row in rows)
    return TextTable(
        title,
        (first, *(["spread"] if spreads else []), "number>", *(f"{name}>" for name in rules)),
        [
            (
                row.name,
                *([row.spread] if spreads else []),
                count(max((each.trials for each in row.shares.values()), default=0)),
                *(_cell(row.shares.get(name)) for name in rules),
            )
            for row in rows
        ],
        (note,),
    )


def _choices(found: Sequence[Spreads]) -> TextTable:
    names = list(dict.fromkeys(name for each in found for name in each.spreads))
    return TextTable(
        "What blocks spread by, if a process gave another number",
        ("benchmark", "blocks>", *(f"{name}>" for name in names)),
        [
            (
                each.benchmark.rpartition("time_")[2],
                count(each.blocks),
                *(_spread(each.spreads.get(name)) for name in names),
            )
            for each in found
        ],
        (
            "Of quiet screens in which nothing changed; the gate's choice first. In the last "
            "column base is of another block of its run. Intervals by resampling runs.",
        ),
    )


def _spread(found: Spread | None) -> str:
    if found is None:
        return NONE
    return percent_interval(found.value, found.low, found.high, 2)


def _cell(share: Share | None) -> str:
    return NONE if share is None else share_cell(share)
