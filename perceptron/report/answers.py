"""README's table: a question, the command that answers it, one answer from committed results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import TypeVar

from perceptron.analysis.advice import ShapeAdvice
from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.disturbance import DISTURBED
from perceptron.analysis.race.result import RaceResult
from perceptron.analysis.stored.finding import FindingRow
from perceptron.errors import UserError
from perceptron.records.warning import MeasurementWarning
from perceptron.report import many_blocks, numbers
from perceptron.report.crossover_words import answer, is_measured
from perceptron.report.newest_runs import ShownRuns
from perceptron.report.process_blocks import SEARCHED, in_short
from perceptron.report.tables import markdown
from perceptron.report.tables.advice import answer as answer_for_a_shape
from perceptron.report.tables.ladder import ladder_words
from perceptron.report.tables.race import sentence

ADVISED = (
    "--rows 60000 --features 784 --hidden 128 --classes 10 --batch 128 --optimizer adam --epochs 5"
)
"""The shape that is shown, as typed."""
_COLUMNS = ("your question", "the command", "one answer, from results/")
_REACHED = "reached [95 % interval]"

_T = TypeVar("_T")

Row = Mapping[str, str]
Answer = tuple[str, ...]
"""The question, the page that answers it in full, the command and the answer in short."""


def answers(
    runs: ShownRuns,
    family: str,
    proof: Path,
    truth: Path,
) -> str:
    """Return the table as Markdown.

    The crossover shown is that of ``family``; without advice there is no row for it, nor one
    about a second process or many models without the search for where that pays. ``proof``
    and ``truth`` are the pages that `make proof` and `make truth` write; raises `UserError` for
    one without its table.
    """
    bench, gates = runs.bench, many_blocks.of_gates(runs.many)

    def beside(answer: Answer, machine: str) -> Answer:
        """Say of which machine an answer is, if it is not that of the others."""
        *about, words = answer
        return answer if machine == bench.machine else (*about, f"{words} (on `{machine}`)")

    rows = (
        (
            "Which backend trains a tiny model fastest?",
            "findings.md",
            "bench",
            _finding(bench.finding),
        ),
        (
            "From which size up does that change?",
            "crossovers.md",
            f"crossover --family {family}",
            _crossover(bench.crossovers, family),
        ),
        *(() if runs.advice is None else (_for_a_shape(runs.advice.advice),)),
        *(beside(_race(own), own.machine) for own in _given(runs.race)),
        *(beside(_over_processes(own), own.rows[0].machine) for own in _given(runs.processes)),
        *(beside(_of_many(own), own.rows[0].machine) for own in _given(gates)),
        (
            "Which backend wins over rows × width?",
            "crossovers.md",
            "map",
            runs.phase_map.map.summary,
        ),
        (
            "Where does the time of one iteration go?",
            "ladder.md",
            "overhead",
            ladder_words(runs.ladder),
        ),
        ("Did my change make anything slower?", "gate.md", "compare main .", _proof(proof)),
        (
            "Can I trust timings from this machine?",
            "how-sure.md",
            "doctor",
            _doctor(warning for warning in bench.warnings if warning.code != DISTURBED),
        ),
        ("Can I trust these answers?", "truth.md", "truth", _truth(truth)),
    )
    lines = markdown.table(
        _COLUMNS,
        (
            (f"[{question}](docs/{page})", f"`perceptron {command}`", words)
            for question, page, command, words in rows
        ),
    )
    return "\n".join(lines)


def _given(value: _T | None) -> Sequence[_T]:
    return () if value is None else (value,)


def table_lines(page: Path, command: str, section: str = "") -> list[str]:
    """Return the lines of the first table of a page, or of the section whose heading starts so.

    Raises `UserError` naming ``command``, which writes the page, if there is none.
    """
    try:
        lines = page.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"{page}: {error.strerror}; `{command}` writes it") from None
    if section:
        below = dropwhile(lambda line: not line.startswith(f"## {section}"), lines)
        lines = list(takewhile(lambda line: not line.startswith("## "), list(below)[1:]))
    rest = dropwhile(lambda line: not line.startswith("|"), lines)
    table = list(takewhile(lambda line: line.startswith("|"), rest))
    if not table:
        where = f" below {section!r}" if section else ""
        raise UserError(f"{page}: holds no table{where}; `{command}` writes it again")
    return table


def _rows(page: Path, command: str, columns: Iterable[str]) -> Iterator[Row]:
    """Yield the rows of the page's first table, by column; all of ``columns`` must be there."""
    head, _, *body = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in table_lines(page, command)
    )
    absent = [column for column in columns if column not in head]
    if absent or not body:
        reason = f"no column {absent[0]!r}" if absent else "no rows"
        raise UserError(f"{page}: its first table has {reason}; `{command}` writes it again")
    yield from (dict(zip(head, cells, strict=True)) for cells in body)


