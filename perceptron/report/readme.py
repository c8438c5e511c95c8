"""Pictures and tables of README and docs/, from committed runs.

``python -m perceptron.report.readme`` writes them from the newest finished whole run of a CPU and
of each GPU under results/, and the newest map and ladder of its machine. It replaces what stands
between ``<!-- begin: NAME -->`` and ``<!-- end: NAME -->``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from perceptron.analysis.overhead.ladder import OverheadResult
from perceptron.analysis.phase_map.phase_map import MapResult
from perceptron.analysis.race.result import STARTS, RaceResult
from perceptron.analysis.stored.bench import BenchResult
from perceptron.errors import UserError
from perceptron.records.of_record import export
from perceptron.records.speeds import Speeds, newest_speeds
from perceptron.report.answers import answers, table_lines
from perceptron.report.charts.as_svg.draw import draw
from perceptron.report.charts.finding import finding_figure
from perceptron.report.charts.ladder import ladder_figure
from perceptron.report.charts.phase_map import map_figure
from perceptron.report.charts.race import race_figure
from perceptron.report.charts.sweep import family_figure
from perceptron.report.hardware_blocks import (
    crossover_lines,
    finding_lines,
    gpus_in_full,
    gpus_in_short,
    ground,
)
from perceptron.report.many_blocks import many_blocks
from perceptron.report.newest_runs import BATCHES, RACED, RACED_TO, ShownGpu, ShownRuns, shown_runs
from perceptron.report.over_processes import threads_in_all
from perceptron.report.process_blocks import process_blocks
from perceptron.report.tables import markdown
from perceptron.report.tables import race as race_text
from perceptron.report.tables.finding import finding_sentence
from perceptron.report.tables.ladder import no_floor_line, phase_table, rung_table
from perceptron.report.tables.speeds import speeds_lines

ROOT = Path(__file__).parents[2]
PICTURED = "mlp-width"
# The blocks of each page.
PAGES = {
    "README.md": ("result", "many", "answers", "ground", "gpus"),
    "docs/findings.md": ("finding", "crossovers", "ground", "gpus-in-full"),
    "docs/crossovers.md": ("map",),
    "docs/ladder.md": ("ladder", "ladder-batches"),
    "docs/over-processes.md": ("processes",),
    "docs/many-models.md": ("many-in-full",),
    "docs/race.md": ("race",),
    "docs/gate-how.md": ("proof",),
    "docs/gate-compared.md": ("false-alarms", "found-by-time", "found-by-work"),
    "docs/how-sure.md": ("speeds",),
}


def main() -> None:
    """Rewrite the blocks of the pages and the pictures that these show."""
    with TemporaryDirectory() as folder:
        results = export(ROOT, Path(folder))
        runs, speeds = shown_runs(results), newest_speeds(results)
    for name, picture in pictures(runs).items():
        (ROOT / "docs" / name).write_text(picture, encoding="utf-8")
    for page, text in filled(runs, speeds).items():
        (ROOT / page).write_text(text, encoding="utf-8")


def filled(runs: ShownRuns, speeds: Speeds | None) -> dict[str, str]:
    """Return the text of each page, its blocks filled."""
    proof, truth = (ROOT / "docs" / name for name in ("gate-proof.md", "truth.md"))
    content = blocks(runs.bench) | map_blocks(runs.phase_map) | ladder_blocks(runs.ladder)
    content |= batch_blocks(runs.batches) | process_blocks(runs.processes) | proof_blocks(proof)
    content |= race_blocks(runs.race)
    content |= speeds_blocks(speeds) | rule_blocks(proof) | gpu_blocks(runs.gpus)
    many_on_gpus = {gpu.name: gpu.many for gpu in runs.gpus}
    content |= many_blocks(runs.many, many_on_gpus, runs.bench)
    content["answers"] = answers(runs, PICTURED, proof, truth)
    return {
        page: fill(
            (ROOT / page).read_text(encoding="utf-8"), {name: content[name] for name in names}, page
        )
        for page, names in PAGES.items()
    }


def pictures(runs: ShownRuns) -> dict[str, str]:
    """Return the figures: SVG by file name."""
    of_gpus = {gpu.name: gpu.bench.finding for gpu in runs.gpus}
    maps = {
        gpu.map_picture: draw(map_figure(gpu.phase_map.map))
        for gpu in runs.gpus
        if gpu.phase_map is not None
    }
    races = {
        _race_picture(start): draw(race_figure(runs.race, start, runs.race.runs[0].dtype))
        for start in STARTS
        if runs.race is not None
    }
    return (
        maps
        | races
        | {
            "finding.svg": draw(finding_figure(runs.bench.finding, of_gpus)),
            "map.svg": draw(map_figure(runs.phase_map.map)),
            "ladder.svg": draw(ladder_figure(runs.ladder)),
            f"{PICTURED}.svg": draw(family_figure(runs.bench, PICTURED)),
        }
    )


def ladder_blocks(ladder: OverheadResult) -> dict[str, str]:
    """Return the blocks about the ladder: Markdown by name."""
    return {"ladder": _ladder_ground(ladder)}


def batch_blocks(ladder: OverheadResult | None) -> dict[str, str]:
    """Return the block about the ladder of a training by mini-batches, by name."""
    if ladder is None:
        command = f"`perceptron overhead --problem {BATCHES}`"
        return {"ladder-batches": f"Not measured yet: {command} does."}
    rungs = markdown.table(*rung_table(ladder))
    phases = markdown.table(*phase_table(ladder))
    return {"ladder-batches": "\n".join([*rungs, "", *phases, "", _ladder_ground(ladder)])}


def race_blocks(race: RaceResult | None) -> dict[str, str]:
    """Return the block about the race: sentences, tables, figures and ground, by name."""
    if race is None:
        command = f"`perceptron race --problem {RACED} --target {RACED_TO}`"
        return {"race": f"Not measured yet: {command} does."}
    lines = []
    for start in STARTS:
        table = markdown.table(race_text.COLUMNS, race_text.cells(race, start))
        picture = f"![{race_text.title(race, start)}]({_race_picture(start)})"
        lines += [race_text.sentence(race, start), "", *table, "", picture, ""]
    facts = race.environment
    return {
        "race": "\n".join(
            [
                *lines,
                *(line for note in race_text.notes(race) for line in (note, "")),
                f"{facts.cpu}, {facts.cores} cores; {race.rows[0].when[:10]}, "
                f"rows in `{race.results}`.",
            ]
        )
    }


def _race_picture(start: str) -> str:
    return f"race-{start}.svg"


def _ladder_ground(ladder: OverheadResult) -> str:
    facts = ladder.environment
    processes = len({row.process for row in ladder.rows if row.phase is None})
    ground = (
        f"{facts.cpu}, {facts.cores} cores; {processes} fresh processes each; "
        f"{ladder.rows[0].when[:10]}, rows in `{ladder.results}`."
    )
    return " ".join(filter(None, (no_floor_line(ladder), ground)))


def proof_blocks(page: Path) -> dict[str, str]:
    """Return the block about the gate: the first table of its proof, by name.

    Raises `UserError` if there is none.
    """
    return {"proof": "\n".join(table_lines(page, "make proof"))}


def rule_blocks(page: Path) -> dict[str, str]:
    """Return the blocks that compare the gate's rules with others', from tables of its proof.

    Raises `UserError` if one of these is missing.
    """
    sections = {
        "false-alarms": ("False alarms", ""),
        "found-by-time": ("Found in replays by the clock alone", "| 5 % |"),
        "found-by-work": ("Found in replays: more work", "| 2 % |"),
    }
    blocks = {}
    for name, (section, start) in sections.items():
        columns, rule, *rows = table_lines(page, "make proof", section)
        shown = [row for row in rows if row.startswith(start)]
        if not shown:
            raise UserError(f"{page}: no row {start!r} below {section!r}; `make proof` writes it")
        blocks[name] = "\n".join([columns, rule, *shown])
    return blocks


def speeds_blocks(speeds: Speeds | None) -> dict[str, str]:
    """Return the block about the speeds on a quiet and on a busy machine, by name."""
    if speeds is None:
        return {"speeds": "Not measured yet: `make targets` does."}
    return {"speeds": "\n".join(speeds_lines(speeds))}


def map_blocks(phase_map: MapResult) -> dict[str, str]:
    """Return the blocks about the map: Markdown by name."""
    cells, facts = phase_map.map, phase_map.environment
    return {
        "map": f"{cells.summary} {cells.cells_measured} of {len(cells.cells)} cells measured on "
        f"{facts.cpu}, {facts.cores} cores, "
        f"{threads_in_all(cells.threads, cells.backends)}, {cells.dtype}; "
        f"{phase_map.rows[0].when[:10]}, rows in `{phase_map.results}`."
    }


def blocks(bench: BenchResult) -> dict[str, str]:
    """Return the blocks about the finding and the crossovers of a CPU: Markdown by name."""
    return {
        "result": finding_sentence(bench.finding),
        "finding": "\n".join(finding_lines(bench)),
        "crossovers": "\n".join(crossover_lines(bench)),
        "ground": ground(bench),
    }


def gpu_blocks(gpus: Sequence[ShownGpu]) -> dict[str, str]:
    """Return the blocks about GPUs, in README and in the page of what was found, by name."""
    return {
        "gpus": "\n".join(gpus_in_short(gpus)),
        "gpus-in-full": "\n".join(gpus_in_full(gpus)),
    }


def fill(document: str, content: dict[str, str], page: str = "README.md") -> str:
    """Return the document with every block replaced.

    Raises `UserError` for a block that ``page`` has no place for.
    """
    for name, block in content.items():
        begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->"
        if begin not in document or end not in document:
            raise UserError(f"{page}: no place for {name!r}: {begin.strip()} or {end} is missing")
        head, rest = document.split(begin, 1)
        document = f"{head}{begin}{block}\n{end}{rest.split(end, 1)[1]}"
    return document


if __name__ == "__main__":
    main()
