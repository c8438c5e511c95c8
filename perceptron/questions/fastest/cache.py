"""The cache of this machine: measured shapes, and which backends can run here.

Each machine has one file, named by its hardware, in the user's cache folder or the folder that
``PERCEPTRON_CACHE`` names. It is replaced as a whole, so that reading it needs no lock.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path

import msgspec
from msgspec import Struct
from platformdirs import user_cache_path

from perceptron import optional
from perceptron.backends import registry
from perceptron.backends.accelerators.protocol import accelerator_of
from perceptron.errors import UserError, in_one_line
from perceptron.machine import facts_digest
from perceptron.measure.library_versions import versions_beneath
from perceptron.problems.problem import DType
from perceptron.processes import fresh_python
from perceptron.questions.fastest.measured_shape import (
    CONTENDED,
    NO_ANSWER,
    NO_WORD,
    NOT_STARTED,
    MeasuredShape,
    TrainingShape,
)
from perceptron.records.files.read import must_be_a_file
from perceptron.records.grouping import grouped

FOLDER = "PERCEPTRON_CACHE"
"""The variable that names the folder of the cache."""
FORMAT = 9
"""Raised too where `questions.fastest.measure` times otherwise: old times then join no new ones."""
SKLEARN = "scikit-learn"
"""An estimator's own ``fit``: a candidate beside the backends, of which it is none.

It starts and shuffles in its own way, so its agreement with the reference is not checked, and no
study measures it.
"""
SKLEARN_MODULE = "sklearn"
# A driver that wakes up and a framework with a cold disk cache take most of it.
_MOST_SECONDS = 60.0
# A call reads them all. The newest of each training come first, then each second newest …
_MOST_ROWS = 1000
# More runs hardly narrow an interval.
_MOST_RUNS = 20
# A larger file is not ours: a full cache has half a megabyte.
_MOST_BYTES = 2**25
_SECONDS_FOR_THE_LOCK = 5.0
# Seconds before a failed attempt is repeated: an hour if the training is to blame, a minute if the
# machine was busy at that moment.
_ATTEMPT_LASTS, _MOMENT_LASTS = 3600.0, 60.0


class Attempt(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A measurement without a reliable time, which is not repeated for a while.

    It concerns one training: a late process does not predict that of another training.
    """

    backend: str
    shape: TrainingShape
    comparison_key: str
    """Dtype and number of threads, as `alike` joins them; with others it may succeed."""
    seconds: float
    """Seconds that were available for measuring."""
    reason: str
    when: str
    """UTC, ISO 8601."""

    @property
    def lasts(self) -> float:
        """Seconds for which it counts."""
        is_moment = self.reason in (*NOT_STARTED, CONTENDED)
        return _MOMENT_LASTS if is_moment else _ATTEMPT_LASTS

    @property
    def is_over(self) -> bool:
        """Whether it counts no longer."""
        return self.when < _ago(self.lasts)


class KnownBackend(Struct, frozen=True, kw_only=True):
    """Whether a backend can run here, and the libraries with which that was found."""

    device: str
    unavailable: str | None
    modules: tuple[str, ...]
    """What it imports."""
    libraries: dict[str, str]


class Known(Struct, frozen=True, kw_only=True):
    """The content of the cache."""

    format: int = FORMAT
    machine: str = ""
    """Digest of its hardware."""
    runs: dict[str, str] = {}
    """Folders of runs that were read, with the state of each: see `changed_runs`."""
    rows: tuple[MeasuredShape, ...] = ()
    backends: dict[str, KnownBackend] = {}
    attempts: tuple[Attempt, ...] = ()

    def rows_of(self, dtype: DType, threads: int) -> list[MeasuredShape]:
        """Return the rows that may be compared with each other."""
        return [row for row in self.rows if (row.dtype, row.threads) == (dtype, threads)]

    def given_up(self, backend: str, shape: TrainingShape, comparison_key: str) -> Attempt | None:
        """Return the newest failed attempt at this training that still counts; None without any."""
        question = (backend, shape, comparison_key)
        attempts = (
            attempt
            for attempt in self.attempts
            if (attempt.backend, attempt.shape, attempt.comparison_key) == question
            and not attempt.is_over
        )
        return max(attempts, key=lambda attempt: attempt.when, default=None)

    def with_rows(self, new: list[MeasuredShape], runs: Mapping[str, str] | None = None) -> Known:
        """Return the cache with more rows; those of ``runs`` replace earlier rows of these runs.

        A contended row counts as older than all others. A backend with a new row has started: its
        attempts that did not are dropped.
        """
        runs = runs or {}
        every = [*(row for row in self.rows if row.origin not in runs), *new]
        every.sort(key=lambda row: (not row.is_contended, row.when))
        trainings = grouped(reversed(every), lambda row: row.key).values()
        newest = zip_longest(*(rows[:_MOST_RUNS] for rows in trainings))
        kept = [row for rows in newest for row in rows if row is not None][:_MOST_ROWS]
        started = {row.backend for row in new}
        return msgspec.structs.replace(
            self,
            rows=tuple(reversed(kept)),
            runs={**self.runs, **runs},
            attempts=tuple(
                attempt
                for attempt in self.attempts
                if attempt.backend not in started or attempt.reason not in NOT_STARTED
            ),
        )

    def with_backends(self, new: Mapping[str, KnownBackend]) -> Known:
        """Return the cache with these answers of backends."""
        return msgspec.structs.replace(self, backends={**self.backends, **new})

    def with_attempts(self, new: Iterable[Attempt]) -> Known:
        """Return the cache with more attempts, and without those that are over."""
        every = (attempt for attempt in (*self.attempts, *new) if not attempt.is_over)
        latest = {
            (attempt.backend, attempt.shape, attempt.comparison_key): attempt for attempt in every
        }
        return msgspec.structs.replace(self, attempts=tuple(latest.values())[-_MOST_ROWS:])


