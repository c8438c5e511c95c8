"""How often the suite was right in simulated cases, as tables for a terminal and for the docs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.validation.grid import TextTable, csv_text, markdown
from benchmarks.validation.locator.hostile import HostileRow
from benchmarks.validation.locator.maps import MapScore, MapTruth
from benchmarks.validation.locator.truth import DENSE, Truth, WorldTrial
from benchmarks.validation.share import share, share_cell, share_percent
from perceptron.machine import cpu_name
from perceptron.numbers import NONE, count, digits, duration
from perceptron.records.grouping import grouped
from perceptron.report import text_file
from perceptron.version import __version__

_PURPOSE = (
    "This page shows how often `crossover` and `map` are right in simulated cases, in which the "
    "right answer is known. It also shows what can mislead a search, such as a machine that is "
    "slower for a while, and how often that happens."
)
# Columns of the page's table of what could mislead a search; the file beside the page has all.
_SHOWN = ("cases", "runs>", "decided>", "decided and wrong>", "a range wrong>", "interval right>")


def grids(truth: Truth) -> list[TextTable]:
    """Return a table for the locator, one for what could mislead it, and one for the map."""
    hostile = [_hostile(truth)] if truth.hostile else []
    return [_locator(truth), *hostile, _map(truth.map)]


def save(file: Path, truth: Truth) -> Path:
    """Write the tables as Markdown with date, machine and command.

    The table of what can mislead a search has only the rows of searches; a CSV file in a folder
    with the page's name has all rows. Raises `UserError` if a file cannot be written.
    """
    lines = [
        "# Validation: how often the answers are right",
        "",
        _PURPOSE,
        "",
        "`python -m benchmarks.validation truth "
        f"--cases {truth.worlds} --seed {truth.seed} --each {truth.each}`, "
        f"version {__version__}, {truth.when[:10]}, {cpu_name()}, {duration(truth.seconds)}. "
        "Another seed tries other cases.",
    ]
    beside = file.with_suffix("") / "what-could-mislead.csv"
    for table in grids(truth):
        is_hostile = "sizes" in table.columns
        lines += ["", *markdown(searched(table, beside) if is_hostile else table)]
        if is_hostile:
            beside.parent.mkdir(exist_ok=True)
            text_file.write(beside, csv_text(table))
    return text_file.write(file, "\n".join(lines) + "\n")


def searched(table: TextTable, beside: Path) -> TextTable:
    """Return a table of the rows of searches, with the columns in `_SHOWN`."""
    indices = [table.columns.index(column) for column in _SHOWN]
    sizes = table.columns.index("sizes")
    number = table.rows[0][table.columns.index("number>")]
    note = (
        f"These are searches, {number} for each row. [The whole table]({beside.parent.name}/"
        f"{beside.name}) also has fixed grids of sizes, and how much was measured."
    )
    rows = [tuple(row[at] for at in indices) for row in table.rows if row[sizes] == "searched"]
    return TextTable(table.title, _SHOWN, rows, (note, *table.notes))


def _locator(truth: Truth) -> TextTable:
    clear = [trial for trial in truth.trials if trial.clear]
    others = [trial for trial in truth.trials if not trial.clear]
    measurements = median(trial.measurements for trial in truth.trials)
    return TextTable(
        "The locator: at what size does the winner change?",
        (
            "cases",
            "number>",
            "status right>",
            "decided and wrong>",
            "decided>",
            "interval right>",
            "of>",
            "its width>",
            "cost>",
        ),
        [
            _locator_row("all", truth.trials),
            _locator_row("clear", clear),
            _locator_row("others", others),
        ],
        (
            "Clear cases: the largest log-ratio of each stretch with one winner is three standard "
            "errors of a size or more (8 processes, correlated as recorded). Neighbouring "
            "crossovers lie a factor of four apart. There the status must be right; in the others "
            "a wrong one must not be decided. A stretch within ±5% may be reported or left out.",
            "Backends cost an overhead and work over a rate, with up to two cache steps each; "
            "there are one, two or no crossovers, and ties. Processes vary as 240 recorded ones "
            "did, in the order recorded; samples have heavy tails of 1, 5 or 15%; the machine "
            "drifts by up to 10%.",
            "Interval right: of the 95% intervals of single crossovers, those that hold it. "
            "Width: their median, high over low. Cost: sizes times processes, median "
            f"{measurements:.0f}, over those of a sweep with {DENSE} sizes a decade and as "
            "many processes as stand behind the answer.",
        ),
    )


def _locator_row(name: str, trials: Sequence[WorldTrial]) -> tuple[str, ...]:
    """Return the row of cases of a kind: how often status and interval are right."""
    covered = [trial.covered for trial in trials if trial.covered is not None]
    widths = [trial.width for trial in trials if trial.width is not None]
    cost = _cost(trials)
    return (
        name,
        count(len(trials)),
        share_cell(share(sum(trial.right for trial in trials), len(trials))),
        _bounded(
            sum(trial.sure and not trial.right for trial in trials),
            sum(trial.sure for trial in trials),
        ),
        _counted(sum(trial.sure for trial in trials), len(trials)),
        share_cell(share(sum(covered), len(covered))),
        count(len(covered)),
        f"× {digits(median(widths))}" if widths else NONE,
        f"1/{digits(1 / cost)}" if cost else NONE,
    )


def _bounded(wrong: int, decided: int) -> str:
    """Return the number of wrong decisions, and the upper end of the interval of their share."""
    most = share(wrong, decided).high
    return f"{wrong}" if most is None else f"{wrong} (at most {share_percent(most)})"


def _counted(hits: int, trials: int) -> str:
    return f"{count(hits)} ({share_percent(hits / trials)})" if trials else NONE


def _hostile(truth: Truth) -> TextTable:
    return TextTable(
        "What can mislead a search",
        (
            "cases",
            "sizes",
            "runs>",
            "number>",
            "decided>",
            "decided and wrong>",
            "a range wrong>",
            "interval right>",
            "of>",
            "measurements>",
        ),
        [_hostile_row(row) for row in truth.hostile],
        (
            "Noise: the cases of the first table. In all others the winner changes at one size, "
            "except with steps and pockets: there another backend leads between two sizes, "
            "by 10 to 50%, over a factor of 1.5 to 4 (steps) or as named (pockets).",
            "A range is wrong where its winner takes over 5% longer at some size in it, or its "
            "tie is over 10%; powers of two between measured sizes are left out. Each case counts "
            "once. Interval right: of the 95% intervals of single crossovers, those that hold it. "
            "In the cases of states, modes and similar processes the crossover is that of the mean "
            "over all states.",
            "Modes and states multiply the times of one backend, or of both unequally, by up to "
            "1.6: of each process, or of a whole run. **No single run can show the state that it "
            "is in.** Three runs are all in the same one of two states in a quarter of the cases. "
            "A normal state varies continuously between runs.",
            "Similar processes: correlated by 0.9, with 3 to 15% deviation. Powers of two are "
            "slower by 10 to 35% on one backend. The first job of a process is slower by up to "
            "80%, the next by a fifth of that.",
        ),
    )


def _hostile_row(row: HostileRow) -> tuple[str, ...]:
    """Return the row of a world: how often it misled the locator."""
    trials = row.trials
    covered = [trial.covered for trial in trials if trial.covered is not None]
    decided = sum(trial.decided for trial in trials)
    return (
        row.world,
        "searched" if row.searched else "grid",
        str(row.sessions),
        count(len(trials)),
        _counted(decided, len(trials)),
        str(sum(trial.wrong for trial in trials)),
        _bounded(sum(trial.range_wrong for trial in trials), len(trials)),
        share_cell(share(sum(covered), len(covered))),
        count(len(covered)),
        count(round(median(trial.measurements for trial in trials))),
    )


def _cost(trials: Sequence[WorldTrial]) -> float:
    """Return the median of measurements over those of a dense sweep of equal certainty."""
    return median(trial.measurements / trial.dense for trial in trials) if trials else 0.0


def _map(map_truth: MapTruth) -> TextTable:
    scores = map_truth.scores
    measured = [score.measured for score in scores]
    right = [score.right / max(1, score.clear) for score in scores]
    clear = max(1, sum(score.clear for score in scores))
    by_noise = grouped(scores, lambda score: score.noise)
    noise = ", ".join(
        f"{100 * noise:g}% {share_percent(_share_right(by_noise[noise]))}"
        for noise in sorted(by_noise)
    )
    return TextTable(
        "The map: which backend is the fastest where?",
        (
            "cases>",
            "cells>",
            "measured, median>",
            "measured, 95 of 100>",
            "measured, most>",
            "right>",
            "maps with ≥ 99% right>",
            "right in the worst>",
        ),
        [
            (
                count(len(scores)),
                count(map_truth.cells),
                share_percent(median(measured)),
                share_percent(float(np.quantile(measured, 0.95))),
                share_percent(max(measured)),
                share_percent(_share_right(scores)),
                share_percent(sum(map_share >= 0.99 for map_share in right) / len(right)),
                share_percent(min(right)),
            )
        ],
        (
            "Right: of the cells whose two fastest backends differ by more than ±5%, those where "
            "the map names the fastest; "
            f"{share_percent(sum(score.decided for score in scores) / clear)} are also not called "
            f"a tie. By the standard deviation of a process's log time: {noise}.",
        ),
    )


def _share_right(scores: Sequence[MapScore]) -> float:
    return sum(score.right for score in scores) / max(1, sum(score.clear for score in scores))
