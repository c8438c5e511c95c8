"""What this machine knows already: measured shapes, curves through them, and who can run here.

One file for each machine, told apart by its hardware, in the user's folder of caches or in the one
that ``PERCEPTRON_CACHE`` names. It is replaced as a whole, so that reading it needs no lock.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct
from platformdirs import user_cache_path

from perceptron.analysis.cost_curve import CostCurve
from perceptron.analysis.work import CONTENDED, MeasuredWork, TrainingShape
from perceptron.errors import UserError
from perceptron.machine import facts_digest
from perceptron.problems.problem import DType
from perceptron.records.files.read import must_be_a_file

FOLDER = "PERCEPTRON_CACHE"
"""The variable that names the folder of the cache."""
FORMAT = 4
# The newest that are kept: what a call reads must stay small.
_MOST_ROWS = 1000
# Of a file that somebody else has put there: a full one of ours has half a megabyte.
_MOST_BYTES = 2**25
_SECONDS_FOR_THE_LOCK = 5.0
# What was given up is told, and not begun again, for so many seconds.
_ATTEMPT_LASTS = 3600.0
# Iterations that are run to measure one; at most, where they take long.
_FIRST = 8


class KnownRow(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A measured shape, and under what it was measured."""

    row: MeasuredWork
    dtype: DType
    threads: int
    libraries: dict[str, str]
    """Versions of what the backend rests on."""
    origin: str = ""
    """The folder of the run that it was read from; empty if it was measured for an answer."""

    @property
    def key(self) -> tuple[object, ...]:
        """What only the newest row of is kept of each origin; no contended one beside others."""
        refused = self.row.work.shape.kind if self.row.refused else None
        return (
            *(self.row.backend, self.dtype, self.threads),
            refused or self.row.work.shape,
        )


class Attempt(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A measurement that was given up: not to be begun again for a while."""

    backend: str
    dtype: DType
    threads: int
    shape: TrainingShape | None
    """None where the backend did not start, whatever is trained."""
    seconds: float
    """That it was given, of those that others had too its share."""
    reason: str
    when: str
    """UTC, ISO 8601."""
    in_vain: float = 0.0
    """Seconds that setup and the first iterations take at least."""

    @property
    def key(self) -> tuple[object, ...]:
        """What only the newest of is kept."""
        return (self.backend, self.dtype, self.threads, self.shape)

    def is_beaten_by(self, seconds: float, iterations: int) -> bool:
        """Return whether a training of so many iterations surely takes longer than this."""
        return self.in_vain > (1 + _FIRST / iterations) * seconds


class KnownCurves(Struct, frozen=True, kw_only=True):
    """The curves of all backends for one dtype and number of threads."""

    dtype: DType
    threads: int
    curves: dict[str, CostCurve]


class KnownBackend(Struct, frozen=True, kw_only=True):
    """Whether a backend can run here, and with which libraries that was asked."""

    device: str
    unavailable: str | None
    modules: tuple[str, ...]
    """What it imports."""
    libraries: dict[str, str]


class Known(Struct, frozen=True, kw_only=True):
    """All that the cache holds."""

    format: int = FORMAT
    machine: str = ""
    """Digest of its hardware."""
    runs: dict[str, str] = {}
    """Folders of runs that were read, each with what tells whether it has changed since."""
    rows: tuple[KnownRow, ...] = ()
    curves: tuple[KnownCurves, ...] = ()
    backends: dict[str, KnownBackend] = {}
    attempts: tuple[Attempt, ...] = ()

    def rows_of(self, dtype: DType, threads: int) -> list[KnownRow]:
        """Return the rows that may be compared with each other."""
        return [row for row in self.rows if (row.dtype, row.threads) == (dtype, threads)]

    def curves_of(self, dtype: DType, threads: int) -> dict[str, CostCurve] | None:
        """Return the curves through those; None where they are to be fitted anew."""
        found = (one for one in self.curves if (one.dtype, one.threads) == (dtype, threads))
        return next((one.curves for one in found), None)

    def given_up(
        self, backend: str, shape: TrainingShape, dtype: DType, threads: int
    ) -> Attempt | None:
        """Return the newest attempt at this that was given up lately; None if there is none."""
        keys = [(backend, dtype, threads, own) for own in (None, shape)]
        begun = _ago(_ATTEMPT_LASTS)
        lately = (own for own in self.attempts if own.when >= begun and own.key in keys)
        return max(lately, key=lambda own: own.when, default=None)

    def without_runs(self, runs: Collection[str]) -> Known:
        """Return this without these runs, and without their rows."""
        left = self.with_rows([], dict.fromkeys(runs, ""))
        kept = {run: stamp for run, stamp in left.runs.items() if run not in runs}
        return msgspec.structs.replace(left, runs=kept)

    def with_rows(self, new: list[KnownRow], runs: Mapping[str, str] | None = None) -> Known:
        """Return this with more rows, those of ``runs`` in place of what was read of them before.

        A contended one gives way to one that was not, whichever is newer. Curves through other rows
        than there are now are left out, and attempts to start a backend that has started for these.
        """
        gone = [row for row in self.rows if row.origin in (runs or {})]
        there = [*(row for row in self.rows if row.origin not in (runs or {})), *new]
        idle = {row.key for row in there if row.row.seconds and row.row.doubt != CONTENDED}
        kept = {
            (row.origin, row.key): row
            for row in there
            if row.row.doubt != CONTENDED or row.key not in idle
        }
        ordered = sorted(kept.values(), key=lambda known: known.row.when)
        changed = {(row.dtype, row.threads) for row in (*new, *gone)}
        started = {row.row.backend for row in new if not row.origin}
        return msgspec.structs.replace(
            self,
            rows=tuple(ordered[-_MOST_ROWS:]),
            runs={**self.runs, **(runs or {})},
            curves=tuple(one for one in self.curves if (one.dtype, one.threads) not in changed),
            attempts=tuple(own for own in self.attempts if own.shape or own.backend not in started),
        )

    def with_curves(self, new: KnownCurves) -> Known:
        """Return this with the curves of one dtype and number of threads."""
        others = (
            one for one in self.curves if (one.dtype, one.threads) != (new.dtype, new.threads)
        )
        return msgspec.structs.replace(self, curves=(*others, new))

    def with_backends(self, new: Mapping[str, KnownBackend]) -> Known:
        """Return this with whether these can run here."""
        return msgspec.structs.replace(self, backends={**self.backends, **new})

    def with_attempts(self, new: Iterable[Attempt]) -> Known:
        """Return this with more attempts, and without those that are long ago."""
        begun = _ago(_ATTEMPT_LASTS)
        kept = {own.key: own for own in (*self.attempts, *new) if own.when >= begun}
        return msgspec.structs.replace(self, attempts=tuple(kept.values())[-_MOST_ROWS:])


def _ago(seconds: float) -> str:
    """Return when it was so long ago, in UTC, ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))


