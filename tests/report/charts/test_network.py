from __future__ import annotations

from msgspec.structs import replace

from perceptron.analysis.data_parallel.estimate import NetworkWhatIf, what_if_network
from perceptron.analysis.data_parallel.fit import Compute, Sending
from perceptron.analysis.data_parallel.networks import NETWORKS
from perceptron.report.charts.as_svg.draw import draw
from perceptron.report.charts.network import network_figure


def estimated(rows: int = 256) -> NetworkWhatIf:
    return what_if_network(
        "mlp:256x64x128",
        rows,
        "float32",
        2,
        (34_000,),
        Compute(fixed=1e-4, per_row=1e-5, hooks=5e-5, spread=0.05),
        Sending(per_step=5e-5, per_byte=0.0, spread=0.05),
        NETWORKS["10GbE"],
    )


def test_the_estimate_is_drawn_as_one_with_its_range() -> None:
    """Over the machines, beside one of them; no line stands for a measurement."""
    answer = estimated()
    figure = network_figure(answer)
    alone, joined = figure.lines
    assert alone.estimated
    assert joined.estimated
    assert joined.x == (2, 4, 8, 16, 32, 64)
    assert joined.y == tuple(over.seconds for over in answer.estimates)
    assert joined.low == tuple(over.low for over in answer.estimates)
    assert joined.high == tuple(over.high for over in answer.estimates)
    assert set(alone.y) == {answer.one_machine.seconds}
    assert "Nothing here is measured" in figure.caption
    assert figure.y.low < min(low for low in joined.low if low is not None)


def test_it_is_drawn_dotted() -> None:
    """As estimates are in every figure; the names are the file's own."""
    picture = draw(network_figure(estimated()))
    assert "over 10GbE, ESTIMATED" in picture
    assert "stroke-dasharray" in picture


def test_a_problem_of_one_row_has_one_machine() -> None:
    figure = network_figure(replace(estimated(1), estimates=[]))
    (alone,) = figure.lines
    assert alone.x == (1,)
    assert draw(figure)
