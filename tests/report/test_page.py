from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from perceptron.analysis.summary import Bench, summarise
from perceptron.errors import UserError
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from perceptron.report.charts import finding_chart
from perceptron.report.page import write_page
from tests.analysis.test_crossover import linear, world
from tests.conftest import MakeRow


@pytest.fixture
def rows(row: MakeRow) -> list[Measurement]:
    costs = {"numpy": linear(1e-5, 1e-6), "torch-cpu": linear(1e-4, 1e-7)}
    finding = [
        row(
            family="or-gate", size=4, backend=name, process=process, seconds=cost, iterations=10_000
        )
        for process in range(3)
        for name, cost in (("numpy-published", 8e-6), ("numpy", 7e-6), ("torch-cpu", 65e-6))
    ]
    absent = [
        row(
            family=family,
            size=size,
            problem=f"line:{size}",
            backend="torch-cuda",
            device="cuda",
            status="skipped",
            reason="no CUDA device found",
        )
        for family, size in (("or-gate", 4), ("mlp-width", 4), ("mlp-width", 16))
    ]
    return [*world(row, costs, processes=4, family="mlp-width"), *finding, *absent]


@pytest.fixture
def bench(rows: list[Measurement], environment: Environment) -> Bench:
    return summarise(["numpy", "torch-cpu", "torch-cuda"], Path("results"), environment, rows)


class Reader(HTMLParser):
    """What a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.scripts = 0
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        for name, value in attributes:
            if name in {"src", "href", "xlink:href"} and not str(value).startswith("#"):
                self.links.append(str(value))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: Path) -> Reader:
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    return reader


def test_the_page_tells_finding_crossover_and_machine(bench: Bench, tmp_path: Path) -> None:
    page = read(write_page(tmp_path / "html", bench))
    text = " ".join(page.text.split())
    assert "torch-cpu from" in text
    assert "crosses" in text
    assert "not measured: no CUDA device found" in text
    assert "Abacus 3000" in text
    assert "kernel Haswell" in text
    assert "8.12" in text or "8.13" in text  # torch-cpu over numpy-published


def test_the_page_needs_nothing_from_outside(bench: Bench, tmp_path: Path) -> None:
    """No request, no script: it opens from disk, offline."""
    page = read(write_page(tmp_path, bench))
    assert page.links == []
    assert page.scripts == 0


def test_the_same_run_gives_the_same_bytes(bench: Bench, tmp_path: Path) -> None:
    first = write_page(tmp_path / "a", bench).read_bytes()
    assert write_page(tmp_path / "b", bench).read_bytes() == first


def test_names_from_strangers_are_text(
    rows: list[Measurement], environment: Environment, tmp_path: Path
) -> None:
    """A backend, machine or reason may be called anything; nothing of it becomes markup."""
    evil = "<script>alert(1)</script>\"'>"
    replace = msgspec.structs.replace
    hostile = [
        replace(
            row,
            machine=evil,
            family=evil if row.family != "or-gate" else row.family,
            reason=evil if row.reason else None,
            backend=evil if row.backend == "torch-cpu" else row.backend,
        )
        for row in rows
    ]
    strange = replace(environment, cpu=evil, libraries={evil: evil})
    found = summarise(["numpy", evil, "torch-cuda"], Path("results"), strange, hostile)
    page = read(write_page(tmp_path, found))
    assert page.scripts == 0
    assert evil in page.text


def test_figures_are_drawn_without_any_measurement() -> None:
    """A machine without one backend still gets its page."""
    from perceptron.analysis.finding import finding

    assert finding_chart(finding([], ["numpy", "torch-cuda"])).startswith("<svg")


def test_a_folder_that_cannot_be_written_is_named(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "html").write_text("a file")
    with pytest.raises(UserError, match="cannot write the page"):
        write_page(tmp_path / "html", bench)
