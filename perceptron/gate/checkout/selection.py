"""Which benchmarks of the suite are compared."""

from __future__ import annotations

import re
from collections.abc import Sequence

from perceptron.errors import UserError
from perceptron.gate.checkout.suite import Suite
from perceptron.records.block import Benchmark
from perceptron.records.comparison import SuiteKind

_NONE: dict[SuiteKind, str] = {
    "asv": "nothing in it is named time_, track_ …",
    "pytest": "no test in it uses the fixture benchmark or has the mark benchmark",
}


def pattern(expression: str | None) -> re.Pattern[str]:
    """Compile the expression; raises `UserError` naming the option for what is none."""
    try:
        return re.compile(expression or "")
    except re.error as error:
        raise UserError(f"--benchmarks {expression}: no regular expression: {error}") from None


def choose(
    benchmarks: Sequence[Benchmark], wanted: re.Pattern[str], suite: Suite
) -> list[Benchmark]:
    """Return those whose name, with or without parameters, or group holds the expression.

    Of a suite that names a test, a function or a class only these. Raises `UserError` if there is
    none.
    """
    if not benchmarks:
        raise UserError(f"the suite has no benchmarks: {_NONE[suite.kind]}")
    named = [own for own in benchmarks if _is_inside(own.key, suite.test)]
    if not named:
        raise UserError(
            f"--pytest {suite.file}: none of the {len(benchmarks)} benchmarks of {suite.tests} has "
            f"this id: name one of pytest's, such as {benchmarks[0].key}"
        )
    chosen = [
        benchmark
        for benchmark in named
        if any(map(wanted.search, (benchmark.name, benchmark.key, benchmark.group or "")))
    ]
    if not chosen:
        raise UserError(
            f"--benchmarks {wanted.pattern}: none of the {len(named)} matches, such as "
            f"{named[0].key}"
        )
    # A name imported into a second module is discovered twice by some versions of the runner.
    return list({benchmark.key: benchmark for benchmark in chosen}.values())


def _is_inside(test: str, named: str) -> bool:
    """Return whether pytest runs the test if it is asked for what is named; nothing is all."""
    return not named or test == named or test.startswith((f"{named}::", f"{named}["))
