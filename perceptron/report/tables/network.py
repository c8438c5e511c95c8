"""What a network might do, in words; it never stands in a table of measurements."""

from __future__ import annotations

from perceptron.analysis.data_parallel.estimate import (
    MOST_MACHINES,
    MachinesRange,
    NetworkWhatIf,
    NotEstimated,
    RowsRange,
)
from perceptron.report.numbers import count, digits, duration, duration_interval, interval, memory
from perceptron.report.tables.terminal import out, table

COLUMNS = ("machines>", "per iteration, estimated>", "times as fast as one>")


def show(answer: NetworkWhatIf | NotEstimated | None) -> None:
    """Print the estimates, or why there are none; nothing where none were asked for."""
    if answer is None:
        return
    if isinstance(answer, NetworkWhatIf):
        table(title(answer), COLUMNS, cells(answer))
        out.print(f"{fit_line(answer)}\n", markup=False, soft_wrap=True)
    out.print(f"{sentence(answer)}\n", markup=False, soft_wrap=True)


def title(answer: NetworkWhatIf) -> str:
    """Return what is estimated, and that it is."""
    return (
        f"What if machines like this one, {answer.threads} threads each, were joined by "
        f"{answer.network}: an estimate, not a measurement"
    )


def cells(answer: NetworkWhatIf) -> list[tuple[str, ...]]:
    """Return a row for each number of machines; the ranges are the best and the worst case."""
    one = answer.one_machine
    return [
        ("1", duration_interval(one.seconds, one.low, one.high), "1"),
        *(
            (
                count(over.machines),
                duration_interval(over.seconds, over.low, over.high),
                interval(over.speedup, over.speedup_low, over.speedup_high),
            )
            for over in answer.estimates
        ),
    ]


def fit_line(answer: NetworkWhatIf) -> str:
    """Return what was fitted to the measurements, and where the network's figures are from."""
    compute, sending = answer.compute, answer.sending
    parts = [
        f"of the iteration {_time(compute.per_row * answer.step_rows)} divide by the machines and "
        f"{_time(compute.fixed)} do not",
        f"DDP adds {_time(compute.hooks)}",
        f"the hosts need {_time(sending.per_step)} for a message and "
        f"{_time(sending.per_byte * 2**20)} for a MiB",
        f"the gradient is {memory(answer.gradient_bytes, 'MiB')} in {_buckets(answer)}",
    ]
    return f"Fitted to what was measured here: {'; '.join(parts)}. Network: {answer.source}."


def sentence(answer: NetworkWhatIf | NotEstimated) -> str:
    """Return how many machines pay, and from which size up the second one does."""
    if isinstance(answer, NotEstimated):
        return f"Nothing could be estimated for {answer.network}: {answer.reason}."
    return (
        f"Estimated, not measured, over {answer.network}: "
        f"{_pays(answer.fastest)}; the second {_rows(answer.second_pays_from)}."
    )


def _pays(fastest: MachinesRange) -> str:
    if fastest.high == 1:
        return "no further machine pays for this problem"
    ends = f"[{count(fastest.low)}, {count(fastest.high)}]"
    if fastest.machines == 1:
        return f"one machine is likely the fastest {ends}"
    if fastest.machines == MOST_MACHINES:
        return f"it is fastest over {count(fastest.machines)} or more machines {ends}"
    return (
        f"it is fastest over {count(fastest.machines)} machines {ends}, and a further one does "
        "not pay"
    )


def _rows(rows: RowsRange) -> str:
    """Return from how many rows of an iteration the second machine pays, with the range."""
    if rows.rows is None and rows.low is None:
        return "never pays"
    ends = ", ".join("never" if end is None else digits(end) for end in (rows.low, rows.high))
    if rows.rows is None:
        return f"likely never pays [{ends}]"
    return f"pays from {digits(rows.rows)} rows an iteration up [{ends}]"


def _time(seconds: float) -> str:
    return "0 s" if seconds == 0 else duration(seconds)


def _buckets(answer: NetworkWhatIf) -> str:
    number = len(answer.buckets)
    return "1 bucket" if number == 1 else f"{number} buckets"
