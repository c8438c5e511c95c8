"""README's pictures and tables, from committed runs.

``python -m perceptron.report.readme`` writes them from the newest finished whole run and the newest
finished map under results/. It owns what stands between ``<!-- begin: NAME -->`` and
``<!-- end: NAME -->``.
"""

from __future__ import annotations

from itertools import dropwhile, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from msgspec.structs import replace

from perceptron.analysis.overhead.ladder import OverheadResult
from perceptron.analysis.phase_map.phase_map import MapResult
from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.stored.finding import FAMILY
from perceptron.analysis.stored.runs import judged_bench, judged_ladder, judged_map
from perceptron.errors import UserError
from perceptron.records.of_record import export
from perceptron.records.runs import StoredRun, stored_runs
from perceptron.report import numbers
from perceptron.report.charts.ladder import ladder_chart
from perceptron.report.charts.phase_map import map_chart
from perceptron.report.charts.svg import family_chart, finding_chart

ROOT = Path(__file__).parents[2]
PICTURED = "mlp-width"
Judged = TypeVar("Judged", BenchResult, MapResult, OverheadResult)


def main() -> None:
    """Rewrite README.md and the pictures that it shows."""
    with TemporaryDirectory() as folder:
        results = export(ROOT, Path(folder))
        bench, drawn, climbed = newest(results), newest_map(results), newest_ladder(results)
    for name, picture in pictures(bench, drawn, climbed).items():
        (ROOT / "docs" / name).write_text(picture, encoding="utf-8")
    readme = ROOT / "README.md"
    content = blocks(bench) | map_blocks(drawn) | ladder_blocks(climbed)
    content |= proof_blocks(ROOT / "docs" / "gate-proof.md")
    readme.write_text(fill(readme.read_text(encoding="utf-8"), content), encoding="utf-8")


def newest(results: Path) -> BenchResult:
    """The newest finished whole run; raises `UserError` if there is none."""
    for stored in _finished(results, "bench"):
        if stored.run.plan.get("whole"):
            return _within(judged_bench(stored.folder), results)
    raise UserError(f"{results}: no finished whole run; `perceptron bench` makes one")


def newest_map(results: Path) -> MapResult:
    """The newest finished map that is not a quick one; raises `UserError` if there is none."""
    for stored in _finished(results, "map"):
        if not stored.run.plan.get("quick"):
            return _within(judged_map(stored.folder), results)
    raise UserError(f"{results}: no finished map; `perceptron map` makes one")


def newest_ladder(results: Path) -> OverheadResult:
    """The newest finished ladder of the OR gate that is not a quick one.

    Raises `UserError` if there is none.
    """
    for stored in _finished(results, "overhead"):
        if not stored.run.plan.get("quick") and stored.run.plan.get("problem") == FAMILY:
            return _within(judged_ladder(stored.folder), results)
    raise UserError(f"{results}: no finished ladder; `perceptron overhead` makes one")


def _finished(results: Path, study: str) -> list[StoredRun]:
    """Finished runs of a study, the newest first. A run that cannot be read is an error here."""
    return [
        each
        for each in stored_runs(results, _refuse)
        if each.run.finished is not None and each.run.plan.get("study") == study
    ]


def _refuse(complaint: str) -> None:
    raise UserError(complaint)


def _within(found: Judged, results: Path) -> Judged:
    """The same, with its folder as a reader of the repository finds it."""
    return replace(found, results=found.results.relative_to(results.parent))


def pictures(bench: BenchResult, drawn: MapResult, climbed: OverheadResult) -> dict[str, str]:
    """SVG by file name."""
    return {
        "finding.svg": finding_chart(bench.finding),
        "map.svg": map_chart(drawn.map),
        "ladder.svg": ladder_chart(climbed),
        f"{PICTURED}.svg": family_chart(bench, PICTURED),
    }


def ladder_blocks(climbed: OverheadResult) -> dict[str, str]:
    """Markdown by the name of its place, about the ladder."""
    facts = climbed.environment
    processes = len({row.process for row in climbed.rows if row.phase is None})
    return {
        "ladder": f"{facts.cpu}, {facts.cores} cores; {processes} fresh processes each; "
        f"{climbed.rows[0].when[:10]}, rows in `{climbed.results}`."
    }


def proof_blocks(page: Path) -> dict[str, str]:
    """Markdown by the name of its place, about the gate: the first table of its proof.

    Raises `UserError` if there is none.
    """
    try:
        lines = iter(page.read_text(encoding="utf-8").splitlines())
    except OSError as error:
        raise UserError(f"{page}: {error.strerror}; `make proof` writes it") from None
    rest = dropwhile(lambda line: not line.startswith("|"), lines)
    found = list(takewhile(lambda line: line.startswith("|"), rest))
    if not found:
        raise UserError(f"{page}: holds no table; `make proof` writes it anew")
    return {"proof": "\n".join(found)}


def map_blocks(drawn: MapResult) -> dict[str, str]:
    """Markdown by the name of its place, about the map."""
    found, facts = drawn.map, drawn.environment
    return {
        "map": f"{found.summary} {found.cells_measured} of {len(found.cells)} cells measured on "
        f"{facts.cpu}, {facts.cores} cores, {found.threads} threads, {found.dtype}; "
        f"{drawn.rows[0].when[:10]}, rows in `{drawn.results}`."
    }


def blocks(bench: BenchResult) -> dict[str, str]:
    """Markdown by the name of its place."""
    processes = max(row.processes for row in bench.finding)
    environment = bench.environment
    versions = ", ".join(
        f"{name} {environment.libraries[name]}"
        for name in ("numpy", "torch")
        if name in environment.libraries
    )
    ground = (
        f"{environment.cpu}, {environment.cores} cores, {environment.python}, {versions}; "
        f"{processes} fresh processes each; {bench.rows[0].when[:10]}, "
        f"commit `{bench.rows[0].commit}`, rows in `{bench.results}`"
    )
    return {
        "result": numbers.finding_sentence(bench.finding),
        "finding": _finding(bench),
        "crossovers": _crossovers(bench),
        "ground": ground + ".",
    }


def fill(document: str, content: dict[str, str]) -> str:
    """The document with every block replaced; raises `UserError` for a place that is missing."""
    for name, block in content.items():
        begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->"
        if begin not in document or end not in document:
            raise UserError(
                f"README.md: no place for {name!r}: {begin.strip()} or {end} is missing"
            )
        head, rest = document.split(begin, 1)
        document = f"{head}{begin}{block}\n{end}{rest.split(end, 1)[1]}"
    return document


def _finding(bench: BenchResult) -> str:
    lines = [
        f"| {' | '.join(numbers.FINDING_COLUMNS)} |",
        "|---" * len(numbers.FINDING_COLUMNS) + "|",
    ]
    lines += [f"| {' | '.join(numbers.finding_cells(row))} |" for row in bench.finding]
    return "\n".join(lines)


def _crossovers(bench: BenchResult) -> str:
    lines = [
        "| family | pair | threads | status | who is faster [95 % interval] |",
        "|---|---|---|---|---|",
    ]
    for found in bench.crossovers:
        if found.status != "not measured":
            reason = f" ({found.reason})" if found.reason else ""
            lines.append(
                f"| `{found.family}` | {found.incumbent} → {found.challenger} | {found.threads} "
                f"| {found.status} | {numbers.sentence(found)}{reason} |"
            )
    missing = [f"\nNot measured: {reason}." for reason in numbers.missing(bench.crossovers)]
    return "\n".join(lines + missing)


if __name__ == "__main__":
    main()