_DECODER = msgspec.json.Decoder(Known)
# What was read last, by file, or could not be written: a second question need not read it again.
_read: dict[Path, tuple[tuple[int, ...], Known]] = {}


def cache_file() -> Path:
    """Return the file of this machine, which need not be there."""
    given = os.environ.get(FOLDER)
    folder = Path(given) if given else user_cache_path("perceptron", appauthor=False)
    return folder / f"fastest-{facts_digest()}-v{FORMAT}.json"


def load(file: Path) -> Known:
    """Return what the file holds; nothing, with a warning, if it cannot be understood."""
    nothing = Known(machine=facts_digest())
    stamp = _stamp(file)
    try:
        if file in _read and _read[file][0] == stamp:
            return _read[file][1]
        if stamp:  # else reading says why not
            must_be_a_file(file)
            if stamp[1] > _MOST_BYTES:
                _warn(f"{file}: too large to be ours: it is made anew")
                return nothing
        known = _DECODER.decode(file.read_bytes())
        if known.format != FORMAT or known.machine != nothing.machine:
            _warn(f"{file}: of another version or machine: it is made anew")
            return nothing
    except (FileNotFoundError, NotADirectoryError):
        return nothing
    except UserError as error:
        _warn(f"{error}: it is made anew")
        return nothing
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _warn(f"{file}: cannot be read and is made anew: {' '.join(str(error).split())}")
        return nothing
    if stamp:
        _read[file] = (stamp, known)
    return known


def update(file: Path, change: Callable[[Known], Known]) -> Known:
    """Change what the file holds now, whoever has written it since, and return that.

    Where it cannot be written, as in a read-only home, this process keeps what it has learned: the
    answer is as good, and a warning says so.
    """
    # Not while asking: an answer from the cache writes nothing.
    from perceptron.records.files.lock import locked
    from perceptron.records.files.write import replace

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with locked(file.with_suffix(".lock"), _SECONDS_FOR_THE_LOCK) as has_lock:
            known = change(load(file))
            if has_lock:
                replace(file, msgspec.json.encode(known))
                return known
        _warn(f"{file}: another process does not let go of it: nothing is kept")
    except OSError as error:
        _warn(f"{file}: cannot be written, so nothing is kept: {error.strerror}")
        known = change(load(file))
    _read[file] = (_stamp(file), known)
    return known


def _stamp(file: Path) -> tuple[int, ...]:
    """Return what changes whenever the file is written; empty where it cannot be looked at."""
    try:
        stat = file.stat()
    except OSError:
        return ()
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)


def clear() -> None:
    """Remove what this machine knows; what is there is measured, or read, again when asked."""
    _read.pop(cache_file(), None)
    with suppress(FileNotFoundError, NotADirectoryError):
        cache_file().unlink()


def _warn(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=2)
