"""Measure how often the suite is right: ``python -m benchmarks.validation``.

``truth`` locates crossovers and draws maps in simulated cases, whose answers are known;
``fastest`` compares the picks of `perceptron.fastest` with measurements; ``proof`` runs the gate
hundreds of times. Long measurements resume. ``make`` has a target for each.

This folder is no package with an ``__init__.py``: asv imports every module of those, in
environments that have no pages to write.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.validation.grid import show
from perceptron.errors import UserError, unknown
from perceptron.machine import machine_name
from perceptron.options import folder_name, seconds_of
from perceptron.report import documents, text_file
from perceptron.report.tables import terminal

COMMAND = "python -m benchmarks.validation"


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer a question; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.save is not None:
            text_file.reserve(options.save)
        answered: int = options.answer(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return answered


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    questions = parser.add_subparsers(required=True, metavar="QUESTION")

    def question(name: str, answer: Callable[[Any], int], about: str) -> argparse.ArgumentParser:
        parser = questions.add_parser(name, help=about, description=about)
        parser.set_defaults(answer=answer)
        parser.add_argument("--save", type=Path, metavar="FILE.md", help="write the page")
        parser.add_argument("--json", action="store_true", help="one document on standard output")
        return parser

    truth = question("truth", _truth, "crossovers and maps of simulated cases")
    truth.add_argument("--cases", type=_at_least(1), default=2000, metavar="N")
    truth.add_argument(
        "--each", type=_at_least(0), default=100, metavar="N", help="cases of each hostile world"
    )
    truth.add_argument("--worlds", nargs="+", default=(), metavar="NAME", help="these alone")
    truth.add_argument("--seed", type=_at_least(0), default=1, help="other cases")
    fastest = question("fastest", _fastest, "picks of perceptron.fastest beside measurements")
    fastest.add_argument("--budget", type=float, metavar="MINUTES")
    proof = question("proof", _proof, "how often the gate is wrong, in whole runs of it")
    proof.add_argument("--share", type=float, default=1.0, help="of all runs, as 0.1 for a trial")
    proof.add_argument("--budget", type=float, metavar="MINUTES", help="begin no run after so long")
    for subparser in (fastest, proof):
        subparser.add_argument("--report", action="store_true", help="measure nothing: judge again")
        subparser.add_argument("--machine", metavar="NAME", help="folder of the results")
        subparser.add_argument("--results", type=Path, default=Path("results"))
    return parser


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"takes {least} or more, got {text}")
        return int(text)

    return number


def _truth(options: argparse.Namespace) -> int:
    from benchmarks.validation.locator import page
    from benchmarks.validation.locator.hostile import WORLDS
    from benchmarks.validation.locator.truth import truth

    for name in options.worlds:
        if name not in WORLDS:
            raise unknown("world", name, WORLDS)
    with terminal.progress_bar("trying") as bar:
        result = truth(options.cases, options.seed, bar, options.each, options.worlds)
    return _show(options, page, result)


def _fastest(options: argparse.Namespace) -> int:
    from benchmarks.validation import fastest

    machine = folder_name("--machine", options.machine)
    if options.report:
        folder = fastest.newest(options.results, machine)
    else:
        seconds = seconds_of("--budget", options.budget) or fastest.BUDGET_SECONDS
        with terminal.progress_bar("measuring", seconds) as bar:
            folder = fastest.measure(fastest.plan(), machine, options.results, bar, seconds)
    result = fastest.result_of(folder)
    terminal.show_warnings(result.warnings)
    document = {"picks": result.picks, "warnings": result.warnings, "results": folder}
    return _show(options, fastest, result, document=document)


def _proof(options: argparse.Namespace) -> int:
    from benchmarks.validation.gate import page
    from benchmarks.validation.gate.proof import ProofRequest, prove
    from perceptron.measure.revision import revision

    request = ProofRequest(
        machine=folder_name("--machine", options.machine) or machine_name(),
        results=options.results,
        share=options.share,
        minutes=options.budget,
        report_only=options.report,
        commit=revision(),
    )
    with terminal.progress_bar("proving") as bar:
        proof = prove(request, bar)
    heading = page.heading(proof)
    _show(options, page, proof, heading, {"heading": heading, "tables": page.grids(proof)})
    return 0


def _show(
    options: argparse.Namespace, page: Any, result: Any, summary: str = "", document: Any = None
) -> int:
    """Print the tables and a summary, or with ``--json`` a document; write the page."""
    if options.json:
        documents.write(result if document is None else document)
    else:
        show(page.grids(result))
        if summary:
            terminal.line(summary)
    if options.save is not None:
        terminal.err.print(f"wrote {page.save(options.save, result)}", soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
