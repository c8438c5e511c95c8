"""A fixed loop, timed in a process of its own; prints its samples in seconds as a JSON list.

Run as a plain file, isolated and without site packages: equal work in every process, so that only
the machine differs.
"""

from __future__ import annotations

from time import perf_counter

# A sample of about 10 ms, as long as those of the suite: it meets the same contention.
_STEPS = 150_000
# Twenty samples or so, or fewer on a slow machine: the time is limited.
_SECONDS = 0.2


def main() -> None:
    """Warm up once, then sample until the time is up."""
    draw(_STEPS)
    samples: list[float] = []
    end = perf_counter() + _SECONDS
    while not samples or perf_counter() < end:
        begin = perf_counter()
        draw(_STEPS)
        samples.append(perf_counter() - begin)
    print(samples)


def draw(steps: int) -> int:
    """Draw Lehmer's random numbers (Park and Miller 1988): small integers, hardly any memory."""
    value = 1
    for _ in range(steps):
        value = value * 48271 % 2147483647
    return value


if __name__ == "__main__":
    main()
