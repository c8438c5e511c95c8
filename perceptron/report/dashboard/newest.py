"""The newest answers in a line each, whatever command they came from, and where they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.stored.collection import Answer
from perceptron.analysis.stored.sweep import Sweep
from perceptron.answer import Answered
from perceptron.records.measurement import Measurement
from perceptron.report.crossover_words import answer, is_measured
from perceptron.report.dashboard.answers import address
from perceptron.report.dashboard.page import machine_name
from perceptron.report.dashboard.sweeps import SWITCHES, in_state, sweep_setting
from perceptron.report.dashboard.view import link
from perceptron.report.tables.finding import finding_sentence

# Crossovers of a search that are told in its line.
_CROSSOVERS = 2


def newest_answers(results: Iterable[Answer], drawn: Sequence[Sweep]) -> list[dict[str, Any]]:
    """Return what the template shows of each; ``drawn`` are the sweeps that have figures."""
    return [_told(result, drawn) for result in results]


def _told(result: Answer, drawn: Sequence[Sweep]) -> dict[str, Any]:
    first = result.run.rows[0] if isinstance(result, Answered) else result.rows[0]
    question, words, place = _question(result, drawn)
    return {
        "question": question,
        "words": words,
        "link": place,
        "machine": machine_name(first.machine, "perceptron"),
        "when": first.when,
    }


def _question(result: Answer, drawn: Sequence[Sweep]) -> tuple[str, str, str]:
    """Return what was asked, the answer, and the address that shows it."""
    match result:
        case Answered(answer=told):
            return told.question, told.verdicts[0].sentence, address(result)
        case CrossoverResult():
            families = ", ".join(dict.fromkeys(one.family for one in result.crossovers))
            words = _crossovers(result.crossovers)
            return f"crossover of {families}", words, _sweep(result.rows, drawn)
        case BenchResult():
            found = result.finding
            words = finding_sentence(found) if found else _crossovers(result.crossovers)
            return "bench", words, _sweep(result.rows, drawn)


def _crossovers(crossovers: Sequence[Crossover]) -> str:
    """Say what was found first, and how much more there is."""
    several = len({one.family for one in crossovers}) > 1
    told = [
        f"{one.family}: {answer(one)}" if several else answer(one)
        for one in crossovers
        if is_measured(one)
    ]
    more = len(told) - _CROSSOVERS
    rest = (f"and {more} more",) if more > 0 else ()
    return "; ".join((*told[:_CROSSOVERS], *rest)) or "not measured"


def _sweep(rows: Iterable[Measurement], drawn: Sequence[Sweep]) -> str:
    """Return the address of the first sweep of these rows, where there is none the raw data."""
    states = {in_state(row) for row in rows}
    own = next((sweep for sweep in drawn if in_state(sweep) in states), None)
    return "raw.html" if own is None else link("sweeps", SWITCHES, sweep_setting(own))
