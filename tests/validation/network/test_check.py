from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from perceptron.analysis.data_parallel.fit import Sending
from perceptron.backends.data_parallel.buckets import bucket_bytes
from perceptron.errors import UserError
from perceptron.measure.job import Job, Outcome
from perceptron.problems import catalogue
from perceptron.studies.shared.progress import silent
from perceptron.studies.what_if_network import ALONE
from perceptron.validation.network import check as study
from perceptron.validation.network import table
from perceptron.validation.network.check import (
    LINKS,
    SHAPES,
    UNSHAPED,
    CheckPlan,
    NetworkTruth,
    check,
    compare,
    network_of,
    spread_of,
)
from perceptron.validation.network.namespaces import Link, two_hosts, unavailable

needs_hosts = pytest.mark.skipif(
    unavailable() is not None, reason=f"NO NETWORK NAMESPACES: {unavailable()}"
)
SLOW = Link("100 Mbit/s", 1e8)


class Hosts:
    """Hosts that take a microsecond a row, and 50 µs and 1 ns a byte to send; a link its rate."""

    def __init__(self) -> None:
        self.link = UNSHAPED
        self.jobs = 0

    def __call__(self, link: Link) -> Hosts:
        self.link = link
        return self

    def __enter__(self) -> tuple[None, None]:
        return (None, None)

    def __exit__(self, *_: object) -> None:
        pass

    def seconds(self, job: Job, reference: str) -> float:
        problem = catalogue.find(reference)
        alone = job.backend == ALONE
        computed = 1e-6 * problem.step_rows / (1 if alone else 2)
        if alone:
            return computed
        sent = sum(bucket_bytes(problem, "float32"))
        of_link = 0 if self.link.bits is None else 8 / self.link.bits / 0.956
        steps = 2 * len(bucket_bytes(problem, "float32"))
        return computed + steps * 50e-6 + sent * max(1e-9, of_link)

    def outcomes(self, first: None, second: None, jobs: Sequence[Job]) -> Iterator[Outcome]:
        for job in jobs:
            self.jobs += 1
            for reference in job.problems:
                seconds = self.seconds(job, reference) * (1 + self.jobs % 3 / 100)
                yield Outcome(problem=reference, status="ok", seconds=seconds)


@pytest.fixture
def truth(monkeypatch: pytest.MonkeyPatch) -> NetworkTruth:
    hosts = Hosts()
    monkeypatch.setattr(study, "two_hosts", hosts)
    monkeypatch.setattr(study, "outcomes", hosts.outcomes)
    return check(CheckPlan(), silent)


def test_what_holds_by_the_model_is_found_to_hold(truth: NetworkTruth) -> None:
    assert len(truth.checks) == len(LINKS) * len(SHAPES)
    assert len(truth.shaped) == (len(LINKS) - 1) * len(SHAPES)
    assert all(one.inside for one in truth.shaped)
    assert truth.sending.per_step == pytest.approx(50e-6, rel=0.1)
    assert truth.sending.per_byte == pytest.approx(1e-9, rel=0.1)
    slow = {one.problem: one for one in truth.shaped if one.bits == 1e8}
    assert slow["mlp:64x512x2048"].measured.estimate > 0.3, "4 MiB at 100 Mbit/s"
    assert slow["mlp:64x512x2048"].error == pytest.approx(0, abs=0.1)


def test_one_that_is_outside_is_shown_and_counted(truth: NetworkTruth, tmp_path: Path) -> None:
    first = truth.shaped[0]
    wrong = msgspec.structs.replace(first, inside=False, error=-0.9)
    others = [one for one in truth.checks if one is not first]
    told = msgspec.structs.replace(truth, checks=[*others, wrong])
    assert f"in {len(truth.shaped) - 1} of {len(truth.shaped)} rows" in table.summary(told)
    assert "off by -90 % at most" in table.summary(told)
    page = table.save(tmp_path / "network.md", truth).read_text(encoding="utf-8")
    for link in LINKS:
        assert f"## {link.name}\n" in page
    assert page.count("| mlp:") == len(truth.checks)
    assert "fitted to these" in page
    checked, rest = page.split("**Not checked**")
    assert "**Checked** is what a link of known bandwidth adds for two machines" in checked
    assert "half of the rows is measured of each problem itself" in rest.replace("\n", " ")
    picture = (tmp_path / "network.svg").read_text(encoding="utf-8")
    assert "(network.svg)" in page
    assert len(picture) < 150_000, "whoever reads the page loads it"
    for link in LINKS:
        assert f"{link.name}, measured" in picture
        assert f"{link.name}, ESTIMATED" in picture


def test_a_measurement_outside_of_the_range_is_outside() -> None:
    problem = catalogue.find("mlp:64x512x2048")
    exact = Sending(per_step=0, per_byte=0, spread=0)
    honest = compare(SLOW, problem, [1e-3] * 2, [0.36] * 2, exact, 0.1)
    assert honest.inside
    assert not compare(SLOW, problem, [1e-3] * 2, [0.1] * 2, exact, 0.1).inside
    assert compare(SLOW, problem, [1e-3] * 2, [0.72] * 2, exact, 0.1).error == pytest.approx(
        honest.estimate.seconds / 0.72 - 1
    )


def test_a_link_is_known_by_its_rate_less_the_headers() -> None:
    assert network_of(UNSHAPED).bandwidth is None
    bandwidth = network_of(SLOW).bandwidth
    assert bandwidth is not None
    assert 0.85 * 12.5e6 < bandwidth[0] < bandwidth[1] < 12.5e6


def test_the_spread_is_that_of_the_processes_not_of_the_problems() -> None:
    assert spread_of([[1.0, 1.0], [9.0, 9.0]]) == 0
    assert 0.1 < spread_of([[1.0, 1.1], [9.0, 9.9], [3.0, 3.3]]) < 0.4


def test_a_plan_begins_with_the_link_as_it_comes() -> None:
    with pytest.raises(ValueError, match="as it comes is measured first"):
        CheckPlan(links=(SLOW,))


def test_a_backend_that_fails_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Iterator[Outcome]:
        yield Outcome(problem="mlp:128x64x8", status="failed", reason="rank 1: gone")

    monkeypatch.setattr(study, "two_hosts", Hosts())
    monkeypatch.setattr(study, "outcomes", fail)
    with pytest.raises(UserError, match=r"^--network: torch-ddp on mlp:128x64x8: rank 1: gone$"):
        check(CheckPlan(), silent)


@needs_hosts
def test_two_hosts_train_over_a_slow_link() -> None:
    """For real: 1 MiB takes 84 ms at 100 Mbit/s, and no process of this machine can be faster."""
    job = Job(
        backend="torch-ddp@2",
        problems=["mlp:4x512x512"],
        dtype="float32",
        threads=2,
        samples=1,
        minimum_seconds=0.001,
    )
    with two_hosts(SLOW) as hosts:
        (outcome,) = study.outcomes(*hosts, [job])
    assert outcome.status == "ok", outcome.reason
    assert outcome.seconds is not None
    assert outcome.seconds > 0.08
