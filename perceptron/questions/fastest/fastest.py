"""`perceptron.fastest`: which backend trains a model or a shape fastest, on this machine.

Earlier measurements answer at once, without importing a framework. Missing ones are made in worker
processes, if that is allowed, and are cached.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from glob import escape, glob
from math import inf
from os import PathLike
from pathlib import Path
from time import monotonic
from typing import Any, Never

from msgspec.structs import replace

from perceptron.backends import registry
from perceptron.backends.protocol import refusal
from perceptron.errors import UserError, unknown
from perceptron.machine import usable_cores
from perceptron.measure.library_versions import versions_beneath
from perceptron.numbers import enumerated, times_as_long
from perceptron.options import in_python
from perceptron.problems.problem import DType
from perceptron.questions.fastest import cache
from perceptron.questions.fastest.cache import SKLEARN, Attempt, Known
from perceptron.questions.fastest.given import AsItIs
from perceptron.questions.fastest.judge import (
    AS_IT_IS,
    NOT_KNOWN,
    Advice,
    Candidate,
    Trainings,
    candidate,
    choose,
    is_enough,
    ranked,
    ranking_of,
)
from perceptron.questions.fastest.measured_shape import (
    CONTENDED,
    GIVEN_UP,
    NOT_ASKED,
    MeasuredShape,
)
from perceptron.questions.fastest.question import (
    Measure,
    Question,
    check_usual,
    question,
    question_of,
)
from perceptron.records.run import now
from perceptron.statistics.interval import CONFIDENCE, standing
from perceptron.statistics.ranking import Ranking

# Share of the time in which a process may find out which backends can run here.
_ASKING_SHARE = 0.75
_NOT_ALONE = "another process was measuring until the time was over"
_NONE_LEFT = "no time was left for it"
RESULTS = Path("results")
"""The default folder of the studies' results."""


@in_python()
def fastest(
    model: Any = None,
    inputs: Any = None,
    targets: Any = None,
    *,
    loss: Any = None,
    rows: int | None = None,
    features: int | None = None,
    hidden: Sequence[int] = (),
    classes: int | None = None,
    batch: int | None = None,
    optimizer: Any = None,
    epochs: int | None = None,
    models: int = 1,
    among: Sequence[str] | None = None,
    measure: Measure = "cached",
    seconds: float = 5.0,
    dtype: DType | None = None,
    threads: int | None = None,
    results: Path | None = None,
    **others: Never,
) -> Advice:
    """Return which backend trains a model fastest on this machine, and how long that takes.

    The model is one that you have, with its data, or a shape: ``rows`` and ``features``. The answer
    comes from earlier measurements of this shape, in milliseconds. Where there are none, worker
    processes measure for about ``seconds``. No framework is imported here, and the model is not
    changed.

    Parameters
    ----------
    model
        An ``nn.Module``, or scikit-learn's MLPClassifier or MLPRegressor, alone or at the end of a
        Pipeline. Its own fit is a candidate then, ``scikit-learn``. For a module the advice is a
        device; of dense layers its ``why`` tells what a rewrite would save. Any other module
        is trained as it is by PyTorch alone, which is measured whenever it is asked for.
    inputs, targets
        What the model is trained on: arrays or tensors, of which the shape and the labels of a
        classifier are read, and of other modules the first batch. A ``DataLoader`` takes the place
        of both, and of ``batch``.
    loss
        Of a module: a loss of ``torch.nn``, or any function of outputs and targets; or
        ``cross-entropy``, ``mse``, ``bce``, ``l1-mean`` or ``l1-sum``.
    rows, features
        The shape of the training data.
    hidden
        Widths of the hidden layers.
    classes
        Number of outputs, with cross-entropy; None for one output.
    batch
        Rows of an iteration; None for all rows.
    optimizer
        ``sgd`` (the default), ``adam`` or ``adamw``; of a module also one of ``torch.optim``.
    epochs
        Passes over the rows; None for 1, or an estimator's ``max_iter``. A training is these and
        one setup.
    models
        Number of models of this shape; an iteration is a step of each.
    among
        Backends that may be named; None for ``numpy``, ``torch-cpu``, ``torch-cuda``, and
        ``torch-mps`` or ``torch-xpu`` where there may be such a GPU. A module that is trained as it
        is also goes through `torch.compile`, as ``torch-cpu-compiled``.
    measure
        ``cached`` measures only what is not known of this shape, ``now`` always, ``never`` not at
        all: a backend that was not measured is unknown then.
    seconds
        Time for measuring. A backend that failed is tried again after an hour, one that did not
        start in time after a minute.
    dtype
        ``float32`` or ``float64``; None for that of the model, and of a shape for ``float32``.
    threads
        Threads of each backend; None for all cores that the process may use.
    results
        A folder of results to learn from; None for ``results/`` if there is one.

    Returns
    -------
    Advice
        The fastest backend and its device, seconds with a 95% interval, and whether that is
        decided.

    Raises
    ------
    UserError
        For a wrong argument. A backend that cannot run is a candidate with a reason.
    """
    if others:
        arguments = [name for name in fastest.__annotations__ if name not in ("others", "return")]
        raise unknown("argument", next(iter(others)), arguments)
    if isinstance(among, Iterable) and not isinstance(among, str):
        among = tuple(among)
    check_usual(dtype, epochs, among, measure, seconds, threads)
    if not isinstance(results, str | PathLike | None) or str(results).strip() == "":
        raise UserError(f"results: {results!r} is no path of a folder")
    folder = RESULTS if results is None else Path(results)
    usual: dict[str, Any] = {
        "among": among,
        "measure": measure,
        "seconds": seconds,
        "threads": threads,
    }
    if model is None:
        instance = None if isinstance(optimizer, str) else optimizer
        of_models = {"inputs": inputs, "targets": targets, "loss": loss, "optimizer": instance}
        for name, value in of_models.items():
            if value is not None:
                raise UserError(f"{name}: goes with a model: give one, as fastest(model, …)")
        if rows is None or features is None:
            missing = "rows" if rows is None else "features"
            raise UserError(f"{missing}: give rows= and features=, or a model and its data")
        query = question(
            rows,
            features,
            hidden,
            classes,
            batch,
            "sgd" if optimizer is None else optimizer,
            models,
            "float32" if dtype is None else dtype,
            epochs=1 if epochs is None else epochs,
            **usual,
        )
        return Inquiry(query, folder).advice()
    shape = {"rows": rows, "features": features, "hidden": hidden or None, "classes": classes}
    for name, value in {**shape, "models": None if models == 1 else models}.items():
        if value is not None:
            raise UserError(f"{name}: goes with a shape, and here is a model: leave {name} out")
    # Imported here, because only a model needs it.
    from perceptron.questions.fastest.of_model import of_model

    trained = of_model(model, inputs, targets, loss, optimizer, batch)
    query = question_of(
        trained,
        trained.dtype if dtype is None else dtype,
        epochs=trained.epochs if epochs is None else epochs,
        **usual,
    )
    advice = Inquiry(query, folder).advice()
    return advice if trained.note is None else replace(advice, why=f"{advice.why}; {trained.note}")


