"""The proof as a figure: for each rule, its false alarms, and what it finds."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from benchmarks.validation.gate.judging.replay import GATE
from benchmarks.validation.gate.record import QUIET, Judged, Proof
from benchmarks.validation.share import Share, share
from perceptron.report.charts.style import drawing, svg
from perceptron.report.numbers import percent

_WRONG, _RIGHT, _INK = "#D55E00", "#0072B2", "#222222"
_FOUND = "5 %"
_ALONE = f"{GATE}, by the clock alone"
# A false alarm and a find have lines of their own: both may be 0 or 100 %.
_APART = 0.17


def proof_chart(proof: Proof) -> str:
    """Draw shares with their 95 % bars; "" before there are runs.

    False alarms belong on the left, finds on the right. Where work was counted, the gate has a line
    with counts and one without.
    """
    alarms = next((judged for judged in proof.false_alarms if judged.name == "together"), None)
    if alarms is None:
        return ""
    finds = _together(
        [judged for judged in proof.replayed if judged.name == _FOUND and judged.spread in QUIET]
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
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        axes.grid(False, axis="y")
        figure.legend(
            handles=[_key(_WRONG, "o"), _key(_RIGHT, "s")],
            labels=[
                "runs in which nothing changed and something is called slower: 0 % is right",
                f"slowdowns of {_FOUND} found (by the clock alone: where blocks spread "
                f"{QUIET[-1]}): 100 % is right",
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
