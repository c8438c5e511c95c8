from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from perceptron.analysis.crossover.result import CrossoverResult, crossover_result
from perceptron.errors import UserError
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from perceptron.report.charts.ratio import ratio_chart
from perceptron.report.tables.crossover import (
    AMORTISATION_COLUMNS,
    CROSSOVER_COLUMNS,
    amortisation_cells,
    crossover_cells,
    write_crossovers,
)
from tests.conftest import MakeRow
from tests.made import linear, world
from tests.report.reading import Reader, read

PREPARE = {"numpy": 1e-4, "torch-cpu": 0.5}


def prepared(rows: list[Measurement]) -> list[Measurement]:
    return [
        msgspec.structs.replace(each, prepare_seconds=PREPARE.get(each.backend)) for each in rows
    ]


@pytest.fixture
def rows(row: MakeRow) -> list[Measurement]:
    costs = {"numpy": linear(1e-5, 1e-6), "torch-cpu": linear(1e-4, 1e-7)}
    absent = [
        row(
            family="mlp-width",
            size=size,
            problem=f"line:{size}",
            backend="torch-cuda",
            device="cuda",
            status="skipped",
            reason="no CUDA device found",
        )
        for size in (4, 16)
    ]
    return prepared(world(row, costs, processes=4, family="mlp-width")) + absent


@pytest.fixture
def found(rows: list[Measurement], environment: Environment) -> CrossoverResult:
    return crossover_result(rows, None, 10_000, environment, Path("results"))


def text_of(page: Path) -> str:
    return " ".join(read(page).text.split())


def test_a_line_for_each_pair_that_was_measured(found: CrossoverResult) -> None:
    """Family, pair, ground, status, and the answer with its interval; what was not is elsewhere."""
    (cells,) = crossover_cells(found.crossovers)
    assert len(cells) == len(CROSSOVER_COLUMNS)
    assert cells[:3] == ("mlp-width", "numpy → torch-cpu", "box, float32, 2 threads")
    assert cells[3].startswith("crosses")
    assert re.match(r"torch-cpu from [\d.]+ \[[\d.]+, [\d.]+\] on", cells[4])


def test_amortisations_show_a_few_sizes_with_both_ends(row: MakeRow) -> None:
    """Seven of each pair at most, in a line of as many cells as there are columns."""
    costs = {"numpy": linear(1e-5, 1e-6), "torch-cpu": linear(1e-4, 1e-7)}
    sizes = [2**k for k in range(1, 25)]
    found = crossover_result(prepared(world(row, costs, sizes, processes=3)), None, 100)
    cells = amortisation_cells(found.amortisations)
    assert len(cells) == 7
    assert all(len(line) == len(AMORTISATION_COLUMNS) for line in cells)
    assert (cells[0][1], cells[-1][1]) == ("2", f"{sizes[-1]:,}")
    assert cells[0][2] == "numpy"
    assert cells[0][-1] == "1"
    assert cells[-1][2] == "torch-cpu"
    assert any(re.fullmatch(r"[\d,]+ \[[\d,]+, ([\d,]+|…)\]", line[-1]) for line in cells)
    assert all(re.search(r"\[.*\] (ns|µs|ms|s)$", cell) for cell in (*cells[0][3:5], cells[0][6]))
    assert len(amortisation_cells(found.amortisations[:2])) == 2
    assert amortisation_cells([]) == []


def test_the_page_tells_crossovers_resident_and_from_cold(
    found: CrossoverResult, tmp_path: Path
) -> None:
    text = text_of(write_crossovers(tmp_path / "crossover.html", found))
    assert "From which size on does that change?" in text
    assert "torch-cpu from" in text
    assert "From cold: with preparing, over a training of 10,000 iterations" in text
    assert "When the faster one has paid for its start" in text
    assert "torch-cuda: no CUDA device found." in text
    assert "Abacus 3000, 2 cores." in text


def test_the_page_asks_nobody_for_anything(found: CrossoverResult, tmp_path: Path) -> None:
    """No script, no link, no style or font from elsewhere; figures stand in the file."""
    page = write_crossovers(tmp_path / "crossover.html", found)
    reader = read(page)
    assert reader.links == []
    assert reader.scripts == 0
    html = page.read_text(encoding="utf-8")
    assert not re.search(r"url\(\s*['\"]?(https?:)?//|@import", html)
    assert html.count("<svg") == 2
    assert html.count("<?xml") == 0
    assert [file.name for file in tmp_path.iterdir()] == ["crossover.html"]


