from __future__ import annotations

import msgspec
import pytest

from perceptron.analysis.data_parallel.estimate import (
    MachinesRange,
    NetworkWhatIf,
    NotEstimated,
    RowsRange,
    what_if_network,
)
from perceptron.analysis.data_parallel.fit import Compute, Sending
from perceptron.analysis.data_parallel.networks import NETWORKS
from perceptron.report.tables import network

COMPUTE = Compute(fixed=1e-4, per_row=1e-5, hooks=5e-5, spread=0.05)
SENDING = Sending(per_step=5e-5, per_byte=0.0, spread=0.05)


@pytest.fixture
def answer() -> NetworkWhatIf:
    return what_if_network(
        "mlp:256x64x128", 256, "float32", 2, (34_000,), COMPUTE, SENDING, NETWORKS["10GbE"]
    )


def test_every_number_of_machines_has_a_row_with_a_range(answer: NetworkWhatIf) -> None:
    cells = network.cells(answer)
    assert [row[0] for row in cells] == ["1", "2", "4", "8", "16", "32", "64"]
    assert all(len(row) == len(network.COLUMNS) for row in cells)
    assert all("[" in row[2] for row in cells[1:])


def test_what_is_estimated_says_so_everywhere(answer: NetworkWhatIf) -> None:
    assert "an estimate, not a measurement" in network.title(answer)
    assert network.sentence(answer).startswith("Estimated, not measured, over 10GbE: ")
    assert "estimated" in network.COLUMNS[1]
    assert "0 s for a MiB" in network.fit_line(answer)
    assert answer.source in network.fit_line(answer)


@pytest.mark.parametrize(
    ("fastest", "words"),
    [
        ((1, 1, 1), "no further machine pays"),
        ((1, 1, 2), "one machine is likely the fastest [1, 2]"),
        ((8, 4, 16), "fastest over 8 machines [4, 16], and a further one does not pay"),
        ((1024, 8, 1024), "over 1,024 or more machines [8, 1,024]"),
    ],
)
def test_how_many_machines_pay(
    answer: NetworkWhatIf, fastest: tuple[int, int, int], words: str
) -> None:
    machines, low, high = fastest
    told = msgspec.structs.replace(
        answer, fastest=MachinesRange(machines=machines, low=low, high=high)
    )
    assert words in network.sentence(told)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((None, None, None), "the second never pays"),
        ((None, 500.0, None), "the second likely never pays [500, never]"),
        ((1000.0, 500.0, 2000.0), "from 1,000 rows an iteration up [500, 2,000]"),
        ((1000.0, 500.0, None), "from 1,000 rows an iteration up [500, never]"),
    ],
)
def test_from_which_size_the_second_machine_pays(
    answer: NetworkWhatIf, rows: tuple[float | None, float | None, float | None], words: str
) -> None:
    likely, low, high = rows
    told = msgspec.structs.replace(
        answer, second_pays_from=RowsRange(rows=likely, low=low, high=high)
    )
    assert words in network.sentence(told)


def test_why_nothing_could_be_estimated_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    network.show(NotEstimated(network="1GbE", reason="no time"))
    assert "Nothing could be estimated for 1GbE: no time." in capsys.readouterr().out
    network.show(None)
    assert capsys.readouterr().out == ""


def test_the_console_has_the_table_and_the_sentence(
    answer: NetworkWhatIf, capsys: pytest.CaptureFixture[str]
) -> None:
    network.show(answer)
    shown = capsys.readouterr().out
    assert "an estimate, not a measurement" in " ".join(shown.split())
    assert network.sentence(answer) in shown
