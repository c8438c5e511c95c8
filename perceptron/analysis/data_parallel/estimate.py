"""What an iteration might take over several machines: an estimate with a range, no measurement.

Each machine computes on its part of the rows, and the gradient is summed over all of them, bucket
by bucket. DDP sends a bucket while the backward pass still computes the next:

    at best   fixed + hooks + rows/N · per_row + last bucket + max(0, other buckets − backward)
    at worst  fixed + hooks + rows/N · per_row + all buckets

where a bucket takes ``steps · (per_step + latency) + bytes · 2(N−1)/N · seconds for a byte``. For a
byte the slower of the hosts and the link decides at best; at worst they take turns. The range takes
a network's figures at their best and at their worst as well, and how far the fits are off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt

from msgspec import Struct
from msgspec.structs import replace
from scipy.optimize import brentq

from perceptron.analysis.data_parallel.fit import Compute, Sending, sent_share, steps
from perceptron.analysis.data_parallel.networks import Network

MOST_MACHINES = 1024
"""How far is looked for a machine that does not pay."""
SHOWN = (2, 4, 8, 16, 32, 64)
_MOST_ROWS = 1e12
# Of what divides: the forward pass takes one product of each layer and the backward pass two.
BACKWARD = 2 / 3
_BEST, _WORST = 0, 1


class Estimate(Struct, frozen=True):
    """Seconds of one iteration: likely, at best and at worst."""

    seconds: float
    low: float
    high: float


class MachinesEstimate(Struct, frozen=True, kw_only=True):
    """Seconds per iteration over so many machines, and how many times as fast as one that is."""

    machines: int
    seconds: float
    low: float
    high: float
    speedup: float
    """Over the plain training on one machine, by the same fit."""
    speedup_low: float
    speedup_high: float


class MachinesRange(Struct, frozen=True, kw_only=True):
    """A number of machines: likely, in the worst case (``low``) and in the best (``high``)."""

    machines: int
    low: int
    high: int


class RowsRange(Struct, frozen=True, kw_only=True):
    """Rows of an iteration: likely, in the best case (``low``) and in the worst (``high``).

    None where no number of rows does it.
    """

    rows: float | None
    low: float | None
    high: float | None


class NetworkWhatIf(Struct, frozen=True, kw_only=True):
    """What a network might make of more machines of this kind; everything here is estimated.

    ``fastest`` is over how many an iteration is fastest: a further one does not pay.
    ``second_pays_from`` is how many rows an iteration must have for two to be faster than one.
    """

    network: str
    problem: str
    step_rows: int
    dtype: str
    threads: int
    """Of each machine."""
    buckets: list[int]
    """Bytes of each bucket of the gradient, in the order in which they are sent."""
    one_machine: Estimate
    """Of the plain training, by the same fit."""
    estimates: list[MachinesEstimate]
    fastest: MachinesRange
    second_pays_from: RowsRange
    compute: Compute
    sending: Sending
    source: str

    @property
    def gradient_bytes(self) -> int:
        """Bytes that are summed over the machines in each iteration."""
        return sum(self.buckets)


class NotEstimated(Struct, frozen=True, kw_only=True):
    """Why nothing could be estimated for a network."""

    network: str
    reason: str


def sending_seconds(
    machines: int, bucket: float, sending: Sending, network: Network, side: int
) -> float:
    """Return what one bucket takes to be summed over the machines, at best or at worst."""
    if machines == 1:
        return 0.0
    of_link = 0.0 if network.bandwidth is None else 1 / network.bandwidth[1 - side]
    sent = sent_share(machines) * bucket
    latency = steps(machines) * (sending.per_step + network.latency[side])
    if side == _WORST:
        return latency + sent * (sending.per_byte + of_link)
    on_link = max(0.0, sent - network.burst) * of_link
    return latency + max(sent * sending.per_byte, on_link)


def iteration(
    compute_seconds: float,
    backward_seconds: float,
    buckets: Sequence[int],
    machines: int,
    sending: Sending,
    network: Network,
    spread: float = 0.0,
) -> Estimate:
    """Estimate an iteration of machines that each compute for so long, of it backward.

    ``spread`` is the share by which computing may be off. With what the fit of sending is off by it
    widens what the hosts do; what the network adds has a range of its own.
    """
    if machines == 1:
        return Estimate(
            compute_seconds, compute_seconds / (1 + spread), compute_seconds * (1 + spread)
        )
    without = replace(network, latency=(0.0, 0.0), bandwidth=None)
    off = sqrt(spread**2 + sending.spread**2)
    ends, hosts = (
        [
            compute_seconds
            + _seen(
                [sending_seconds(machines, size, sending, over, side) for size in buckets],
                backward_seconds if side == _BEST else 0.0,
            )
            for side in (_BEST, _WORST)
        ]
        for over in (network, without)
    )
    low = ends[_BEST] - hosts[_BEST] * off / (1 + off)
    return Estimate(sqrt(ends[_BEST] * ends[_WORST]), low, ends[_WORST] + hosts[_WORST] * off)


def _seen(seconds: Sequence[float], hidden: float) -> float:
    """Return what buckets take of the iteration if all but the last overlap with ``hidden`` of it.

    Without hiding anything that is all that they take.
    """
    *others, last = seconds
    return last + max(0.0, sum(others) - hidden)


def what_if_network(
    problem: str,
    step_rows: int,
    dtype: str,
    threads: int,
    buckets: Sequence[int],
    compute: Compute,
    sending: Sending,
    network: Network,
) -> NetworkWhatIf:
    """Estimate an iteration of the problem over 2, 4, 8 … machines of this kind.

    As many as have a row each, and at most `MOST_MACHINES`.
    """

    def over(machines: int, rows: float, spread: float = 0.0) -> Estimate:
        if machines == 1:
            return iteration(
                compute.seconds(rows, is_ddp=False), 0, (), 1, sending, network, spread
            )
        own = rows / machines
        return iteration(
            compute.seconds(own),
            BACKWARD * compute.per_row * own,
            buckets,
            machines,
            sending,
            network,
            spread,
        )

    most = min(step_rows, MOST_MACHINES)
    numbers = [number for number in SHOWN if number <= most]
    return NetworkWhatIf(
        network=network.name,
        problem=problem,
        step_rows=step_rows,
        dtype=dtype,
        threads=threads,
        buckets=list(buckets),
        one_machine=over(1, step_rows, compute.spread),
        estimates=[
            _of_machines(number, over(number, step_rows, compute.spread), *speedups)
            for number in numbers
            for speedups in [(over(1, step_rows), over(number, step_rows))]
        ],
        fastest=_fastest([over(number, step_rows) for number in range(1, most + 1)]),
        second_pays_from=_second_pays(over),
        compute=compute,
        sending=sending,
        source=network.source,
    )


def _of_machines(
    machines: int, seconds: Estimate, one: Estimate, by_fit: Estimate
) -> MachinesEstimate:
    """Return an estimate beside that of one machine.

    What the fit of computing is off by is so on both sides, so it is no part of their ratio.
    """
    return MachinesEstimate(
        machines=machines,
        seconds=seconds.seconds,
        low=seconds.low,
        high=seconds.high,
        speedup=one.seconds / by_fit.seconds,
        speedup_low=one.seconds / by_fit.high,
        speedup_high=one.seconds / by_fit.low,
    )


def _fastest(estimates: Sequence[Estimate]) -> MachinesRange:
    """Return over how many machines an iteration is fastest, of estimates for 1, 2, 3 …"""
    likely, *cases = (
        1 + min(range(len(times)), key=times.__getitem__)
        for times in (
            [one.seconds for one in estimates],
            [one.low for one in estimates],
            [one.high for one in estimates],
        )
    )
    return MachinesRange(machines=likely, low=min(likely, *cases), high=max(likely, *cases))


def _second_pays(over: Callable[[int, float], Estimate]) -> RowsRange:
    """Return from how many rows two machines are faster than one, for each of the estimates."""

    def crossing(part: Callable[[Estimate], float]) -> float | None:
        def gain(rows: float) -> float:
            return over(1, rows).seconds - part(over(2, rows))

        if not gain(_MOST_ROWS) > 0:
            return None
        return 1.0 if gain(1.0) >= 0 else float(brentq(gain, 1.0, _MOST_ROWS))

    return RowsRange(
        rows=crossing(lambda one: one.seconds),
        low=crossing(lambda one: one.low),
        high=crossing(lambda one: one.high),
    )