def alike(dtype: DType, threads: int) -> str:
    """Return the key of a dtype and a number of threads."""
    return f"{dtype}, {threads}"


def _ago(seconds: float) -> str:
    """Return the time ``seconds`` ago, in UTC, ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))


_DECODER = msgspec.json.Decoder(Known)
# Caches by file, with the file's stamp: read or not writable, they need not be read again.
_read: dict[Path, tuple[tuple[int, ...], Known]] = {}


def cache_file() -> Path:
    """Return the path of this machine's file, which need not exist."""
    named = os.environ.get(FOLDER)
    folder = Path(named) if named else user_cache_path("perceptron", appauthor=False)
    return folder / f"fastest-{facts_digest()}-v{FORMAT}.json"


def load(file: Path) -> Known:
    """Return the content of the file; an empty cache, with a warning, if it cannot be read."""
    nothing = Known(machine=facts_digest())
    stamp = _stamp(file)
    try:
        if file in _read and _read[file][0] == stamp:
            return _read[file][1]
        if stamp:  # else reading says why not
            must_be_a_file(file)
            if stamp[1] > _MOST_BYTES:
                raise ValueError("too large to be ours")
        content = _DECODER.decode(file.read_bytes())
        if (content.format, content.machine) != (FORMAT, nothing.machine):
            raise ValueError("of another version or machine")
    except (FileNotFoundError, NotADirectoryError):
        return nothing
    except (UserError, OSError, ValueError, RecursionError) as error:
        _warn(f"{file}: cannot be read and is made anew: {in_one_line(error)}")
        return nothing
    if stamp:
        _read[file] = (stamp, content)
    return content


def update(file: Path, change: Callable[[Known], Known]) -> Known:
    """Apply a change to the current content of the file, write it, and return it.

    If the file is not writable, as in a read-only home, warn and keep the content in this process.
    """
    # Imported here, because an answer from the cache writes nothing.
    from perceptron.records.files.lock import locked
    from perceptron.records.files.write import replace

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with locked(file.with_suffix(".lock"), _SECONDS_FOR_THE_LOCK) as has_lock:
            changed = change(load(file))
            if has_lock:
                replace(file, msgspec.json.encode(changed))
                return changed
        _warn(f"{file}: another process does not let go of it: nothing is kept")
    except OSError as error:
        _warn(f"{file}: cannot be written, so nothing is kept: {error.strerror}")
        changed = change(load(file))
    _read[file] = (_stamp(file), changed)
    return changed


def _stamp(file: Path) -> tuple[int, ...]:
    """Return the file's time, size and inode, which a write changes; empty without a file."""
    try:
        stat = file.stat()
    except OSError:
        return ()
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)


def clear() -> None:
    """Remove the cache of this machine; the next call measures, or reads results, anew."""
    _read.pop(cache_file(), None)
    with suppress(FileNotFoundError, NotADirectoryError):
        cache_file().unlink()


def _warn(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=2)


# --- which backends can run here ------------------------------------------------------------------


def is_cached(name: str, known: Known) -> bool:
    """Return whether the cache has a backend's answer with the libraries installed now."""
    backend = known.backends.get(name)
    return backend is not None and backend.libraries == versions_beneath(backend.modules)


def at_once(name: str) -> KnownBackend | None:
    """Return whether a backend can run here, if that is quick: a built-in backend on the CPU.

    Return None for others, which may import a framework to find their device: see `elsewhere`.
    """
    if name == SKLEARN:
        return KnownBackend(
            device="cpu",
            unavailable=optional.missing("sklearn"),
            modules=(SKLEARN_MODULE,),
            libraries=versions_beneath((SKLEARN_MODULE,)),
        )
    is_built_in = name in registry.BUILT_IN and accelerator_of(registry.load(name)) is None
    return query_backend(name) if is_built_in else None


def query_backend(name: str) -> KnownBackend:
    """Return whether a backend can run here, with the reason if it cannot."""
    backend = registry.load(name)
    modules = tuple(getattr(backend, "imports", ()))
    return KnownBackend(
        device=backend.device,
        unavailable=registry.reason_unavailable(name),
        modules=modules,
        libraries=versions_beneath(modules),
    )


def elsewhere(names: Sequence[str], seconds: float) -> dict[str, KnownBackend]:
    """Return whether these backends can run here, found in a separate process.

    Raises `UserError` with the reason if there is no answer within ``seconds``.
    """
    from perceptron.measure.launch import printed, worker_environment

    command = fresh_python.command("perceptron.questions.fastest.cache", *names)
    environment = worker_environment(registry.load("numpy"), 1)
    try:
        answer = printed(command, max(0.0, min(seconds, _MOST_SECONDS)), environment)
        return msgspec.json.decode(answer, type=dict[str, KnownBackend])
    except subprocess.TimeoutExpired:
        raise UserError(NO_WORD) from None
    except (OSError, UserError, msgspec.DecodeError):
        raise UserError(NO_ANSWER) from None


def main() -> None:
    """Ask the backends that the arguments name whether they can run; print the answers as JSON."""
    # What libraries print goes to standard error.
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    answer.write(msgspec.json.encode({name: query_backend(name) for name in sys.argv[1:]}))
    answer.flush()
    # Without the shutdown, in which frameworks take up to a second.
    os._exit(0)


if __name__ == "__main__":
    main()
