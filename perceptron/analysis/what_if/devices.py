"""Published figures of devices that are not here."""

from __future__ import annotations

from msgspec import Struct

from perceptron.errors import unknown


class Device(Struct, frozen=True, kw_only=True):
    """What its maker states at best, in bytes and operations a second; ``source`` says where."""

    name: str
    bandwidth: float
    float32: float
    """Without tensor cores, which compute in fewer bits."""
    source: str


# Of any CUDA device, as (lowest, highest) seconds: the host's time to launch a kernel, beside what
# the framework takes on any device; the shortest time from one kernel's start to the next; a replay
# of a recorded graph, and what each kernel in it adds. The ranges hold what NVIDIA measured in
# "Getting Started with CUDA Graphs" (2019) and "Constant Time Launch for Straight-Line CUDA Graphs"
# (2024), and what the years between brought.
LAUNCH = (2e-6, 5e-6)
SHORTEST_KERNEL = (1.5e-6, 5e-6)
REPLAY = (2.5e-6, 15e-6)
REPLAYED_KERNEL = (0.6e-6, 1.3e-6)

# Share of the stated figures that real kernels reach, (at worst, at best).
REACHED = (0.4, 0.9)

DEVICES: dict[str, Device] = {
    device.name: device
    for device in (
        Device(name="t4", bandwidth=320e9, float32=8.1e12, source="NVIDIA T4 datasheet"),
        Device(
            name="v100",
            bandwidth=900e9,
            float32=15.7e12,
            source="NVIDIA V100 datasheet, SXM2",
        ),
        Device(
            name="a100",
            bandwidth=2039e9,
            float32=19.5e12,
            source="NVIDIA A100 datasheet, 80 GB SXM",
        ),
        Device(
            name="h100",
            bandwidth=3350e9,
            float32=67e12,
            source="NVIDIA H100 datasheet, SXM",
        ),
        Device(name="l4", bandwidth=300e9, float32=30.3e12, source="NVIDIA L4 datasheet"),
        Device(
            name="rtx-4090",
            bandwidth=1008e9,
            float32=82.6e12,
            source="NVIDIA Ada GPU architecture whitepaper",
        ),
    )
}


def device(name: str) -> Device:
    """Return the device of this name; raises `UserError` with the nearest name if there is none."""
    if name not in DEVICES:
        raise unknown("device", name, DEVICES)
    return DEVICES[name]
