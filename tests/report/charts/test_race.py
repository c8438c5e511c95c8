from __future__ import annotations

from pathlib import Path

from perceptron.analysis.race.result import RaceResult
from perceptron.analysis.stored.runs import judge_race
from perceptron.figure import LineFigure
from perceptron.records.race import RaceRow, Target
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.charts import plot
from perceptron.report.charts.as_plotly.draw import draw as as_plotly
from perceptron.report.charts.as_svg.draw import draw as as_svg
from perceptron.report.charts.palette import strokes
from perceptron.report.charts.race import race_figure
from tests.made import keep_race, race_row, race_rows


def judged(results: Path, rows: list[RaceRow]) -> RaceResult:
    return judge_race(read_run(keep_race(results, rows)))


def figure_of(result: RaceResult) -> LineFigure:
    figure = race_figure(result, "fresh", "float32")
    assert figure is not None
    return figure


def test_an_accuracy_is_on_a_linear_axis_up_to_1_in_both_drawings(tmp_path: Path) -> None:
    result = judged(tmp_path, race_rows())
    figure = figure_of(result)
    assert (figure.y.is_linear, figure.y.high) == (True, 1.0)
    assert 0.6 < figure.y.low < 0.7
    (drawn,) = as_plotly(figure, plot.looks(strokes(["numpy", "torch-cpu"])))
    assert (drawn.layout["xaxis"]["type"], drawn.layout["yaxis"]["type"]) == ("log", "linear")
    assert drawn.layout["yaxis"]["range"] == [figure.y.low, 1.0]
    assert as_svg(figure).count("<svg") == 1
    assert race_figure(result, "fresh", "float64") is None


def test_a_loss_is_on_a_logarithmic_axis_and_reached_below_its_target(tmp_path: Path) -> None:
    rows = [race_row(seed, target=Target("loss", 0.05)) for seed in range(3)]
    figure = figure_of(judged(tmp_path, rows))
    assert not figure.y.is_linear
    (grey,) = figure.stretches
    assert (grey.low, grey.high) == (figure.y.low, 0.05)


def test_many_looks_are_thinned_and_the_last_one_stays(tmp_path: Path) -> None:
    accuracies = [0.5 + 0.4 * index / 500 for index in range(500)]
    figure = figure_of(judged(tmp_path, [race_row(accuracies=[*accuracies, 0.96], train=5.0)]))
    (line,) = figure.lines
    assert 2 < len(line.x) < 60
    assert line.y[-1] == 0.96
