"""Which benchmarks of the suite are compared."""

from __future__ import annotations

import re
from collections.abc import Sequence

from perceptron.errors import UserError
from perceptron.records.block import Benchmark
from perceptron.records.comparison import SuiteKind

_NONE: dict[SuiteKind, str] = {
    "asv": "nothing in it is named time_, track_ …",
    "pytest": "no test in it uses the benchmark fixture",
}


def pattern(expression: str | None) -> re.Pattern[str]:
    """Compile the expression; raises `UserError` naming the option for what is none."""
    try:
        return re.compile(expression or "")
    except re.error as error:
        raise UserError(f"--benchmarks {expression}: no regular expression: {error}") from None


def choose(
    benchmarks: Sequence[Benchmark], wanted: re.Pattern[str], kind: SuiteKind = "asv"
) -> list[Benchmark]:
    """Return those whose name, with or without parameters, or group holds the expression.

    Raises `UserError` if there is none.
    """
    if not benchmarks:
        raise UserError(f"the suite has no benchmarks: {_NONE[kind]}")
    chosen = [
        benchmark
        for benchmark in benchmarks
        if any(map(wanted.search, (benchmark.name, benchmark.key, benchmark.group or "")))
    ]
    if not chosen:
        raise UserError(
            f"--benchmarks {wanted.pattern}: none of the {len(benchmarks)} matches, such as "
            f"{benchmarks[0].key}"
        )
    # A name imported into a second module is discovered twice by some versions of the runner.
    return list({benchmark.key: benchmark for benchmark in chosen}.values())
