from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.analysis.data_parallel.estimate import (
    MOST_MACHINES,
    NetworkWhatIf,
    iteration,
    sending_seconds,
    what_if_network,
)
from perceptron.analysis.data_parallel.fit import Compute, Sending
from perceptron.analysis.data_parallel.networks import NETWORKS, Network

COMPUTE = Compute(fixed=1e-4, per_row=1e-5, hooks=5e-5, spread=0.05)
SENDING = Sending(per_step=5e-5, per_byte=1e-9, spread=0.05)
MIB = 2**20
SLOW = Network(name="slow", latency=(1e-5, 2e-5), bandwidth=(1e7, 1.2e7), source="made up")
BUCKETS = st.lists(st.integers(4, 64 * MIB), min_size=1, max_size=5)


def answer(
    network: Network = SLOW, rows: int = 4096, buckets: tuple[int, ...] = (MIB,)
) -> NetworkWhatIf:
    return what_if_network("p", rows, "float32", 2, buckets, COMPUTE, SENDING, network)


@given(BUCKETS, st.integers(2, 64), st.floats(1e6, 1e10), st.floats(1.01, 100))
def test_more_bandwidth_is_never_slower(
    buckets: list[int], machines: int, rate: float, factor: float
) -> None:
    def over(bandwidth: float) -> tuple[float, float, float]:
        network = Network(
            name="n", latency=(1e-5, 1e-4), bandwidth=(bandwidth / 2, bandwidth), source=""
        )
        found = iteration(1e-3, 6e-4, buckets, machines, SENDING, network)
        return found.low, found.seconds, found.high

    assert all(fast <= slow for fast, slow in zip(over(rate * factor), over(rate), strict=True))


@given(BUCKETS, st.integers(1, 64), st.sampled_from([*NETWORKS.values(), SLOW]))
def test_the_range_holds_what_is_likely(
    buckets: list[int], machines: int, network: Network
) -> None:
    found = iteration(1e-3, 6e-4, buckets, machines, SENDING, network, 0.1)
    assert 0 < found.low <= found.seconds <= found.high


def test_one_machine_sends_nothing() -> None:
    assert sending_seconds(1, 25 * MIB, SENDING, SLOW, 0) == 0
    assert sending_seconds(1, 25 * MIB, SENDING, SLOW, 1) == 0
    alone = iteration(1e-3, 6e-4, [25 * MIB], 1, SENDING, SLOW)
    assert (alone.low, alone.seconds, alone.high) == pytest.approx((1e-3, 1e-3, 1e-3))


def test_a_mebibyte_takes_84_milliseconds_at_100_megabits() -> None:
    """Bytes, not bits; each of two processes sends the gradient once."""
    exact = Network(name="100M", latency=(0, 0), bandwidth=(12.5e6, 12.5e6), source="")
    free = Sending(per_step=0, per_byte=0, spread=0)
    for side in (0, 1):
        assert sending_seconds(2, MIB, free, exact, side) == pytest.approx(83.9e-3, rel=1e-3)


def test_what_a_link_lets_pass_at_once_is_free_at_best_alone() -> None:
    shaped = Network(name="s", latency=(0, 0), bandwidth=(1e7, 1e7), burst=1000, source="")
    free = Sending(per_step=0, per_byte=0, spread=0)
    assert sending_seconds(2, 900, free, shaped, 0) == 0
    assert sending_seconds(2, 900, free, shaped, 1) == pytest.approx(9e-5)


def test_all_buckets_but_the_last_hide_behind_the_backward_pass_at_best() -> None:
    found = iteration(1.0, 0.6, [MIB, MIB, MIB], 2, SENDING, SLOW)
    one = sending_seconds(2, MIB, SENDING, SLOW, 0)
    assert 2 * one < 0.6
    exact = Sending(per_step=5e-5, per_byte=1e-9, spread=0)
    sure = iteration(1.0, 0.6, [MIB, MIB, MIB], 2, exact, SLOW)
    assert sure.low == pytest.approx(1.0 + one)
    assert sure.high == pytest.approx(1.0 + 3 * sending_seconds(2, MIB, SENDING, SLOW, 1))
    assert found.low < sure.low
    assert found.high > sure.high


def test_what_the_fit_is_off_by_does_not_widen_what_a_known_link_takes() -> None:
    """A link that takes a hundred times what the hosts do leaves a narrow range."""
    known = Network(name="k", latency=(0, 0), bandwidth=(1e6, 1e6), source="")
    unsure = Sending(per_step=1e-4, per_byte=0, spread=0.5)
    found = iteration(1e-3, 0, [MIB], 2, unsure, known, 0.5)
    assert found.high / found.low < 1.01


def test_a_slow_network_asks_for_more_rows_and_allows_fewer_machines() -> None:
    slow, fast = answer(SLOW), answer(NETWORKS["loopback"])
    assert slow.second_pays_from.rows is not None
    assert fast.second_pays_from.rows is not None
    assert slow.second_pays_from.rows > fast.second_pays_from.rows
    assert slow.fastest.machines < fast.fastest.machines
    assert fast.fastest.low <= fast.fastest.machines <= fast.fastest.high


def test_two_machines_are_as_fast_as_one_at_the_rows_from_which_they_pay() -> None:
    rows = answer().second_pays_from
    assert rows.low is not None
    assert rows.rows is not None
    assert rows.high is not None
    assert rows.low <= rows.rows <= rows.high
    there = answer(rows=round(rows.rows)).estimates[0]
    assert there.machines == 2
    assert there.speedup == pytest.approx(1, rel=1e-3)


def test_what_does_not_divide_never_pays() -> None:
    whole = Compute(fixed=1.0, per_row=0.0, hooks=0.0, spread=0.0)
    found = what_if_network("p", 64, "float32", 1, (4,), whole, SENDING, NETWORKS["10GbE"])
    assert found.second_pays_from.rows is None
    assert found.fastest.machines == 1


@pytest.mark.parametrize(
    ("rows", "numbers"), [(1, []), (5, [2, 4]), (10**6, [2, 4, 8, 16, 32, 64])]
)
def test_no_machine_is_without_a_row(rows: int, numbers: list[int]) -> None:
    found = answer(rows=rows)
    assert [one.machines for one in found.estimates] == numbers
    assert found.fastest.high <= min(rows, MOST_MACHINES)


def test_the_document_says_all_in_json() -> None:
    document = msgspec.json.decode(msgspec.json.encode(answer()))
    assert document["network"] == "slow"
    assert set(document["estimates"][0]) >= {"machines", "seconds", "low", "high", "speedup"}
    assert document["compute"]["hooks"] == 5e-5
