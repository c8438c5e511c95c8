"""The first page: the finding, a card for each family, and a line for each other answer.

It uses answers alone: the first view of its main answer is the finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from perceptron.answer import Answered, Figure, Setting, Shown, Verdict, is_of
from perceptron.questions.collection import CROSSOVER, Collection
from perceptron.questions.shared.published import SOURCE
from perceptron.questions.shared.training import NOT_STATED
from perceptron.records.comparison_key import machine_label
from perceptron.records.grouping import grouped
from perceptron.report.charts.svg import Looks
from perceptron.report.dashboard.answers import drawn, link, undecided_lines

# Verdicts in the line of an answer, and on the card of a family.
_IN_LINE, _ON_CARD = 2, 2
# Answers of other machines with a line; the page of machines has all.
_OTHERS = 12


def address(answered: Answered, collection: Collection) -> str:
    """Return the page and fragment that show an answer: the first page, or its first view."""
    if collection.pages[answered.study].is_overview:
        return "index.html"
    return link(answered.study, collection.scope(answered))


def overview(
    collection: Collection, crossovers: Sequence[Shown], looks: Looks, asv: str | None
) -> dict[str, Any]:
    """Return the facts for the template; ``asv`` is the reason why asv's pages are missing.

    ``crossovers`` are the views of their own page, in its order.
    """
    every = [answer for answers in collection.studies.values() for answer in answers]
    main = [answer for answer in every if collection.pages[answer.study].is_overview]
    first = next(iter(main), None)
    rest = sorted((answer for answer in every if answer is not first), key=_started, reverse=True)
    undecided = [
        answer
        for study, passed_over in collection.undecided.items()
        for answer in passed_over
        if collection.pages[study].is_overview
    ]
    here = [answer for answer in rest if answer.run.run.machine == collection.here]
    others = [answer for answer in rest if answer.run.run.machine != collection.here]
    return {
        "block": first and _block(first, crossovers, looks),
        "is_here": first is not None and first.run.run.machine == collection.here,
        "undecided": undecided_lines(undecided),
        "answers": [_line(answer, collection) for answer in here],
        "others": [_line(answer, collection) for answer in others[:_OTHERS]],
        "more": max(0, len(others) - _OTHERS),
        "asv": asv,
        "source": SOURCE,
        "complaints": len(collection.errors),
        "rows": len(collection.rows),
        "machines": len(collection.machines),
    }


def _started(answered: Answered) -> str:
    return answered.run.run.started


def _line(answered: Answered, collection: Collection) -> dict[str, Any]:
    """Return an answer in a line: its first verdicts, and its link."""
    verdicts = list({str(verdict): verdict for verdict in answered.answer.verdicts}.values())
    several = len({verdict.subject for verdict in verdicts}) > 1
    sentences = [str(verdict) if several else verdict.sentence for verdict in verdicts]
    more = len(sentences) - _IN_LINE
    is_first_page = collection.pages[answered.study].is_overview
    return {
        "question": answered.answer.question,
        "words": "; ".join((*sentences[:_IN_LINE], *((f"and {more} more",) if more > 0 else ())))
        or "not measured",
        "link": "machines.html" if is_first_page else address(answered, collection),
        "machine": machine_label(answered.run.run.machine),
        "when": answered.run.run.started,
    }


def _block(main: Answered, crossovers: Sequence[Shown], looks: Looks) -> dict[str, Any]:
    """Return the finding with its figure, and a card for each family."""
    answer, facts = main.answer, main.run.facts.environment
    finding = next((figure for figure in answer.figures if _is_finding(figure)), None)
    part = () if finding is None else finding.part
    of_finding = [
        verdict
        for verdict in answer.verdicts
        if part and verdict.part and is_of(verdict.part, part)
    ]
    cards = list(_cards(crossovers, machine_label(main.run.run.machine)))
    families = {card["family"] for card in cards}
    others = [
        verdict
        for verdict in answer.verdicts
        if verdict not in of_finding and verdict.subject not in families
    ]
    cards += [
        _card(family, verdicts, (("Family", family),))
        for family, verdicts in grouped(others, lambda verdict: verdict.subject).items()
    ]
    tables = [table for table in answer.tables if part and table.part and is_of(table.part, part)]
    drawing = None if finding is None else finding.drawing
    return {
        "machine": machine_label(main.run.run.machine),
        "facts": f"{facts.cpu}, {facts.cores} cores, "
        f"{', '.join(gpu.name for gpu in facts.gpus) or 'no GPU'}",
        "when": main.run.run.started[:10],
        "finding": [
            *(line for verdict in of_finding for line in (verdict.sentence, *verdict.notes)),
            *(note.text for note in answer.notes if part and note.part and is_of(note.part, part)),
        ],
        "figure": drawing and drawn(drawing, looks),
        "tables": tables,
        "cards": cards,
        "notes": [note.text for note in answer.notes if not note.part],
        "of_all": [table for table in answer.tables if not table.part],
        "warnings": main.warnings,
    }


def _is_finding(figure: Figure) -> bool:
    """Return whether a figure shows the finding, and not a family."""
    return dict(figure.part).get("Shown") == "whole training"


def _cards(crossovers: Iterable[Shown], machine: str) -> Iterator[dict[str, Any]]:
    """Yield a card of each family: its first view of the machine."""
    families = set[str]()
    for view in crossovers:
        setting = dict(view.scope)
        family = setting["Family"]
        # Functions have no training; a starred name is an axis that was searched for advice.
        is_family = setting["Training"] != NOT_STATED and "*" not in family
        if setting["Machine"] != machine or family in families or not is_family:
            continue
        families.add(family)
        parts = [figure.part for figure in view.answer.figures[:1]]
        verdicts = [
            verdict
            for verdict in view.answer.verdicts
            for part in parts
            if is_of(verdict.part, part)
        ]
        if verdicts:
            yield _card(family, verdicts, view.scope)


def _card(family: str, verdicts: Iterable[Verdict], setting: Setting) -> dict[str, Any]:
    lines = list(
        {verdict.sentence: (verdict.decided, verdict.sentence) for verdict in verdicts}.values()
    )
    return {
        "family": family,
        "link": link(CROSSOVER, setting),
        "lines": lines[:_ON_CARD],
        "more": max(0, len(lines) - _ON_CARD),
    }
