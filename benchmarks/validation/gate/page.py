"""The gate's proof as tables for a terminal, and as a page of the docs.

The page has the targets, the whole runs and a figure; all other tables are CSV files beside it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from benchmarks.validation import grid
from benchmarks.validation.gate.record import (
    STEADY,
    CountedBenchmark,
    CountedKind,
    GateState,
    Judged,
    LiveKind,
    Proof,
    Spread,
    Spreads,
    Target,
)
from benchmarks.validation.gate.recorded import SEEN
from benchmarks.validation.gate.replay import GATE
from benchmarks.validation.grid import TextTable, csv_text, markdown
from benchmarks.validation.share import Share, share, share_cell
from perceptron.numbers import NONE, count, duration, percent, percent_interval
from perceptron.report import text_file
from perceptron.report.charts.style import drawing, svg
from perceptron.report.tables.terminal import out

# The first tables are read on the page.
_ON_PAGE = 2
_OTHER_RULES = (
    "asv: Mann–Whitney p < 0.002 on all samples, and medians that differ by more than the "
    "factor, 1.1 by default. pytest-benchmark: `--benchmark-compare-fail=mean:5%`. pyperf: a "
    "pooled t-test of all samples, significant at 95%. Each rule gets every sample that the gate "
    "took: more than these tools take by default."
)


def measured_gate(page: str) -> str | None:
    """Return the digest of the gate that this page is about; None if it does not say."""
    named = re.search(r"\bgate `([0-9a-f]+)`", page)
    return None if named is None else named[1]


def save(file: Path, proof: Proof) -> Path:
    """Write Markdown with date, machine, commit and command; its picture and tables beside it.

    The tables are in a folder named as the page. Raises `UserError` if a file cannot be written.
    """
    lines = ["# How often the gate is wrong, and what it finds", "", heading(proof), ""]
    picture = proof_chart(proof)
    if picture:
        beside = text_file.write(file.with_suffix(".svg"), picture)
        lines += [f"![False alarms and slowdowns found, by rule]({beside.name})", ""]
    tables = grids(proof)
    for one in tables[:_ON_PAGE]:
        lines += [*markdown(one), ""]
    lines += ["## Tables beside this page", ""]
    folder, content = file.with_suffix(""), {}
    for one in tables[_ON_PAGE:]:
        title, _, about = one.title.partition(": ")
        name = f"{title.lower().replace(' ', '-')}.csv"
        content[name] = csv_text(one)
        note = " ".join((f"{about}.", *one.notes))
        lines.append(f"* [{title}]({folder.name}/{name}): {note}")
    lines += ["", "## The other rules", "", _OTHER_RULES]
    text_file.write(file, "\n".join(lines) + "\n")
    folder.mkdir(exist_ok=True)
    for name, text in content.items():
        text_file.write(folder / name, text)
    return file


def show(proof: Proof) -> None:
    """Print how often the gate was wrong, what it proof, and where the numbers come from."""
    grid.show(grids(proof))
    out.print(heading(proof), markup=False, soft_wrap=True)


def grids(proof: Proof) -> list[TextTable]:
    """Return the targets first; then what they rest on, as far as there is something."""
    everything = [
        _targets(proof.targets),
        _live(proof.live),
        _counted_kinds(proof.counted),
        _counted_benchmarks(proof.counts),
        _judged(
            "Found by work: replays of recorded counts and blocks with more work put in",
            "injected",
            proof.more_work,
            "Each count has a difference that was recorded where nothing changed. Clock noise: the "
            "factor of the logarithm of head / base in each block; ×16 makes a spread of 2% one of "
            "32%. Seen: the counts show the rise. The gate is not meant to call less than 1.5% "
            "more work slower.",
            "clock noise",
        ),
        _judged(
            "False alarms: runs in which nothing changed and something is called slower",
            "runs",
            proof.false_alarms,
            "All rules judge the same blocks.",
        ),
        _judged(
            "P-values: how often they are small in screens in which nothing changed",
            "benchmark",
            proof.calibration,
            "Two-sided, without a busy process beside. Of independent blocks, p is ≤ 10% in 10%.",
        ),
        _judged(
            "Found in whole runs: benchmarks that the head makes slower",
            "head",
            proof.found,
            "The gate had counts too, the other rules the same blocks. Spread: the robust standard "
            "deviation of log(head / base) over all blocks of a benchmark in the run.",
        ),
        _judged(
            "Found by the clock alone: replays of recorded blocks with slowdowns put in",
            "injected",
            proof.replayed,
            "Consecutive blocks of runs in which nothing changed, with head's times multiplied, "
            "are judged as a run of one benchmark without counts and control. 0% are false alarms. "
            f"The windows overlap: {proof.windows} have no block in common, so intervals are too "
            "narrow.",
        ),
        _judged(
            "Found where work is the same: the same replays with counts that do not change",
            "injected",
            proof.same_work,
            "A quick run of the clock must make a benchmark suspicious first.",
        ),
        _judged(
            "Smallest detectable slowdown: replays with exactly that slowdown put in",
            "median",
            proof.promised,
            "The gate, judging the blocks as recorded, said that it would find this slowdown in 95 "
            "of 100 runs; without counts, and with counts of the same work.",
        ),
        _states(proof.states),
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
    counters = "".join(f"{counter}, " for counter in proof.counters)
    text = (
        f"`{proof.command}`, {days(proof.first, proof.last)}, machine {proof.machine} "
        f"({proof.cpu}, {proof.cores} cores), {libraries}, {counters}perceptron "
        f"{proof.version}, {_commits(proof.commits)}, gate `{proof.work}`. Every block is in "
        f"`{proof.results}`; `python -m benchmarks.validation proof --report` makes these tables "
        "from there."
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


def _targets(targets: Sequence[Target]) -> TextTable:
    met = {True: "yes", False: "no", None: "too few yet"}
    return TextTable(
        "Targets",
        ("target", "met", "reached [95% interval]>", "of>"),
        [
            (row.name, met[row.met], share_cell(row.reached), count(row.reached.trials))
            for row in targets
        ],
        (),
    )


def _live(kinds: Sequence[LiveKind]) -> TextTable:
    verdicts = ("clean", "regression", "inconclusive")
    return TextTable(
        "Whole runs",
        (
            *("head differs by", "runs>", *(f"{name}>" for name in verdicts), "faster>"),
            *("control>", "clock>", "work>", "waited>", "a run>", "of CPU>"),
        ),
        [
            (
                kind.summary,
                f"{kind.runs}",
                *(f"{kind.verdicts.get(name, 0)}" for name in verdicts),
                f"{kind.improvements}",
                f"{kind.control_alarms}",
                *(_percent(change, sign=True) for change in (kind.change, kind.work)),
                _percent(kind.waited),
                duration(kind.seconds),
                duration(kind.cpu_seconds),
            )
            for kind in kinds
        ],
        (
            "Each run is a `perceptron compare` of two of ten benchmarks: a NumPy training loop, "
            "exponentials, a loop of bytecode, a matrix product on all threads, dictionaries, "
            "sorting of random values, imports, allocations, values gathered from a table, a wait "
            "for another thread. Faster: benchmarks called faster. Control: runs in which base "
            "differed from a second copy of itself. Clock and work: the median change, by time and "
            "by counted instructions, of the benchmarks that the head changes. Waited: the mean "
            "share of their time that benchmarks waited for a core.",
        ),
    )


def _states(states: Sequence[GateState]) -> TextTable:
    return TextTable(
        "Beside a busy process: what the gate did in each of its states, where nothing changed",
        (
            *("measured", "runs>", "false alarms>", "inconclusive>", "a run>", "spread>"),
            *("detectable>", "waited>", "samples again>", "blocks again>"),
        ),
        [
            (
                ", ".join([days(state.first, state.last), *state.commits]),
                f"{state.runs}",
                share_cell(state.false_alarms),
                f"{state.inconclusive}",
                duration(state.seconds),
                *map(_percent, (state.spread, state.smallest_detectable, state.waited)),
                *(
                    NONE if state.waited is None else count(again)
                    for again in (state.contended, state.retaken)
                ),
            )
            for state in states
        ],
        (
            "Runs of earlier gates are as they were judged then. Medians: the duration of a run, "
            "the spread of a benchmark's blocks, the smallest detectable slowdown, the share of "
            "its time that a benchmark waited for a core. Sums: samples and blocks that were taken "
            "again because of it.",
        ),
    )


def _judged(
    title: str, first: str, rows: Sequence[Judged], note: str, second: str = "spread"
) -> TextTable:
    rules = list(dict.fromkeys(name for row in rows for name in row.shares))
    spreads = any(row.spread for row in rows)
    return TextTable(
        title,
        (first, *([second] if spreads else []), "number>", *(f"{name}>" for name in rules)),
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
        "Spread of blocks: by the number that stands for a process",
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
            "The gate's choice is first. In the last column base is of another block of its run. "
            "Screens in which nothing changed, without a busy process beside; intervals by "
            "resampling runs.",
        ),
    )


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return NONE
    return percent_interval(spread.value, spread.low, spread.high, 2)


def _cell(share: Share | None) -> str:
    return NONE if share is None else share_cell(share)


def _counted_kinds(rows: Sequence[CountedKind]) -> TextTable:
    return TextTable(
        "Counted in whole runs: benchmarks that the head changes",
        (
            *("head differs by", "benchmarks>", "counted>", "work>", "noise at most>"),
            *("more work seen>", "called slower>", "on its work>"),
        ),
        [
            (
                row.name,
                count(row.rows),
                share_cell(row.counted),
                _percent(row.change, 2, sign=True),
                _percent(row.noise, 4),
                share_cell(row.seen),
                share_cell(row.called_slower),
                share_cell(row.on_work),
            )
            for row in rows
        ],
        (
            "Where nothing changed, all benchmarks. Work: the median change of the instructions of "
            "a call. Noise: the largest difference between two counts of one revision. Seen: a "
            f"rise of {percent(SEEN)} or more, beyond the noise. On its work: called slower by its "
            "counts, with the clock or without it.",
        ),
    )


def _counted_benchmarks(rows: Sequence[CountedBenchmark]) -> TextTable:
    return TextTable(
        "Counted where nothing changed: how far base and head are apart",
        (
            *("benchmark", "number>", "counted>", "median difference>", "largest>"),
            "if not counted, why",
        ),
        [
            (
                row.benchmark,
                count(row.counted.trials),
                share_cell(row.counted),
                _percent(row.median, 4),
                _percent(row.largest, 4),
                row.why_not or NONE,
            )
            for row in rows
        ],
        ("Runs beside a busy process are among them: contention does not change counts.",),
    )


def _percent(value: float | None, decimals: int = 1, sign: bool = False) -> str:
    return NONE if value is None else percent(value, decimals, sign=sign)


_WRONG, _RIGHT, _INK = "#D55E00", "#0072B2", "#222222"
_FOUND = "5%"
_ALONE = f"{GATE}, by the clock alone"
# A false alarm and a find have lines of their own: both may be 0 or 100%.
_APART = 0.17


def proof_chart(proof: Proof) -> str:
    """Draw shares with their 95% bars; "" before there are runs.

    False alarms belong on the left, finds on the right. Where work was counted, the gate has a line
    with counts and one without.
    """
    alarms = next((judged for judged in proof.false_alarms if judged.name == "together"), None)
    if alarms is None:
        return ""
    finds = _together(
        [judged for judged in proof.replayed if judged.name == _FOUND and judged.spread in STEADY]
    )
    rows: list[tuple[str, Share | None, Share | None]] = [
        (rule, alarm, finds.get(rule)) for rule, alarm in alarms.shares.items()
    ]
    counted = _together(
        [judged for judged in proof.more_work if (judged.name, judged.spread) == (_FOUND, "×1")]
    ).get(GATE)
    if counted is not None:
        rows[:1] = [(GATE, alarms.shares[GATE], counted), (_ALONE, None, finds.get(GATE))]
    with drawing(7.2, 0.55 * len(rows) + 1.5) as (figure, axes):
        for index, (_, alarm, find) in enumerate(rows):
            if alarm is not None:
                _dot(axes, index - _APART, alarm, _WRONG, "o")
            if find is not None:
                _dot(axes, index + _APART, find, _RIGHT, "s")
        axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(-0.04, 1.04)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol="%"))
        axes.grid(False, axis="y")
        figure.legend(
            handles=[_key(_WRONG, "o"), _key(_RIGHT, "s")],
            labels=[
                "runs in which nothing changed and something is called slower: 0% is right",
                f"slowdowns of {_FOUND} found (by the clock alone: where blocks spread "
                f"{STEADY[-1]}): 100% is right",
            ],
            loc="outside lower center",
            frameon=False,
            fontsize=9,
        )
        return svg(figure)


def _key(colour: str, marker: str) -> Line2D:
    return Line2D([], [], color=colour, marker=marker, markersize=7, linestyle="none")


def _together(some: Sequence[Judged]) -> dict[str, Share]:
    names = dict.fromkeys(name for judged in some for name in judged.shares)
    return {
        name: share(
            sum(judged.shares[name].hits for judged in some if name in judged.shares),
            sum(judged.shares[name].trials for judged in some if name in judged.shares),
        )
        for name in names
    }


def _dot(axes: Axes, y: float, share: Share, colour: str, marker: str) -> None:
    if share.value is None or share.low is None or share.high is None:
        return
    bars = [[share.value - share.low], [share.high - share.value]]
    axes.errorbar(share.value, y, xerr=bars, fmt=marker, markersize=7, capsize=3, color=colour)
    axes.annotate(
        percent(share.value),
        (share.high if share.value < 0.5 else share.low, y),
        xytext=(7 if share.value < 0.5 else -7, 0),
        textcoords="offset points",
        ha="left" if share.value < 0.5 else "right",
        va="center",
        color=_INK,
        fontsize=9,
    )
