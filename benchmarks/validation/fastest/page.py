"""How good `perceptron.fastest` is: for a terminal, and as a section of the docs."""

from __future__ import annotations

from pathlib import Path

from benchmarks.validation.fastest.judge import ALWAYS, CLOSE, FastestTruth, Quality
from benchmarks.validation.grid import TextTable
from benchmarks.validation.share import share_cell
from docs.build.blocks import fill
from perceptron.figure import Line, LineFigure, log_axis
from perceptron.numbers import NONE, count, digits, enumerated, percent
from perceptron.report import text_file
from perceptron.report.charts.svg import draw
from perceptron.report.tables import markdown

BLOCK = "regret"
"""What stands between ``<!-- begin: regret -->`` and its end, in the page."""
AIM = (1.00, 1.15, 1.5)
"""Of the regret, at most: its median to two digits, its 95% point, and the worst."""
COLUMNS = (
    *("answers", "trainings>", "measured first>", "right [95% interval]>"),
    *("regret: median>", "95% point>", "worst>"),
    *("undecided, where two are close>", "decided, and wrong>"),
)
_WORST_COLUMNS = (*("training", "epochs>", "answers", "picked", "fastest", "regret>", "decided"),)
_MOST_WORST = 5


def grids(truth: FastestTruth) -> list[TextTable]:
    """Return a table of the answers, and one of the worst picks if there are any."""
    qualities = [quality for quality in truth.qualities if quality.right.trials]
    tables = [
        TextTable("Picks", COLUMNS, [_cells(quality) for quality in qualities], _notes(truth))
    ]
    if worst := _worst(truth):
        tables.append(TextTable("The worst picks", _WORST_COLUMNS, worst, ()))
    return tables


def summary(truth: FastestTruth) -> str:
    """Return whether the aim is reached, in a sentence for each way to answer."""
    sentences = [
        f"{quality.label}: {_reached(quality)}."
        for quality in truth.qualities
        if quality.is_asked and quality.median is not None
    ]
    median, high, worst = AIM
    aim = f"The aim is a median of {median:.2f}, {high:.2f} at 95% and {worst:.2f} at worst."
    return " ".join([aim, *sentences])


def save(file: Path, truth: FastestTruth) -> Path:
    """Write the section into the page, between its marks, and a figure beside it as SVG.

    A page that does not exist is begun. Raises `UserError` if it has no place for the section, or
    if a file cannot be written.
    """
    picture = text_file.write(file.with_name(f"{file.stem}-regret.svg"), chart(truth))
    page = file.read_text(encoding="utf-8") if file.exists() else ""
    if not page:
        page = f"<!-- begin: {BLOCK} -->\n<!-- end: {BLOCK} -->\n"
    return text_file.write(file, fill(page, {BLOCK: section(truth, picture.name)}, str(file)))


def section(truth: FastestTruth, picture: str) -> str:
    """Return the section of the page, as Markdown without its heading."""
    picks, *others = grids(truth)
    run, plan, facts = truth.run, truth.plan, truth.run.facts.environment
    processes = len({row.repeat for row in run.times})
    lines = [
        f"Measured on {run.run.started[:10]} on {facts.cpu}, {facts.cores} cores, {plan.threads} "
        f"{'thread' if plan.threads == 1 else 'threads'}, {plan.dtype}: "
        f"{count(len(truth.trainings))} random trainings in {processes} fresh processes each "
        f"on {', '.join(plan.backends)}. Rows in `{run.folder}`.",
        "",
        summary(truth),
        "",
        *markdown.table(picks.columns, picks.rows),
    ]
    for note in picks.notes:
        lines += ["", note]
    lines += ["", f"![The largest regrets of each way to answer, the worst first]({picture})"]
    for table in others:
        lines += ["", f"{table.title}:", "", *markdown.table(table.columns, table.rows)]
    lines += [f"\n{warning.message}" for warning in truth.warnings]
    return "\n".join(lines)


def _reached(quality: Quality) -> str:
    assert quality.median is not None
    assert quality.high is not None
    assert quality.worst is not None
    regrets = (quality.median, quality.high, quality.worst)
    shown = ", ".join(f"{regret:.2f}" for regret in regrets)
    missed = [
        name
        for name, regret, most in zip(("median", "95% point", "worst"), regrets, AIM, strict=True)
        if round(regret, 2) > most
    ]
    if quality.untrainable:
        missed.append(f"{quality.untrainable} picks that cannot train it")
    return f"{shown}, {f'missed by {enumerated(missed)}' if missed else 'reached'}"


