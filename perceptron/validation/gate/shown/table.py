"""The gate's proof, as tables for a terminal and for the docs."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.report.numbers import NONE, count, duration, percent, percent_interval
from perceptron.report.tables import grid
from perceptron.report.tables.grid import TextTable
from perceptron.report.tables.terminal import out
from perceptron.validation.gate.record import (
    GateState,
    Judged,
    LiveKind,
    Proof,
    Spread,
    Spreads,
    Target,
)
from perceptron.validation.share import Share, share_cell

_TARGETS = ("target", "met", "reached [95 % interval]>", "of>")
_LIVE = (
    "head differs by",
    "runs>",
    "clean>",
    "regression>",
    "inconclusive>",
    "faster>",
    "control>",
    "measured>",
    "a run>",
    "of CPU>",
)
_STATES = (
    "measured",
    "runs>",
    "false alarms>",
    "inconclusive>",
    "a run>",
    "spread>",
    "detectable>",
    "waited>",
    "samples again>",
    "blocks again>",
)


def show(proof: Proof) -> None:
    """Print how often the gate was wrong, what it proof, and where the numbers come from."""
    grid.show(grids(proof))
    out.print(heading(proof), markup=False, soft_wrap=True)


def grids(proof: Proof) -> list[TextTable]:
    """Return the targets first; then what they rest on, as far as there is something."""
    everything = [
        TextTable("Targets", _TARGETS, [_target(row) for row in proof.targets], ()),
        TextTable(
            "Whole runs",
            _LIVE,
            [_live(row) for row in proof.live],
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
            proof.false_alarms,
            "A run counts if any of its benchmarks does. All rules judge the same blocks.",
        ),
        _judged(
            "Whether p-values mean what they say: screens in which nothing changed",
            "benchmark",
            proof.calibration,
            "Two-sided p-values of *it did not change*, from the blocks of a quiet run's screen. "
            "Where blocks are as independent as the test supposes, p is ≤ 10 % in 10 % of them.",
        ),
        _judged(
            "Found in whole runs: benchmarks that the head makes slower",
            "head",
            proof.found,
            "By the spread of a benchmark's blocks: the standard deviation of log(head / base), "
            "robust, over all of its blocks in the run.",
        ),
        _judged(
            "Found in replays: known slowdowns put into recorded blocks",
            "injected",
            proof.replayed,
            "Consecutive blocks of runs in which nothing changed, head's times multiplied, judged "
            "as a run of one benchmark without a control. 0 % are false alarms. The windows "
            f"overlap: {proof.windows} have no block in common, so intervals are too narrow.",
        ),
        _judged(
            "Found at what had been called the smallest detectable slowdown",
            "median",
            proof.promised,
            "Each replay with exactly the slowdown that the gate, judging the blocks as recorded, "
            "said it would find in 95 of 100 runs.",
        ),
        TextTable(
            "Beside a busy process, in each state of the gate",
            _STATES,
            [_state(state) for state in proof.states],
            (
                "All runs that were ever made of this kind, those of an earlier gate too, as they "
                "were judged then; nothing changed in them. Medians of runs and of benchmarks: the "
                "spread of a benchmark's blocks, the smallest slowdown that it called detectable, "
                "the share of its time that it waited for a core. In all runs together: samples "
                "and blocks that were taken again because of it.",
            ),
        ),
        _choices(proof.choices),
    ]
    return [table for table in everything if table.rows]


def heading(proof: Proof) -> str:
    """Say where the numbers come from."""
    libraries = ", ".join(
        f"{name} {version}" if name != "python" else version
        for name, version in proof.libraries.items()
        if name in {"python", "numpy"}
    )
    text = (
        f"`{proof.command}`, {days(proof.first, proof.last)}, machine {proof.machine} "
        f"({proof.cpu}, {proof.cores} cores), {libraries}, perceptron {proof.version}, "
        f"{_commits(proof.commits)}. Every block is in "
        f"`{proof.results}`; `perceptron proof --report` makes these tables from there."
    )
    if proof.again:
        text += (
            f" {proof.again} runs were judged again: the rule has changed since, and would have "
            "screened the same blocks."
        )
    if proof.left_out:
        text += f" {proof.left_out} runs of another state of the gate are left out."
    if proof.outdated:
        text += " The gate's code has changed since; the same command measures it again."
    return text


def days(first: str, last: str) -> str:
    """Return the day of two times, or both."""
    return first[:10] if first[:10] == last[:10] else f"{first[:10]} to {last[:10]}"


def _commits(commits: Sequence[str]) -> str:
    if not commits:
        return "no commit"
    return f"commit{'s' if commits[1:] else ''} {', '.join(commits)}"


def _target(target: Target) -> tuple[str, ...]:
    met = {True: "yes", False: "no", None: "too few yet"}[target.met]
    return target.name, met, share_cell(target.reached), count(target.reached.trials)


def _live(kind: LiveKind) -> tuple[str, ...]:
    seen = [kind.verdicts.get(name, 0) for name in ("clean", "regression", "inconclusive")]
    return (
        kind.summary,
        f"{kind.runs}",
        *(f"{count}" for count in seen),
        f"{kind.improvements}",
        f"{kind.control_alarms}",
        NONE if kind.change is None else percent(kind.change, sign=True),
        duration(kind.seconds),
        duration(kind.cpu_seconds),
    )


def _state(state: GateState) -> tuple[str, ...]:
    known = state.waited is not None
    when = days(state.first, state.last)
    return (
        f"{when}, {', '.join(state.commits)}" if state.commits else when,
        f"{state.runs}",
        share_cell(state.false_alarms),
        f"{state.inconclusive}",
        duration(state.seconds),
        *(
            NONE if value is None else percent(value)
            for value in (state.spread, state.smallest_detectable, state.waited)
        ),
        count(state.disturbed) if known else NONE,
        count(state.retaken) if known else NONE,
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
                count(max((share.trials for share in row.shares.values()), default=0)),
                *(_cell(row.shares.get(name)) for name in rules),
            )
            for row in rows
        ],
        (note,),
    )


def _choices(choices: Sequence[Spreads]) -> TextTable:
    names = list(dict.fromkeys(name for row in choices for name in row.spreads))
    return TextTable(
        "What blocks spread by, if a process gave another number",
        ("benchmark", "blocks>", *(f"{name}>" for name in names)),
        [
            (
                row.benchmark.rpartition("time_")[2],
                count(row.blocks),
                *(_spread(row.spreads.get(name)) for name in names),
            )
            for row in choices
        ],
        (
            "Of quiet screens in which nothing changed; the gate's choice first. In the last "
            "column base is of another block of its run. Intervals by resampling runs.",
        ),
    )


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return NONE
    return percent_interval(spread.value, spread.low, spread.high, 2)


def _cell(share: Share | None) -> str:
    return NONE if share is None else share_cell(share)
