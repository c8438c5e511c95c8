"""What a command answers, from what is stored: its JSON and its text.

Some commands answer only after measuring. Here what they found is handed to the same judge, and
the answer to the same renderers, as those commands do it. **This is the only file here that knows
where judges and renderers live**: whoever moves them changes this file, and no golden. (Rows and
blocks are made of `perceptron.records`, and by `tests/made.py`.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

from msgspec.structs import replace

from perceptron.gate.verdict.judge import judge
from perceptron.gate.verdict.rule import Rule
from perceptron.questions.answering import answer_run
from perceptron.questions.crossover.judge import crossovers
from perceptron.records.block import Benchmark, Block
from perceptron.records.comparison import Comparison
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import read_results, read_run
from perceptron.report import documents
from perceptron.report.comparison_address import address
from perceptron.report.dashboard.comparisons import write_comparison
from perceptron.report.pull_request.annotations import marks
from perceptron.report.pull_request.comment import PullRequest, comment
from perceptron.report.tables import answer as in_terminal
from perceptron.report.tables import comparison as comparison_table
from perceptron.report.tables import doctor as doctor_table
from perceptron.report.tables import terminal
from perceptron.statistics.trust import Diagnosis

WIDTH = 100


def answer_of(run: Path) -> tuple[str, str]:
    """Return the JSON and the text of the command that measured a stored run."""
    answered = answer_run(read_run(run))

    def text() -> None:
        in_terminal.show_with_warnings(answered.answer, answered.warnings, to=terminal.out)

    return printed_by(lambda: documents.write(documents.answer(answered, None))), printed_by(text)


def doctor(diagnosis: Diagnosis) -> tuple[str, str]:
    """Return the JSON and the text of `perceptron doctor` on a machine."""
    return (
        printed_by(lambda: documents.write(documents.doctor(diagnosis))),
        printed_by(lambda: doctor_table.show(diagnosis, "compare counts instructions here")),
    )


def compared(
    comparison: Comparison,
    benchmarks: Sequence[Benchmark],
    blocks: Sequence[Block],
    planned: dict[str, int],
    html: Path,
) -> tuple[str, str, str, Path]:
    """Return the JSON, the text and the comment of a comparison with these blocks, and its page.

    ``comparison`` has the rest: the plan, the environment and the warnings.
    """
    judgement = judge(benchmarks, blocks, planned, Rule())
    comparison = replace(
        comparison,
        verdict=judgement.verdict,
        reason=judgement.reason,
        rows=judgement.rows,
        control=judgement.control,
        plan=replace(comparison.plan, left_out=judgement.left_out, confirmation_blocks=planned),
        page=address(comparison.plan),
        benchmarks=list(benchmarks),
        blocks=list(blocks),
    )
    return printed_by(lambda: documents.write(documents.comparison(comparison))), *rendered(
        comparison, html
    )


def rendered(
    comparison: Comparison,
    html: Path,
    pull: tuple[int, str] | None = None,
    published: str | None = None,
) -> tuple[str, str, Path]:
    """Return the text and the comment of a comparison that was judged, and its page.

    The comment is on the pull request ``pull``, a number and a commit, if there is one.
    """
    comparison = replace(comparison, page=address(comparison.plan))
    assert comparison.page is not None
    write_comparison(html, comparison)
    return (
        printed_by(lambda: comparison_table.show(comparison, html)),
        comment(comparison, pull and PullRequest(*pull), published, html),
        html / comparison.page,
    )


def annotated(comparison: Comparison) -> str:
    """Return the marks that a workflow of GitHub's picks out of what `compare` prints."""
    return "".join(f"{line}\n" for line in marks(comparison))


def printed_by(show: Callable[[], None]) -> str:
    """Return the text printed in a terminal of 100 columns."""
    with redirect_stdout(StringIO()) as printed, narrow():
        show()
    return printed.getvalue()


@contextmanager
def narrow() -> Iterator[None]:
    """Have the terminal 100 columns."""
    before = terminal.out.width
    terminal.out.width = WIDTH
    try:
        yield
    finally:
        terminal.out.width = before


def committed(results: Path) -> Iterator[str]:
    """Yield a line for each crossover of these results: of runs, then of all rows of a machine."""
    for file in sorted(results.glob("runs/*/*/measurements.jsonl")):
        yield from _crossovers("/".join(file.parts[-3:-1]), read_run(file.parent).times)
    yield from _crossovers("all runs", read_results(results).rows)


def _crossovers(of: str, rows: Sequence[Measurement]) -> Iterator[str]:
    pairs = crossovers(rows)
    measured = [pair for pair in pairs if pair.status != "not measured"]
    if pairs:
        yield f"{of}: {len(measured)} pairs, and {len(pairs) - len(measured)} not measured"
    for pair in measured:
        size, *interval = (
            "-" if n is None else f"{n:.12g}" for n in (pair.size, pair.low, pair.high)
        )
        ground = (pair.machine, pair.dtype, pair.optimizer, pair.models, pair.threads, pair.commit)
        yield (
            f"  {pair.family} {pair.incumbent}:{pair.challenger} {ground} {pair.status} "
            f"{size} [{', '.join(interval)}] in {pair.bracket}, decided {pair.decided}"
        )
