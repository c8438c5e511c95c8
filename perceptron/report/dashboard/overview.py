"""The first page: the finding, a card for each family, and a line for each other answer.

It knows answers alone: the first view of the answer that it opens on is the finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from perceptron.answer import Answered, Figure, Setting, Shown, Verdict, is_of
from perceptron.questions.collection import CROSSOVER, Collection
from perceptron.questions.shared.published import SOURCE
from perceptron.records.ground import machine_label
from perceptron.records.grouping import grouped
from perceptron.report.charts.svg import Looks
from perceptron.report.dashboard.answers import drawn, link, undecided_lines

# Verdicts of an answer that are told in its line, and of a family on its card.
_TOLD, _ON_CARD = 2, 2
# Answers of other machines that have a line; the page of machines has all.
_OTHERS = 12


def address(told: Answered, collection: Collection) -> str:
    """Return the page and fragment that show an answer: the first page, or its first view."""
    if collection.pages[told.study].is_overview:
        return "index.html"
    return link(told.study, collection.place(told))


def overview(
    collection: Collection, crossovers: Sequence[Shown], looks: Looks, asv: str | None
) -> dict[str, Any]:
    """Return what the template of the page shows; ``asv`` says why asv's pages are not there.

    ``crossovers`` are what their own page shows, in its order.
    """
    every = [told for answers in collection.studies.values() for told in answers]
    main = [told for told in every if collection.pages[told.study].is_overview]
    first = next(iter(main), None)
    told = sorted((one for one in every if one is not first), key=_started, reverse=True)
    undecided = [
        one
        for study, passed_over in collection.undecided.items()
        for one in passed_over
        if collection.pages[study].is_overview
    ]
    ours = [one for one in told if one.run.run.machine == collection.here]
    others = [one for one in told if one.run.run.machine != collection.here]
    return {
        "block": first and _block(first, crossovers, looks),
        "is_here": first is not None and first.run.run.machine == collection.here,
        "undecided": undecided_lines(undecided),
        "answers": [_line(one, collection) for one in ours],
        "others": [_line(one, collection) for one in others[:_OTHERS]],
        "more": max(0, len(others) - _OTHERS),
        "asv": asv,
        "source": SOURCE,
        "complaints": len(collection.complaints),
        "rows": len(collection.rows),
        "machines": len(collection.machines),
    }


def _started(told: Answered) -> str:
    return told.run.run.started


def _line(told: Answered, collection: Collection) -> dict[str, Any]:
    """Return an answer in a line: its first verdicts, and where it is shown."""
    own = list({str(one): one for one in told.answer.verdicts}.values())
    several = len({one.subject for one in own}) > 1
    words = [str(one) if several else one.sentence for one in own]
    more = len(words) - _TOLD
    is_first_page = collection.pages[told.study].is_overview
    return {
        "question": told.answer.question,
        "words": "; ".join((*words[:_TOLD], *((f"and {more} more",) if more > 0 else ())))
        or "not measured",
        "link": "machines.html" if is_first_page else address(told, collection),
        "machine": machine_label(told.run.run.machine),
        "when": told.run.run.started,
    }


def _block(main: Answered, crossovers: Sequence[Shown], looks: Looks) -> dict[str, Any]:
    """Return the finding with its figure, and a card for each family."""
    answer, facts = main.answer, main.run.facts.environment
    finding = next((one for one in answer.figures if _is_finding(one)), None)
    part = () if finding is None else finding.part
    of_finding = [one for one in answer.verdicts if part and one.part and is_of(one.part, part)]
    cards = list(_cards(crossovers, machine_label(main.run.run.machine)))
    known = {card["family"] for card in cards}
    others = [one for one in answer.verdicts if one not in of_finding and one.subject not in known]
    cards += [
        _card(family, own, (("Family", family),))
        for family, own in grouped(others, lambda one: one.subject).items()
    ]
    tables = [one for one in answer.tables if part and one.part and is_of(one.part, part)]
    drawing = None if finding is None else finding.drawing
    return {
        "machine": machine_label(main.run.run.machine),
        "facts": f"{facts.cpu}, {facts.cores} cores, "
        f"{', '.join(gpu.name for gpu in facts.gpus) or 'no GPU'}",
        "when": main.run.run.started[:10],
        "finding": [
            *(line for one in of_finding for line in (one.sentence, *one.notes)),
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
    """Return whether a figure is of one size: those of families are switched by their pairs."""
    return dict(figure.part).get("Shown") == "whole training"


def _cards(crossovers: Iterable[Shown], machine: str) -> Iterator[dict[str, Any]]:
    """Yield the first view of each family of a machine."""
    seen = set()
    for one in crossovers:
        place = dict(one.place)
        # A starred family is an axis that was searched for advice, which has a page of its own.
        if place["Machine"] != machine or place["Family"] in seen or "*" in place["Family"]:
            continue
        seen.add(place["Family"])
        parts = [figure.part for figure in one.answer.figures[:1]]
        own = [told for told in one.answer.verdicts for part in parts if is_of(told.part, part)]
        if own:
            yield _card(place["Family"], own, one.place)


def _card(family: str, verdicts: Iterable[Verdict], place: Setting) -> dict[str, Any]:
    lines = list({one.sentence: (one.decided, one.sentence) for one in verdicts}.values())
    return {
        "family": family,
        "link": link(CROSSOVER, place),
        "lines": lines[:_ON_CARD],
        "more": max(0, len(lines) - _ON_CARD),
    }
