"""Estimates of data-parallel training over a link, beside what it takes over that very link.

What is fitted was measured over the link as it comes; of a shaped one the model is told its rate
and nothing that was measured over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
from msgspec import Struct

from perceptron.analysis.data_parallel.estimate import BACKWARD, Estimate, iteration
from perceptron.analysis.data_parallel.fit import Sending, SendingTime, fit_sending
from perceptron.analysis.data_parallel.networks import Network
from perceptron.analysis.interval import CONFIDENCE, Interval, of_times, quantile
from perceptron.backends.data_parallel.buckets import bucket_bytes
from perceptron.errors import UserError
from perceptron.machine import cpu_name, usable_cores
from perceptron.measure.job import Job
from perceptron.problems import catalogue
from perceptron.problems.problem import DType, Problem
from perceptron.problems.shape import parse
from perceptron.records.run import now
from perceptron.studies.shared.progress import Progress
from perceptron.studies.what_if_network import ALONE, TWO
from perceptron.validation.network.measure import outcomes
from perceptron.validation.network.namespaces import Host, Link, two_hosts

UNSHAPED = Link("unshaped", None)
LINKS = (
    UNSHAPED,
    Link("100 Mbit/s", 1e8),
    Link("1 Gbit/s", 1e9),
    Link("10 Gbit/s", 1e10),
)
# Gradients of 2 KiB to 4 MiB: one bucket each but for that of 512 × 512, which has two.
SHAPES = (
    *("mlp:256x64x8", "mlp:256x64x128", "mlp:256x64x1024", "mlp:256x64x8192"),
    *("mlp:256x64x512x512", "mlp:64x512x2048"),
)
_DTYPE: DType = "float32"
# A filter counts the header of a packet, 14 of 1,514 bytes, and those of IP and TCP, 52. Beside
# data it lets acknowledgements pass, of 66 bytes for every two packets at most; and what a bucket
# of tokens cannot hold while a timer is late is lost.
_PAYLOAD = (0.86, 1448 / 1514)
# Over so many processes an interval says something.
_FEWEST = 2
_SAMPLES, _MINIMUM_SECONDS = 5, 0.02


@dataclass(frozen=True)
class CheckPlan:
    """What is measured: problems over links, the first of which is not shaped."""

    links: tuple[Link, ...] = LINKS
    shapes: tuple[str, ...] = SHAPES
    processes: int = 3
    samples: int = _SAMPLES

    def __post_init__(self) -> None:
        if self.links[:1] != (UNSHAPED,) or self.processes < _FEWEST:
            raise ValueError("the link as it comes is measured first, in two processes at least")


Seconds = dict[str, list[float]]
"""Of an iteration, one of each process, by the problem's name."""


class NetworkCheck(Struct, frozen=True, kw_only=True):
    """An estimate beside a measurement, in seconds per iteration.

    ``error`` is likely over measured, less 1. Over the link as it comes the model was ``fitted``.
    """

    link: str
    bits: float | None
    problem: str
    gradient_bytes: int
    buckets: int
    estimate: Estimate
    measured: Interval
    inside: bool
    error: float
    fitted: bool


class NetworkTruth(Struct, frozen=True, kw_only=True):
    """All checks, what the hosts need to send, and where and when it was measured."""

    checks: list[NetworkCheck]
    sending: Sending
    cpu: str
    cores: int
    when: str
    processes: int

    @property
    def shaped(self) -> list[NetworkCheck]:
        """Those that the model was not fitted to."""
        return [check for check in self.checks if not check.fitted]