def test_every_table_of_the_page_is_whole(found: CrossoverResult, tmp_path: Path) -> None:
    """As many cells in each line as in the head; a figure says in words what it shows."""
    html = write_crossovers(tmp_path / "crossover.html", found).read_text(encoding="utf-8")
    tables = re.findall(r"<table>.*?</table>", html, re.DOTALL)
    assert len(tables) == 3
    for table in tables:
        head, *lines = re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
        columns = head.count("<th ")
        assert lines
        assert {line.count("<td") + line.count("<th ") for line in lines} == {columns}
    assert len(re.findall(r'<figure role="img" aria-label="[^"]+">', html)) == html.count("<svg")


class Tags(Reader):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attributes)
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attributes)


def test_names_of_strangers_are_text(row: MakeRow, tmp_path: Path) -> None:
    """A table may name a backend or a case as it likes: nothing of it becomes part of the page."""
    name = '<script>alert("1")</script>'
    costs = {name: linear(1, 0.1), '"><img src=x onerror=y>': linear(10, 0.01)}
    absent = [row(backend="c", status="failed", reason=name, family=name, problem="line:4", size=4)]
    rows = [*world(row, costs, family=name, machine=name, dtype=name), *absent]
    page = write_crossovers(tmp_path / "crossover.html", crossover_result(rows, None, 100))
    reader = Tags()
    reader.feed(page.read_text(encoding="utf-8"))
    assert reader.scripts == 0
    assert "img" not in reader.tags
    assert name in reader.text


@pytest.mark.parametrize("name", ["100 % $", "_hidden", "a\nb", "é"])
def test_names_of_strangers_can_be_drawn(row: MakeRow, name: str, tmp_path: Path) -> None:
    rows = world(row, {name: linear(1, 0.1), "b": linear(10, 0.01)})
    page = write_crossovers(tmp_path / "crossover.html", crossover_result(rows, None, 100))
    assert page.read_text(encoding="utf-8").count("<svg") == 2


@pytest.mark.parametrize("name", ["$x^{$", r"a_$\frac$"])
def test_names_of_strangers_are_no_formulas(row: MakeRow, name: str) -> None:
    """What a drawing library might take for a formula is a name like any other."""
    rows = world(row, {name: linear(1, 0.1), "b": linear(10, 0.01)})
    (crossover,) = crossover_result(rows, None, 100).crossovers
    assert ratio_chart(rows, crossover, "size").startswith("<svg")


def test_each_ground_has_its_own_figures(row: MakeRow, tmp_path: Path) -> None:
    """Two numbers of threads are two pairs of figures, and never one line."""
    costs = {"numpy": linear(1e-5, 1e-6), "torch-cpu": linear(1e-4, 1e-7)}
    rows = [each for threads in (1, 2) for each in world(row, costs, threads=threads)]
    page = write_crossovers(tmp_path / "crossover.html", crossover_result(rows, None, 100))
    assert page.read_text(encoding="utf-8").count("<svg") == 4
    assert "Read from files." in text_of(page)


def test_a_page_without_any_time_says_why(row: MakeRow, tmp_path: Path) -> None:
    rows = [
        row(backend=name, size=size, problem=f"line:{size}", status="skipped", reason="no room")
        for name in ("a", "b")
        for size in (1, 2)
    ]
    text = text_of(write_crossovers(tmp_path / "crossover.html", crossover_result(rows, None, 100)))
    assert "Not measured" in text
    assert "a: no room." in text


def test_the_figure_shows_the_pair_and_is_the_same_for_the_same_rows(
    row: MakeRow, rows: list[Measurement], found: CrossoverResult
) -> None:
    crossover = found.crossovers[0]
    assert ratio_chart(rows, crossover, "width") == ratio_chart(rows, crossover, "width")
    elsewhere = msgspec.structs.replace(crossover, machine="other")
    assert ratio_chart(rows, elsewhere, "width") == ""


def test_single_values_have_no_bars(row: MakeRow) -> None:
    rows = world(row, {"a": linear(1, 0.1), "b": linear(10, 0.01)}, processes=1, noise=0.0)
    (crossover,) = crossover_result(rows, None, 100).crossovers
    assert ratio_chart(rows, crossover, "size").startswith("<svg")


def test_a_folder_that_cannot_be_written_to_is_one_line(found: CrossoverResult) -> None:
    with pytest.raises(UserError, match="cannot write the page"):
        write_crossovers(Path("/proc/no/crossover.html"), found)
