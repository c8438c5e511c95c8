"""The sweeps that have no figures: a line for each pair, with its answer and numbers."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.stored.sweep import Sweep
from perceptron.report.crossover_words import answer, setting, status
from perceptron.report.dashboard.long_table import Value, heading, long_table
from perceptron.report.dashboard.names import foreign_state, machine_name, state_name
from perceptron.report.dashboard.view import Rest

_HEADINGS = (
    heading("family", "family", False),
    heading("commit", "commit", False),
    heading("ground", "ground", False),
    heading("pair", "incumbent → challenger", False),
    heading("status", "status", False),
    heading("size", "crossover at size", True),
    heading("answer", "answer", False),
)


def rest_of_sweeps(drawn: int, listed: Sequence[Sweep]) -> Rest | None:
    """Return what the page says and lists of the sweeps that are not among those drawn."""
    if not listed:
        return None
    machines: dict[str, list[list[Value]]] = {}
    for sweep in listed:
        name = machine_name(sweep.machine, sweep.source)
        machines.setdefault(name, []).extend(_rows(sweep))
    sentence = (
        f"Of {drawn + len(listed):,} sweeps the {drawn} most telling are drawn: the newest of each "
        "case, and of these first those with a crossover, then those that come nearest to one. "
        f"The other {len(listed):,} are listed below; the times of all are in the raw data."
    )
    summary = f"{len(listed):,} sweeps without figures"
    title = "Who is faster [95 % interval of the crossover]"
    return Rest(sentence, summary, long_table("sweeps/listed", title, _HEADINGS, machines))


def _rows(sweep: Sweep) -> list[list[Value]]:
    return [
        [
            sweep.family,
            state_name(sweep.commit, sweep.when, *foreign_state(sweep)),
            setting(crossover),
            f"{crossover.incumbent} → {crossover.challenger}",
            status(crossover),
            None if crossover.size is None else float(f"{crossover.size:.6g}"),
            answer(crossover),
        ]
        for crossover in sweep.crossovers
    ]
