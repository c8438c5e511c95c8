"""Whether a suite touches files that differ between the trees but look unused."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from perceptron.gate.checkout.same_code import Inert
from perceptron.gate.checkout.suite import Suite
from perceptron.gate.sampling.discover_both import discover_both, is_left_out
from perceptron.gate.sampling.discovery import CannotImport
from perceptron.gate.sampling.processes import UNSEEDED, Instrument
from perceptron.gate.sampling.sampler import Sampler
from perceptron.gate.sampling.sides import Seen, Sides, start_seconds
from perceptron.records.block import PAIR, Benchmark, Side

# Statuses of completed benchmarks: a benchmark that skips itself does so on both sides.
_RAN = frozenset({"ok", "skipped"})


def seen_by_benchmarks(
    sides: Sides, inert: Inert, wanted: re.Pattern[str], suite: Suite, seconds: float
) -> str | None:
    """Return why these benchmarks may depend on such a file; None if they do not.

    Each is imported and called on both sides, by programs that report the files they touch. A
    benchmark that fails, or exceeds the ``seconds``, leaves it unknown.
    """
    end = time.monotonic() + seconds
    access_times = {side: _AccessTimes(sides.trees.path(side), inert.files) for side in PAIR}
    for side in PAIR:
        sides.trees.renew_snapshot(side, inert.files)
    sides.watched = inert.watched()
    try:
        both = discover_both(sides, lambda: end - time.monotonic())
        if both.left_out:
            return both.left_out[0].reason
        if both.base_error is not None:
            return str(both.base_error)
        chosen = both.choose(wanted, suite)
        for side in PAIR:
            reason = _run(Sampler(sides), side, chosen, end)
            if reason is not None:
                return reason
            if not sides.from_tree.get(side, False):
                return f"{side.upper()} imports no module of its tree"
    except (CannotImport, Seen) as reason:
        return str(reason)
    finally:
        sides.watched = None
    read = (access_times[side].read() for side in PAIR)
    return next((f"{name} is read" for name in read if name is not None), None)


def _run(sampler: Sampler, side: Side, benchmarks: Sequence[Benchmark], end: float) -> str | None:
    """Return the benchmark that does not run through on the side, and why."""

    def left() -> float:
        return end - time.monotonic()

    answers: dict[str, Mapping[str, object]] = {}
    for key, failed in sampler.make_caches(side, benchmarks, UNSEEDED, left).items():
        return f"{key}: {failed.reason}"
    left_out = {benchmark.key for benchmark in benchmarks if is_left_out(benchmark)}
    replies = sampler.ask(
        side,
        benchmarks,
        UNSEEDED,
        lambda: Instrument("watch", start_seconds=start_seconds(left())) if left() > 0 else None,
        lambda _: max(0.0, left()),
    )
    for answer in replies:
        if answer is not None:
            key, content = answer
            unmeasured = content["status"] == "untried" and key in left_out
            if content["status"] not in _RAN and not unmeasured:
                return f"{key}: {content.get('reason')}"
            answers[key] = content
        if left() <= 0:
            break
    late = [benchmark.key for benchmark in benchmarks if benchmark.key not in answers]
    return f"{late[0]}: no time was left to look at it" if late else None


class _AccessTimes:
    """Access times of files, on file systems that keep them: these show reads by compiled code,
    too."""

    def __init__(self, tree: Path, names: Sequence[str]) -> None:
        self._tree = tree
        self._before: dict[str, int] = {}
        for name in names:
            file = tree / name
            if file.is_file():
                # The file system records a read only if the last recorded one is older than the
                # last change.
                os.utime(file, ns=(0, file.stat().st_mtime_ns))
                self._before[name] = file.stat().st_atime_ns

    def read(self) -> str | None:
        """Return a file that was read since."""
        for name, before in self._before.items():
            file = self._tree / name
            if not file.is_file() or file.stat().st_atime_ns != before:
                return name
        return None
