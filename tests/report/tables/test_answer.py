"""Any answer in a terminal: the verdict first, and one screen of the rest."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from perceptron.answer import Answer, Note, Table, Verdict
from perceptron.numbers import NONE
from perceptron.records.warning import MeasurementWarning
from perceptron.report.tables import answer as in_terminal
from perceptron.report.tables import terminal

WORDS = ("numpy", "1.88×", "[1.75, 2.02]", "64,900")
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=20).map(" ".join)
NAMES = st.integers(0, 12).map(lambda length: "family" + "-x" * length)


@st.composite
def verdicts(draw: st.DrawFn, number: int) -> Verdict:
    """A verdict of a subject of its own."""
    return Verdict(
        subject=f"{number}{draw(NAMES)}",
        decided=draw(st.sampled_from(("yes", "partly", "no"))),
        sentence=f"verdict{number} {draw(SENTENCES)}",
        notes=tuple(f"note{number}{place} {draw(SENTENCES)}" for place in "ab"),
        heading="box, 2 threads, float32; 95% intervals",
        contended=draw(st.sampled_from(("", "6.2%"))),
    )


@st.composite
def tables(draw: st.DrawFn, number: int) -> Table:
    """A table of any size; a row may end with a reason."""
    columns = draw(st.integers(1, 12))
    texts = draw(st.lists(SENTENCES, min_size=1, max_size=3))
    absent = draw(st.integers(0, 4))
    rows = []
    for row in range(draw(st.integers(1, 30))):
        cells = [texts[(row + column) % len(texts)] for column in range(columns - 1)]
        if cells and row == absent:
            cells = [f"not measured: {texts[0]}", *[NONE] * (columns - 2)]
        rows.append((f"cell{number}-{row}-", *cells))
    right = draw(st.sampled_from((1, 2, 3)))
    names = [f"column{index}{'' if index % right else '>'}" for index in range(columns)]
    return Table(
        title=f"table{number}",
        columns=tuple(names),
        rows=tuple(rows),
        legend=f"legend{number}",
        is_scale=draw(st.booleans()),
    )


@st.composite
def made(draw: st.DrawFn) -> tuple[Answer, list[MeasurementWarning]]:
    """Any answer that has a verdict, and its warnings."""
    answer = Answer(
        question="",
        query=(),
        verdicts=tuple(draw(verdicts(index)) for index in range(draw(st.integers(1, 6)))),
        notes=tuple(Note(f"line{index} {draw(SENTENCES)}") for index in range(3)),
        tables=tuple(draw(tables(index)) for index in range(draw(st.integers(0, 3)))),
    )
    warnings = [
        MeasurementWarning(code="c", message=f"because{index} {draw(SENTENCES)}", advice="end it")
        for index in range(draw(st.integers(0, 4)))
    ]
    return answer, warnings


def shown(
    answer: Answer, warnings: list[MeasurementWarning], verbose: bool, width: int = 100
) -> tuple[list[str], list[str]]:
    """Return the lines on standard output, and those on standard error."""
    screens = io.StringIO(), io.StringIO()
    out, err = (Console(file=screen, width=width, highlight=False) for screen in screens)
    with pytest.MonkeyPatch.context() as patched:
        for module in (terminal, in_terminal):
            patched.setattr(module, "out", out)
        in_terminal.show_with_warnings(answer, warnings, verbose, to=err)
    lines, warned = (screen.getvalue().splitlines() for screen in screens)
    return lines, warned


@given(of=made(), width=st.sampled_from((100, 60)))
def test_answer_verdict_is_first_line_before_one_table(
    of: tuple[Answer, list[MeasurementWarning]], width: int
) -> None:
    answer, warnings = of
    lines, warned = shown(answer, warnings, verbose=False, width=width)
    assert lines[1].split()[:2] == [answer.verdicts[0].subject, answer.verdicts[0].decided]
    assert max(map(len, [*lines, *warned])) <= width
    text = "\n".join(lines)
    assert sum(f"table{index}" in text for index in range(3)) == min(1, len(answer.tables))
    assert text.count("cell") <= 10
    assert sum(line.lstrip().startswith("note") for line in lines) == len(answer.verdicts)
    assert len(warned) <= 2


@given(of=made())
def test_answer_verbose_shows_everything(of: tuple[Answer, list[MeasurementWarning]]) -> None:
    """Words may be folded, and none is missing."""
    answer, warnings = of
    lines, warned = shown(answer, warnings, verbose=True)
    text = "".join("".join(lines).split())
    for verdict in answer.verdicts:
        for part in (verdict.subject, verdict.sentence, *verdict.notes):
            assert "".join(part.split()) in text
    for table in answer.tables:
        cells = {"".join(row[0].split()) for row in table.rows}
        assert all(cell in text for cell in (table.title, str(table.legend), *cells))
    assert all("".join(note.text.split()) in text for note in answer.notes)
    assert all(warning.message.split()[0] in "".join(warned) for warning in warnings)


def test_answer_without_verdict_gives_reason() -> None:
    answer = Answer(question="", query=(), verdicts=(), notes=(Note("not measured: no GPU"),))
    assert shown(answer, [], verbose=False)[0] == ["not measured: no GPU", ""]
    assert shown(Answer(question="", query=(), verdicts=()), [], verbose=False) == ([], [])


def test_answer_table_reason_spans_empty_cells() -> None:
    table = Table(
        title="t",
        columns=("backend", "time>", "ratio>"),
        rows=(
            ("numpy", "80.8 ms", "1"),
            ("torch-cuda", "not measured: no CUDA device found", NONE),
        ),
    )
    answer = Answer(question="", query=(), verdicts=(), tables=(table,))
    assert shown(answer, [], verbose=False)[0] == [
        "t",
        "backend        time  ratio",
        "numpy       80.8 ms      1",
        "torch-cuda  not measured: no CUDA device found",
        "",
    ]


def test_answer_table_scale_is_shown_end_to_end() -> None:
    rows = tuple((f"{2**power}", "1") for power in range(20))
    for is_scale, last in ((True, "524288"), (False, "512")):
        table = Table(title="t", columns=("size>", "s"), rows=rows, is_scale=is_scale)
        lines, _ = shown(Answer(question="", query=(), verdicts=(), tables=(table,)), [], False)
        assert len(lines) == 14
        assert lines[2].split()[0] == "1"
        assert lines[11].split()[0] == last
        assert lines[13] == "more:  --verbose shows 10 more rows"
