"""Networks that may join machines: what a message waits for and how many bytes go a second."""

from __future__ import annotations

from msgspec import Struct

from perceptron.errors import unknown

# Of a full frame on the wire, the part that is data: 1,500 bytes less 20 of IP, 20 of TCP and 12 of
# its time stamps, in 1,500 and 14 of header, 4 of checksum, 8 of preamble and 12 of gap (IEEE
# 802.3).
_PAYLOAD = 1448 / 1538
# Hosts that are not tuned for it reach less; so does a link shared with others, by how much is not
# known.
_REACHED = 0.8


class Network(Struct, frozen=True, kw_only=True):
    """What a network adds to what the hosts do themselves, (lowest, highest); ``source`` says why.

    ``latency`` is seconds from one host to another, of the cards, the wire and the switch: what the
    systems need for a message is measured on the loopback. ``bandwidth`` is bytes of data a second
    and direction, None where the network is no limit. ``burst`` is bytes that pass at once after a
    silence, as a shaped link lets them.
    """

    name: str
    latency: tuple[float, float]
    bandwidth: tuple[float, float] | None
    burst: float = 0.0
    source: str

    def __post_init__(self) -> None:
        lowest, highest = self.latency
        slowest, fastest = self.bandwidth or (1.0, 1.0)
        if not (0 <= lowest <= highest and 0 < slowest <= fastest and self.burst >= 0):
            raise ValueError(f"{self.name}: latency and bandwidth are (lowest, highest)")


NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        Network(
            name="loopback",
            latency=(0.0, 0.0),
            bandwidth=None,
            source="this machine's own loopback, measured: what no network can be faster than",
        ),
        # A full frame takes 12.2 µs to be put on the wire (blog.ipspace.net, "Is Switching Latency
        # Relevant?", 2021). NetPIPE measured 23 µs between two Realtek cards
        # (norma.mbg.duth.gr, "Network benchmarks"), and a switch takes up to 30 (Rumble et al.,
        # "It's Time for Low Latency", HotOS 2011, table 1).
        Network(
            name="1GbE",
            latency=(12e-6, 53e-6),
            bandwidth=(_REACHED * 125e6, _PAYLOAD * 125e6),
            source="IEEE 802.3; NetPIPE of Gigabit cards; Rumble et al., HotOS 2011",
        ),
        # A card takes 2.5 µs at least and a switch up to 30 (Rumble et al.); 21 µs is half of a
        # ping-pong of 41 that was measured of Intel PRO/10GbE cards ("An Investigation into
        # Transport Protocols and Data Transport Applications", figure A.9).
        Network(
            name="10GbE",
            latency=(2.5e-6, 51e-6),
            bandwidth=(_REACHED * 1.25e9, _PAYLOAD * 1.25e9),
            source="IEEE 802.3; ping-pong of Intel PRO/10GbE; Rumble et al., HotOS 2011",
        ),
        # EDR, 100 Gbit/s. `ib_send_lat` takes 0.8 µs, which gloo does not reach: it sends by TCP
        # over IPoIB, whose path through the system is that of any card, of which a card of 10GbE
        # takes 21 µs; TCP over it goes beyond 10 Gbit/s, how far is up to the processor.
        Network(
            name="infiniband",
            latency=(0.8e-6, 21e-6),
            bandwidth=(1.25e9, 12.1e9),
            source="EDR 4×, by TCP over IPoIB as gloo sends; ib_send_lat at best",
        ),
    )
}


def network(name: str) -> Network:
    """Return the network of this name, in whatever case; raises `UserError` with the nearest."""
    by_name = {known.casefold(): one for known, one in NETWORKS.items()}
    if name.casefold() not in by_name:
        raise unknown("network", name, NETWORKS)
    return by_name[name.casefold()]
