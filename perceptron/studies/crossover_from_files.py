"""From which size up did B beat A elsewhere? Judged from files, nothing is measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perceptron.analysis.crossover.judge import is_line
from perceptron.analysis.crossover.result import CrossoverResult, crossover_result
from perceptron.errors import UserError, unknown
from perceptron.records.measurement import Measurement
from perceptron.records.readers.table import load_measurements


def judge_files(
    sources: Sequence[str],
    pairs: Sequence[str],
    families: Sequence[str],
    by: Sequence[str],
    size: str | None,
    iterations: int,
) -> CrossoverResult:
    """Judge what others measured; see `load_measurements`.

    ``pairs`` are written ``A:B``. Raises `UserError` for a source that cannot be understood and
    for a family or a backend that is not in them.
    """
    rows = load_measurements(*sources, by=by, size=size)
    if families:
        known = dict.fromkeys(row.family for row in rows)
        for family in families:
            if family not in known:
                raise unknown("family", family, known)
        rows = [row for row in rows if row.family in families]
    known = dict.fromkeys(row.backend for row in rows)
    wanted = [split_pair(pair, list(known)) for pair in pairs]
    result = crossover_result(rows, wanted or None, iterations)
    if not result.crossovers:
        raise UserError(
            f"{', '.join(sources)}: nothing to compare: "
            + (
                "there is one backend only"
                if len(known) < 2
                else "no family has several sizes"
                if not any(map(is_line, _by_family(rows)))
                else "no two backends were measured at several sizes of one case, on one machine, "
                "in one dtype and with one number of threads"
            )
        )
    return result


def split_pair(text: str, known: Sequence[str]) -> tuple[str, str]:
    """Split ``A:B`` at the one colon that leaves two known names; raise `UserError` otherwise."""
    parts = text.split(":")
    cuts = [(":".join(parts[:cut]), ":".join(parts[cut:])) for cut in range(1, len(parts))]
    readings = [cut for cut in cuts if cut[0] in known and cut[1] in known and cut[0] != cut[1]]
    if len(readings) == 1:
        return readings[0]
    if len(readings) > 1:
        raise UserError(f"--pair {text!r} can be read in {len(readings)} ways: rename a backend")
    if not cuts:
        raise UserError(f"--pair takes INCUMBENT:CHALLENGER, such as numpy:torch-cpu; got {text!r}")
    if any(one == other for one, other in cuts):
        raise UserError(f"--pair {text!r} names one backend twice: name two")
    unknown_name = next((name for name in cuts[0] if name not in known), text)
    raise unknown("backend in --pair", unknown_name, known)


def _by_family(rows: Iterable[Measurement]) -> list[list[Measurement]]:
    families: dict[str, list[Measurement]] = {}
    for row in rows:
        families.setdefault(row.family, []).append(row)
    return list(families.values())