def _of_many(result: CrossoverResult) -> Answer:
    return (
        "I train many models: one by one, or all at once?",
        "many-models.md",
        many_blocks.SEARCHED[0],
        many_blocks.in_short(result),
    )


def _for_a_shape(advice: ShapeAdvice) -> Answer:
    return (
        "Which backend for my shape, and how long will it take?",
        "crossovers.md#for-one-shape",
        f"advise {ADVISED}",
        answer_for_a_shape(advice),
    )


def _race(race: RaceResult) -> Answer:
    dtypes = list(dict.fromkeys(run.dtype for run in race.runs))
    named = "" if dtypes == ["float32"] else f" --dtype {' '.join(dtypes)}"
    return (
        "Which backend has my model trained first, from the moment I press enter?",
        "race.md",
        f"race --problem {race.problem} --target {race.target}{named}",
        sentence(race, "fresh"),
    )


def _over_processes(result: CrossoverResult) -> Answer:
    return (
        "From which size up does a second process pay?",
        "over-processes.md",
        SEARCHED,
        in_short(result),
    )


def _finding(finding: Iterable[FindingRow]) -> str:
    """Say how long a whole training takes, over that of numpy."""
    ratios = [
        f"{row.backend} takes "
        f"{numbers.interval(row.ratio_to_numpy, row.ratio_low, row.ratio_high)} times as long as "
        "numpy"
        for row in finding
        if row.ratio_to_numpy is not None and row.backend not in ("numpy", "numpy-published")
    ]
    return f"on the OR gate {'; '.join(ratios) or 'only numpy was measured'}"


def _crossover(crossovers: Iterable[Crossover], family: str) -> str:
    """Say who is faster, for every pair that was measured in the family."""
    sentences = [
        answer(crossover)
        for crossover in crossovers
        if crossover.family == family and is_measured(crossover)
    ]
    return "; ".join(sentences) or "not measured"


def _proof(page: Path) -> str:
    """Name the first target, about false alarms, and the first about real slowdowns."""
    rows = list(_rows(page, "make proof", ("target", _REACHED, "of")))
    slower = [row for row in rows if "slowdowns found" in row["target"]]
    shown = rows[:1] + slower[:1]
    return "; ".join(f"{row['target']}: {row[_REACHED]} of {row['of']}" for row in shown)


def _doctor(warnings: Iterable[MeasurementWarning]) -> str:
    """Say what the doctor warned of when the main job was run."""
    messages = [warning.message for warning in warnings]
    return f"at the start of that `bench`: {'; '.join(messages) or 'nothing to warn of'}"


def _truth(page: Path) -> str:
    """Summarise the row of all simulated worlds."""
    columns = ("number", "wrong, sure", "interval right")
    row = next(_rows(page, "make truth", columns))
    return (
        f"in {row['number']} simulated worlds {row['wrong, sure']} answers were wrong and called "
        f"sure; {row['interval right']} of the intervals hold the crossover"
    )