def _cells(quality: Quality) -> tuple[str, ...]:
    close, wrong = quality.unsure_if_close, quality.wrong_if_sure
    return (
        quality.label,
        count(quality.right.trials),
        count(quality.measured_first) if quality.is_asked else NONE,
        share_cell(quality.right),
        _regret(quality.median),
        _regret(quality.high),
        _regret(quality.worst),
        f"{close.hits} of {close.trials}" if quality.is_asked else NONE,
        f"{wrong.hits} of {wrong.trials}" if quality.is_asked else NONE,
    )


def _notes(truth: FastestTruth) -> tuple[str, ...]:
    close = percent(CLOSE - 1, 0)
    notes = [
        "Regret is the time of the pick over that of the fastest, for the whole training, setup "
        "and compilation included: what a process compiles for all its trainings, as Numba does "
        "in seconds, counts in each. Imports are left out. Times are medians over the processes. "
        "`never` estimates each training from all others. `cached` and `now` have a cache of these "
        "others: `cached` measures first where that leaves much open, `now` always, within 5 s, "
        "the most promising backends first. *Knowing nothing* is an empty cache, as before the "
        "first question on a machine: 5 s must start and compile all backends, or the two default "
        "ones. Measurements for an answer are no part of the times that judge it.",
        f"Close: the two fastest are within {close}. Wrong: the pick takes over {close} longer "
        "than the fastest.",
    ]
    untrainable = {one.answers: one.untrainable for one in truth.qualities if one.untrainable}
    if untrainable:
        listed = ", ".join(f"{name} {number}" for name, number in untrainable.items())
        notes.append(f"Picks that cannot train it, which have no regret: {listed}.")
    if truth.without:
        notes.append(
            f"Left out, as fewer than two backends can train it: {', '.join(truth.without)}."
        )
    return tuple(notes)


def _worst(truth: FastestTruth) -> list[tuple[str, ...]]:
    """Return the worst picks of all ways to answer that are wrong, the worst first."""
    wrong = [
        (regret, quality.label, pick, own)
        for quality in truth.qualities
        if quality.is_asked
        for pick, own in quality.picks
        if (regret := own.regret(pick.backend)) is None or regret > CLOSE
    ]
    wrong.sort(key=lambda one: -(one[0] or float("inf")))
    return [
        (
            own.reference,
            count(own.epochs),
            label,
            pick.backend,
            own.best,
            _regret(regret),
            "yes" if pick.sure else "no",
        )
        for regret, label, pick, own in wrong[:_MOST_WORST]
    ]


def _regret(regret: float | None) -> str:
    return NONE if regret is None else f"{regret:.2f}" if regret < 100 else digits(regret)


_RANK = "trainings with a regret at least as large"
_REGRET = "regret: time of the pick over that of the fastest"


def chart(truth: FastestTruth) -> str:
    """Return the figure as SVG."""
    return draw(figure(truth))


def figure(truth: FastestTruth) -> LineFigure:
    """Return the figure: how many trainings have a regret as large or larger, for each way."""
    lines = tuple(line for quality in truth.qualities if (line := _line(quality)) is not None)
    ranks = [rank for line in lines for rank in line.x]
    regrets = [regret for line in lines for regret in line.y]
    return LineFigure(
        alt=f"{_REGRET}, over the number of {_RANK}; both axes logarithmic",
        caption="Lower is better; 1 is the fastest backend. Always one backend is dotted.",
        height=420,
        x=log_axis(ranks, "{:g}".format, 10, _RANK),
        y=log_axis(regrets, _times, 10, _REGRET),
        lines=lines,
    )


def _line(quality: Quality) -> Line | None:
    known = (own.regret(pick.backend) for pick, own in quality.picks)
    regrets = sorted((regret for regret in known if regret is not None), reverse=True)
    if not regrets:
        return None
    none = (None,) * len(regrets)
    return Line(
        backend=quality.answers.removeprefix(ALWAYS),
        label=quality.label,
        x=tuple(range(1, len(regrets) + 1)),
        y=tuple(regrets),
        low=none,
        high=none,
        texts=tuple(map(_times, regrets)),
        estimated=not quality.is_asked,
    )


def _times(regret: float) -> str:
    return f"× {regret:.3g}"
