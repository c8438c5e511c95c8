"""The gate's proof in a terminal, and as a page of the docs.

The page has the targets, the whole runs and a figure; all other tables are CSV files beside it.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.validation.gate.proof import Proof
from benchmarks.validation.gate.recorded import STEADY
from benchmarks.validation.gate.replay import GATE
from benchmarks.validation.gate.tables import alarms, commits, days, grids, shares
from benchmarks.validation.grid import csv_text, markdown
from benchmarks.validation.share import Share
from perceptron.numbers import percent
from perceptron.report import text_file
from perceptron.version import __version__

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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


def heading(proof: Proof) -> str:
    """Say where the numbers come from."""
    request, machine = proof.request, proof.environment.machine
    libraries = ", ".join(
        f"{name} {version}" if name != "python" else version
        for name, version in proof.environment.head.items()
        if name in {"python", "numpy"}
    )
    counters = dict.fromkeys(run.counter for run in proof.runs if run.counter)
    own = commits(proof.runs)
    measured_at = f"commit{'s' if own[1:] else ''} {', '.join(own)}" if own else "no commit"
    text = (
        f"`{request.command}`, {days(proof.runs)}, machine {request.machine} "
        f"({machine.get('cpu', 'unknown')}, {machine.get('cores', '?')} cores), {libraries}, "
        f"{''.join(f'{counter}, ' for counter in counters)}perceptron {__version__}, "
        f"{measured_at}, "
        f"gate `{proof.gate}`. Every block is in "
        f"`{request.results}/proof/{request.machine}`; `python -m benchmarks.validation proof "
        "--report` makes these tables from there."
    )
    if proof.left_out:
        text += f" {proof.left_out} runs of another state of the gate are left out."
    if proof.outdated:
        text += " The gate's code has changed since; the same command measures it again."
    return text


_WRONG, _RIGHT, _INK = "#D55E00", "#0072B2", "#222222"
_LEVEL = 0.05
_ALONE = f"{GATE}, by the clock alone"
# A false alarm and a find have lines of their own: both may be 0 or 100%.
_APART = 0.17


def proof_chart(proof: Proof) -> str:
    """Draw shares with their 95% bars; "" before there are runs.

    False alarms belong on the left, finds on the right. Where work was counted, the gate has a line
    with counts and one without.
    """
    alarmed = shares(alarms(proof.runs, "same", "neighbour"))
    if not alarmed:
        return ""
    # Tests of the page's text, and other commands, do without matplotlib.
    from matplotlib.lines import Line2D
    from matplotlib.ticker import PercentFormatter

    from perceptron.report.charts.style import drawing, svg

    found = [trial for trial in proof.replays.trials if trial.level == _LEVEL]
    alone = [one for one in found if one.evidence == "clock alone" and one.spread in STEADY]
    counted = [one for one in found if one.evidence == "more work" and one.louder == 1]
    finds = shares([trial.found for trial in alone])
    rows: list[tuple[str, Share | None, Share | None]] = [
        (rule, alarm, finds.get(rule)) for rule, alarm in alarmed.items()
    ]
    if counted:
        with_counts = shares([trial.found for trial in counted])[GATE]
        rows[:1] = [(GATE, alarmed[GATE], with_counts), (_ALONE, None, finds.get(GATE))]
    key = partial(Line2D, [], [], markersize=7, linestyle="none")
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
            handles=[key(color=_WRONG, marker="o"), key(color=_RIGHT, marker="s")],
            labels=[
                "runs in which nothing changed and something is called slower: 0% is right",
                f"slowdowns of {percent(_LEVEL, 0)} found (by the clock alone: where blocks spread "
                f"{STEADY[-1]}): 100% is right",
            ],
            loc="outside lower center",
            frameon=False,
            fontsize=9,
        )
        return svg(figure)


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