# --- the answer to one question -------------------------------------------------------------------


class Inquiry:
    """The state of one call: the rows and reasons so far for each of its backends."""

    def __init__(self, query: Question, results: Path) -> None:
        self._query = query
        self._ends = monotonic() + query.seconds
        self._file = cache.cache_file()
        self._failures: dict[str, str] = {}
        """Why a measurement for this answer gave no reliable time, by backend."""
        self._new: dict[str, MeasuredShape] = {}
        """The rows that were measured for this answer, by backend."""
        self._take(cache.load(self._file))
        self._read_results(results)
        self._ask_backends()
        self._refusals = {name: self._refusal(name) for name in query.among}
        """Why a backend cannot train this, by backend, as far as known without measuring."""

    def advice(self) -> Advice:
        """Return the answer, after the measurements that it needs and may make."""
        query, begun = self._query, now()
        if wanted := self._wanted():
            self._measure(wanted)
        candidates, ranking = self._candidates(), self._ranking()
        behind = self._behind(ranking)
        advice = choose(
            candidates,
            ranking,
            measured=max((row.when for row in behind), default=None),
            stale=_changes(behind),
            able=query.able,
            new=[
                row.backend for row in behind if wanted and row.when >= begun and self._is_new(row)
            ],
        )
        beside = (*self._rewrite(advice), *self._older(candidates), *self._remembered(advice))
        return replace(
            advice,
            problem=query.name,
            iterations=query.iterations,
            epochs=query.epochs,
            dtype=query.dtype,
            threads=query.threads,
            why="; ".join([advice.why, *beside]),
        )

    def _rewrite(self, advice: Advice) -> Iterator[str]:
        """Yield the time of a faster backend that cannot train the module, if it is decided."""
        first = advice.candidates[0]
        if advice.seconds is None or first.backend == advice.backend:
            return
        ratio = self._trainings.ratio(first.backend, advice.backend, CONFIDENCE)
        if ratio is not None and standing(ratio) == "faster":
            takes = times_as_long(ratio.estimate, ratio.low, ratio.high)
            yield f"rewritten for {first.backend} it takes {takes}"

    def _is_new(self, row: MeasuredShape) -> bool:
        """Return whether a row is not older than a failed measurement for this answer."""
        return row.backend not in self._failures or row == self._new.get(row.backend)

    def _older(self, candidates: Iterable[Candidate]) -> Iterator[str]:
        """Yield a note on each time that is an earlier one because measuring failed now."""
        for option in candidates:
            reason = self._failures.get(option.backend)
            row = self._newest.get(option.backend)
            if reason and row and not self._is_new(row):
                yield f"{option.backend} was not measured now ({reason}): its time is of {row.when}"

    def _remembered(self, advice: Advice) -> Iterator[str]:
        """Yield a note on attempts that failed for an earlier answer and were not repeated."""
        by_attempt: dict[tuple[str, str, float, float], list[str]] = {}
        for option in advice.candidates:
            attempt = self._given_up(option.backend)
            row = self._newest.get(option.backend)
            reason = CONTENDED if row is not None and row.is_contended else option.reason
            if attempt and attempt.reason == reason and option.backend not in self._failures:
                key = (attempt.reason, attempt.when, attempt.lasts, attempt.seconds)
                by_attempt.setdefault(key, []).append(option.backend)
        for (reason, when, lasts, seconds), names in by_attempt.items():
            yield (
                f"{enumerated(names)} {reason}: remembered from {when} for {lasts:g} s; "
                f'measure="now" or more than seconds={seconds:g} tries again at once'
            )

    def _left(self) -> float:
        return max(0.0, self._ends - monotonic())

    def _take(self, cached: Known) -> None:
        """Use the content of the cache, of its rows those of this dtype and number of threads."""
        query = self._query
        self._cached = cached
        self._rows = cached.rows_of(query.dtype, query.threads)
        same_shape = [
            row for row in self._rows if row.shape == query.shape and row.backend in query.among
        ]
        self._trainings = Trainings(same_shape, query.iterations)
        self._newest = self._trainings.newest
        """The row of each backend whose time the answer has."""

    def _learn(self, change: Callable[[Known], Known]) -> None:
        """Change the cache, and use its new content."""
        self._take(cache.update(self._file, change))

    def _read_results(self, results: Path) -> None:
        """Read the runs of studies that are new or changed since the last call."""
        if runs := changed_runs(results, self._cached.runs):
            from perceptron.questions.fastest.results import read_runs

            new = read_runs(runs)
            self._learn(lambda cached: cached.with_rows(new, runs))

    def _ask_backends(self) -> None:
        """Find out which backends can run here: the quick ones, and others if there is time."""
        names = [name for name in self._query.among if not cache.is_cached(name, self._cached)]
        new = {name: answer for name in names if (answer := cache.at_once(name)) is not None}
        silent = [name for name in names if name not in new and self._may_try(name)]
        late: list[Attempt] = []
        if silent and self._query.measure != "never":
            try:
                new |= cache.elsewhere(silent, _ASKING_SHARE * self._left())
            except UserError as reason:
                late = [self._attempt(name, str(reason)) for name in silent]
        if new or late:
            self._learn(lambda cached: cached.with_backends(new).with_attempts(late))

    def _attempt(self, backend: str, reason: str) -> Attempt:
        """Record the failure of a measurement, and return it for the cache."""
        self._failures[backend] = reason
        return Attempt(
            backend=backend,
            shape=self._query.shape,
            comparison_key=self._comparison_key,
            seconds=self._query.seconds,
            reason=reason,
            when=now(),
        )

    @property
    def _comparison_key(self) -> str:
        return cache.alike(self._query.dtype, self._query.threads)

    def _given_up(self, name: str) -> Attempt | None:
        return self._cached.given_up(name, self._query.shape, self._comparison_key)

    def _may_try(self, name: str) -> bool:
        """Return whether a backend may be measured: no recent attempt had as much time."""
        attempt = self._given_up(name)
        is_forced = self._query.measure == "now"
        return is_forced or attempt is None or self._query.seconds > attempt.seconds

    def _unavailable(self, name: str) -> str | None:
        """Return why a backend cannot be measured here; None if it can."""
        backend = self._cached.backends.get(name)
        if backend is None:
            attempt = self._given_up(name)
            return NOT_ASKED if attempt is None else attempt.reason
        return backend.unavailable or self._refusals[name]

    def _candidate(self, name: str) -> Candidate:
        reason, row, attempt = self._unavailable(name), self._newest.get(name), self._given_up(name)
        if reason is None and row is not None:
            return candidate(row, self._query.iterations)
        if reason is None:
            reason = NOT_KNOWN if attempt is None else attempt.reason
        backend = self._cached.backends.get(name)
        device = "unknown" if backend is None else backend.device
        return Candidate(backend=name, device=device, reason=reason)

    def _refusal(self, name: str) -> str | None:
        query, cores = self._query, usable_cores()
        if name == SKLEARN and query.own_fit and query.own_fit.refusal:
            return query.own_fit.refusal
        if isinstance(query.own, AsItIs):
            return None if name in AS_IT_IS else f"it has no {query.own.part}"
        if query.threads > cores and not self._rows:
            return f"nothing was measured with {query.threads} threads, more than the {cores} cores"
        # A backend with a row has trained this: loading it, in milliseconds, is needless.
        if name == SKLEARN or name not in registry.BUILT_IN or name in self._newest:
            return None
        return refusal(registry.load(name), query.problem, query.dtype)

    def _candidates(self) -> list[Candidate]:
        return list(map(self._candidate, self._query.among))

    def _ranking(self) -> Ranking:
        return ranking_of(self._candidates(), self._trainings, self._query.able)

    def _picks(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        able = self._query.able
        return [option for option in candidates if able is None or option.backend in able]

    def _wanted(self) -> list[str]:
        """Return the backends to measure, the most promising first."""
        if self._query.measure == "never":
            return []
        candidates, ranking = self._candidates(), self._ranking()
        # There may be no time for all.
        timed = sorted(
            candidates, key=lambda option: inf if option.seconds is None else option.seconds
        )
        able = [option.backend for option in timed if self._unavailable(option.backend) is None]
        if self._query.measure == "now":
            return able
        behind = self._behind(ranking)
        wanted = {row.backend for row in behind if _changes([row])}
        if not is_enough(ranked(self._picks(candidates), ranking)):
            wanted |= {row.backend for row in behind if row.is_contended}
        wanted |= {
            option.backend for option in candidates if option.reason in (NOT_KNOWN, *GIVEN_UP)
        }
        return [name for name in able if name in wanted and self._may_try(name)]

    def _measure(self, names: Sequence[str]) -> None:
        """Measure these backends, except those that another process measured meanwhile.

        A lock keeps two processes from measuring at the same time, which would contend for cores.
        """
        from perceptron.records.files.lock import locked

        before = {name: self._newest.get(name) for name in names}
        try:
            with locked(self._file.with_suffix(".measuring"), self._left()) as is_alone:
                self._take(cache.load(self._file))
                names = [
                    name
                    for name, row in before.items()
                    if self._newest.get(name) == row and self._may_try(name)
                ]
                if is_alone:
                    self._measure_alone(names)
                else:
                    self._failures |= dict.fromkeys(names, _NOT_ALONE)
        except OSError:  # nothing can be written there; `cache.update` says so
            self._measure_alone(names)

    def _measure_alone(self, names: Sequence[str]) -> None:
        from perceptron.questions.fastest.measure import measure

        if not names:
            return
        if not self._left():
            self._failures |= dict.fromkeys(names, _NONE_LEFT)
            return
        rows, reasons = measure(self._query, names, self._left())
        # A busy machine may stay busy for a while.
        reasons |= {row.backend: CONTENDED for row in rows if row.is_contended}
        late = [self._attempt(name, why) for name, why in reasons.items()]
        new = [replace(row, libraries=self._libraries(row.backend)) for row in rows]
        self._new = {row.backend: row for row in new}

        def change(cached: Known) -> Known:
            return cached.with_rows(new).with_attempts(late)

        # The row of a module trained as it is stays out of the cache: the module's code may change.
        if isinstance(self._query.own, AsItIs):
            self._take(change(self._cached))
        else:
            self._learn(change)

    def _libraries(self, backend: str) -> dict[str, str]:
        answer = self._cached.backends.get(backend)
        return versions_beneath(answer.modules if answer else ())

    def _behind(self, ranking: Ranking) -> list[MeasuredShape]:
        """Return the rows of the backends that may be the fastest."""
        candidates = {*ranking.order[:1], *ranking.ties, *ranking.open}
        return [row for name, row in self._newest.items() if name in candidates]


def _changes(behind: Iterable[MeasuredShape]) -> str | None:
    """Return the libraries that have changed since these rows were measured, in one line."""
    changed = {}
    for row in behind:
        today = versions_beneath(row.libraries)
        for name, before in row.libraries.items():
            if today.get(name) != before:
                changed[name] = f"{name} {before} → {today.get(name, 'none')}"
    return f"measured with other libraries: {', '.join(changed.values())}" if changed else None


def changed_runs(results: Path, read: Mapping[str, str]) -> dict[str, str]:
    """Return the runs of a results folder that are new, removed or changed since they were read.

    The value is the size and time of the file with its rows; empty for a removed run.
    """
    runs = os.path.join(os.path.abspath(results), "runs", "")
    stamps = {run: "" for run, stamp in read.items() if stamp and run.startswith(runs)}
    for file in sorted(glob(f"{escape(runs)}*/*/measurements.jsonl")):
        with suppress(OSError):
            stat = os.stat(file)
            stamps[os.path.dirname(file)] = f"{stat.st_size}-{stat.st_mtime_ns}"
    return {run: stamp for run, stamp in stamps.items() if read.get(run) != stamp}