def check(plan: CheckPlan, progress: Progress) -> NetworkTruth:
    """Measure over every link, fit to the first, and compare the others with their estimates.

    Raises `UserError` where namespaces cannot be made, or if a backend fails.
    """
    problems = [catalogue.find(reference) for reference in plan.shapes]
    total = len(plan.shapes) * plan.processes * (len(plan.links) + 1)
    seen = _Seen(progress, total)
    computing: Seconds = {reference: [] for reference in plan.shapes}
    over: dict[str, Seconds] = {
        link.name: {reference: [] for reference in plan.shapes} for link in plan.links
    }
    # A shared machine changes its speed while minutes pass: each round has all links.
    for _ in range(plan.processes):
        for link in plan.links:
            with two_hosts(link) as hosts:
                if link == UNSHAPED:
                    halves = {_half(reference): computing[reference] for reference in plan.shapes}
                    _measure(hosts, halves, ALONE, 1, plan, seen)
                _measure(hosts, over[link.name], TWO, 2, plan, seen)
    sending = fit_sending(
        [
            SendingTime(2, bucket_bytes(problem, _DTYPE), of_times(computing[name]).estimate, whole)
            for problem in problems
            for name in [problem.name]
            for whole in over[UNSHAPED.name][name]
        ]
    )
    return NetworkTruth(
        checks=[
            compare(
                link,
                problem,
                computing[problem.name],
                over[link.name][problem.name],
                sending,
                spread_of(computing.values()),
            )
            for link in plan.links
            for problem in problems
        ],
        sending=sending,
        cpu=cpu_name(),
        cores=usable_cores(),
        when=now(),
        processes=plan.processes,
    )


def compare(
    link: Link,
    problem: Problem,
    computing: Sequence[float],
    measured: Sequence[float],
    sending: Sending,
    spread: float,
) -> NetworkCheck:
    """Estimate a problem over a link of known rate, and compare that with what was measured.

    ``computing`` are seconds of an iteration that one process alone takes for its half, which may
    be off by a share ``spread`` of it.
    """
    buckets = bucket_bytes(problem, _DTYPE)
    half = of_times(computing).estimate
    estimate = iteration(half, BACKWARD * half, buckets, 2, sending, network_of(link), spread)
    seen = of_times(measured)
    return NetworkCheck(
        link=link.name,
        bits=link.bits,
        problem=problem.name,
        gradient_bytes=sum(buckets),
        buckets=len(buckets),
        estimate=estimate,
        measured=seen,
        inside=estimate.low <= seen.estimate <= estimate.high,
        error=estimate.seconds / seen.estimate - 1,
        fitted=link.bits is None,
    )


def spread_of(times: Iterable[Sequence[float]]) -> float:
    """Return by which share a time is off at 95 %, from several of each problem together."""
    apart = [np.log(own) - np.mean(np.log(own)) for own in times]
    freedom = sum(len(own) - 1 for own in apart)
    deviation = sqrt(sum(float((own**2).sum()) for own in apart) / freedom)
    return exp(quantile(freedom, CONFIDENCE) * deviation) - 1


def network_of(link: Link) -> Network:
    """Return a link as the model knows it: by the rate that it was given."""
    bandwidth = None
    if link.bits is not None:
        bandwidth = (_PAYLOAD[0] * link.bits / 8, _PAYLOAD[1] * link.bits / 8)
    return Network(
        name=link.name,
        latency=(0.0, 0.0),
        bandwidth=bandwidth,
        burst=link.burst,
        source="tc-tbf(8)",
    )


def _half(reference: str) -> str:
    """Return the shape with the rows that each of two processes has."""
    shape = parse(reference)
    return shape.with_size("rows", shape.rows // 2).reference


class _Seen:
    """How much of it is done."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def one_more(self, what: str) -> None:
        self._done += 1
        self._progress(self._done, self._total, what)


def _measure(
    hosts: tuple[Host, Host],
    seconds: Seconds,
    backend: str,
    threads: int,
    plan: CheckPlan,
    seen: _Seen,
) -> None:
    """Append what an iteration of each problem takes in one more process."""
    job = Job(
        backend=backend,
        problems=list(seconds),
        dtype=_DTYPE,
        threads=threads,
        samples=plan.samples,
        minimum_seconds=_MINIMUM_SECONDS,
    )
    with closing(outcomes(*hosts, [job])) as answers:
        for outcome in answers:
            if outcome.seconds is None:
                raise UserError(f"--network: {backend} on {outcome.problem}: {outcome.reason}")
            seconds[outcome.problem].append(outcome.seconds)
            seen.one_more(f"{outcome.problem} on {backend}")
