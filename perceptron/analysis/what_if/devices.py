"""Published figures of devices that are not here."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from perceptron.errors import unknown


class Device(Struct, frozen=True):
    """What its maker states at best, in bytes and operations a second; ``source`` says where."""

    name: str
    bandwidth: float
    float32: float
    """Without tensor cores, which compute in fewer bits."""
    float64: float
    """Without tensor cores."""
    float64_products: float | None
    """Rate of tensor cores that multiply in all 64 bits; None for a device without them."""
    source: str


# Of any CUDA device, as (lowest, highest) seconds: the host's time to launch a kernel on native
# Linux, beside what the framework takes on any device; a replay of a recorded graph; and the
# shortest time from one kernel's start to the next, by what it does. The ranges hold what NVIDIA
# measured in "Getting Started with CUDA Graphs" (2019) and "Constant Time Launch for Straight-Line
# CUDA Graphs" (2024), and what was published since: a launch takes 2.65 µs of the host; a replayed
# kernel takes 0.58 µs if it does nothing, 1.1 to 1.3 for an addition, and 2.1 in a graph with small
# products.
LAUNCH = (2e-6, 4.5e-6)
REPLAY = (2.5e-6, 15e-6)
KernelKind = Literal["nothing", "elementwise", "reduction", "product"]
SHORTEST_KERNEL: dict[KernelKind, tuple[float, float]] = {
    "nothing": (0.58e-6, 2.5e-6),
    "elementwise": (1.2e-6, 2.5e-6),
    "reduction": (2e-6, 4.5e-6),
    "product": (2.5e-6, 7e-6),
}

# What dispatching an operation takes for a device, over what it takes for the CPU. The extra (the
# caching allocator, choosing a cuBLAS kernel, the stream) is the host's work, so it scales with the
# host. A backward pass on a device is handed to another thread of autograd and back.
DISPATCH = (1.0, 3.0)
BACKWARD = (5e-6, 15e-6)

# Share of the stated figures that real kernels reach, (at worst, at best).
REACHED = (0.4, 0.9)
# cuBLAS computes products in tiles, at least so wide each way; of a narrower one most of a tile
# is wasted, and too few tiles leave most of the device idle: 5 to 10% of the rate are seen.
TILE = 64
REACHED_THIN = (0.05, 0.10)

_T4 = "NVIDIA T4 datasheet; float64 by the Turing tuning guide, 1/32"
_B200 = "NVIDIA GB200 NVL72 product page, a 72nd of the whole"
_L4 = "NVIDIA L4 datasheet; float64 by the Ada architecture whitepaper, 1/64"
_AMPERE = "NVIDIA Ampere GA102 GPU architecture whitepaper, 10 GB"
_ADA = "NVIDIA Ada GPU architecture whitepaper"

DEVICES: dict[str, Device] = {
    device.name: device
    for device in (
        Device("t4", 320e9, 8.1e12, 8.1e12 / 32, None, _T4),
        Device("v100", 900e9, 15.7e12, 7.8e12, None, "NVIDIA V100 datasheet, SXM2"),
        Device("a100", 2039e9, 19.5e12, 9.7e12, 19.5e12, "NVIDIA A100 datasheet, 80 GB SXM"),
        Device("h100", 3350e9, 67e12, 34e12, 67e12, "NVIDIA H100 datasheet, SXM"),
        Device("h200", 4800e9, 67e12, 34e12, 67e12, "NVIDIA H200 datasheet, SXM"),
        Device("b200", 8000e9, 80e12, 40e12, None, _B200),
        Device("l4", 300e9, 30.3e12, 30.3e12 / 64, None, _L4),
        Device("rtx-3080", 760e9, 29.8e12, 29.8e12 / 64, None, _AMPERE),
        Device("rtx-4080", 716.8e9, 48.7e12, 48.7e12 / 64, None, _ADA),
        Device("rtx-4090", 1008e9, 82.6e12, 82.6e12 / 64, None, _ADA),
    )
}

FASTEST_MEMORY = max(DEVICES.values(), key=lambda device: device.bandwidth)
# NVIDIA's B200 on dense products of 16-bit numbers, in tensor cores: no training that is compared
# here has had more.
FASTEST_RATE = 2.5e15


def device(name: str) -> Device:
    """Return the device of this name; raises `UserError` with the nearest name if there is none."""
    if name not in DEVICES:
        raise unknown("device", name, DEVICES)
    return DEVICES[name]
