"""What an iteration might take over several machines: estimated, so dotted, with its range."""

from __future__ import annotations

from perceptron.analysis.data_parallel.estimate import NetworkWhatIf
from perceptron.report.charts.axes import log_axis, size_text, within
from perceptron.report.charts.figure import Line, LineFigure
from perceptron.report.numbers import count, duration_interval, tick

_MACHINES = "machines that train together"
_TIME = "time per iteration, estimated"
_ONE, _SEVERAL = "torch-cpu", "torch-ddp"


def network_figure(answer: NetworkWhatIf) -> LineFigure:
    """Return the estimate over the number of machines, beside that of one; nothing is measured.

    Bands reach from the best to the worst case.
    """
    one = answer.one_machine
    machines = tuple(float(over.machines) for over in answer.estimates)
    alone = Line(
        backend=_ONE,
        label="one machine, ESTIMATED",
        x=(1.0, *machines),
        y=(one.seconds,) * (1 + len(machines)),
        low=(one.low,) * (1 + len(machines)),
        high=(one.high,) * (1 + len(machines)),
        texts=(duration_interval(one.seconds, one.low, one.high),) * (1 + len(machines)),
        estimated=True,
    )
    joined = Line(
        backend=_SEVERAL,
        label=f"over {answer.network}, ESTIMATED",
        x=machines,
        y=tuple(over.seconds for over in answer.estimates),
        low=tuple(over.low for over in answer.estimates),
        high=tuple(over.high for over in answer.estimates),
        texts=tuple(
            f"{count(over.machines)}: {duration_interval(over.seconds, over.low, over.high)}"
            for over in answer.estimates
        ),
        estimated=True,
    )
    lines = tuple(line for line in (alone, joined) if line.x)
    values = [value for line in lines for value in line.y]
    ends = [end for line in lines for end in (*line.low, *line.high) if end is not None]
    return LineFigure(
        alt=f"{_TIME}, of {answer.problem} over the number of machines joined by {answer.network}, "
        f"both axes logarithmic: {'; '.join(joined.texts) or 'one machine only'}",
        caption="Lower is faster. Nothing here is measured: lines are dotted, and bands reach from "
        "the best to the worst case.",
        height=420,
        x=log_axis(alone.x, size_text, 2, _MACHINES),
        y=log_axis(within(values, [*values, *ends]), tick, 10, _TIME),
        lines=lines,
    )
