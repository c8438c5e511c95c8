from __future__ import annotations

import pytest

from perceptron.analysis.data_parallel.networks import NETWORKS, Network, network
from perceptron.errors import UserError


@pytest.mark.parametrize("name", ["10GbE", "10gbe", "10GBE"])
def test_a_network_is_found_in_whatever_case(name: str) -> None:
    assert network(name) is NETWORKS["10GbE"]


def test_an_unknown_network_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"^unknown network '10Gb': did you mean '10GbE'\?$"):
        network("10Gb")


def test_every_network_has_a_source_and_a_faster_one_sends_more() -> None:
    """10 Gbit/s are 1.25e9 bytes a second, and data are less than that."""
    assert set(NETWORKS) == {"loopback", "1GbE", "10GbE", "infiniband"}
    assert all(one.source for one in NETWORKS.values())
    for name, rate in (("1GbE", 125e6), ("10GbE", 1.25e9), ("infiniband", 12.5e9)):
        bandwidth = NETWORKS[name].bandwidth
        assert bandwidth is not None
        assert rate / 20 < bandwidth[0] < bandwidth[1] < rate


def test_figures_that_are_no_range_are_refused() -> None:
    with pytest.raises(ValueError, match="odd: latency and bandwidth"):
        Network(name="odd", latency=(2.0, 1.0), bandwidth=None, source="")
