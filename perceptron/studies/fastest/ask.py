"""`perceptron.fastest`: which backend trains a shape fastest, on this machine.

What is known answers at once, and imports no framework; what is not known is measured in worker
processes, if that is allowed, and known from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from perceptron.analysis.cost_curve import CostCurve, fit
from perceptron.analysis.fastest import (
    NOT_KNOWN,
    Advice,
    BackendHere,
    Candidate,
    candidates,
    choose,
    contenders,
    is_enough,
    row_of,
)
from perceptron.library_versions import versions_beneath
from perceptron.problems.optimizer import OptimizerName
from perceptron.problems.problem import DType
from perceptron.records.run import now
from perceptron.studies.fastest import cache, here
from perceptron.studies.fastest.cache import Known, KnownCurves, KnownRow
from perceptron.studies.fastest.question import Measure, Question, question
from perceptron.studies.fastest.results import changed_runs

RESULTS = Path("results")
"""Where studies keep what they measure, unless told otherwise."""


def fastest(
    *,
    rows: int,
    features: int,
    hidden: Sequence[int] = (),
    classes: int | None = None,
    batch: int | None = None,
    optimizer: OptimizerName = "sgd",
    epochs: int = 1,
    models: int = 1,
    among: Sequence[str] | None = None,
    measure: Measure = "cached",
    seconds: float = 5.0,
    dtype: DType = "float32",
    threads: int | None = None,
    results: Path | None = None,
) -> Advice:
    """Return which backend trains this shape fastest on this machine, and how sure that is.

    The shape is that of a dense network: ``rows`` × ``features``, the widths of its ``hidden``
    layers, one output or as many as ``classes``. An iteration takes a ``batch``, None for all rows,
    and a step of each of ``models`` trained at once; a training is ``epochs`` passes over the rows,
    and preparing once. ``among`` are the backends that may be advised, None for NumPy and PyTorch
    on the CPU and on CUDA; one that cannot run here is a candidate with a reason.

    ``measure``: ``cached`` answers from what was measured here of this shape or of shapes near it,
    in milliseconds, and measures this shape for at most about ``seconds`` where there is none or
    libraries have changed; ``now`` measures it; ``never`` answers from what there is. Nothing of a
    framework is imported here: worker processes measure. ``dtype`` is float32 or float64,
    ``threads`` are those of each backend, None for all cores that may be used. ``results`` is a
    folder of results to learn from beside the cache, None for ``results/`` if there is one.

    Raises `UserError` for an argument that is wrong, and for nothing else.
    """
    asked = question(
        rows,
        features,
        hidden,
        classes,
        batch,
        optimizer,
        epochs,
        models,
        among,
        measure,
        seconds,
        dtype,
        threads,
    )
    return _Answer(asked, RESULTS if results is None else Path(results)).advice()


class _Answer:
    """What is known of one question, ever more of it."""

    def __init__(self, asked: Question, results: Path) -> None:
        self._asked = asked
        self._file = cache.cache_file()
        self._known = cache.load(self._file)
        self._learn_results(results)
        self._learn_backends()

    def advice(self) -> Advice:
        """Answer, and measure first where that is asked for."""
        found = self._candidates()
        wanted = self._wanted(found)
        if wanted:
            self._measure(wanted)
            found = self._candidates()
        behind = self._behind(found)
        return choose(
            found,
            measured=max((known.row.when for known in behind), default=None),
            stale=_changes(behind),
        )

    def _learn_results(self, results: Path) -> None:
        """Read what studies have measured since the last question."""
        runs = changed_runs(results, self._known.runs)
        if runs:
            from perceptron.studies.fastest.results import read_runs

            new = read_runs(runs)
            self._known = cache.update(self._file, lambda known: known.with_rows(new, runs))

    def _learn_backends(self) -> None:
        names = [name for name in self._asked.among if not here.is_known(name, self._known)]
        if names:
            new = here.ask(names, may_start=self._asked.measure != "never")
            if new:
                self._known = cache.update(self._file, lambda known: known.with_backends(new))

    def _backends(self) -> list[BackendHere]:
        return [
            here.here(name, self._known)
            or BackendHere(name=name, device="unknown", unavailable=here.NOT_ASKED)
            for name in self._asked.among
        ]

    def _candidates(self) -> list[Candidate]:
        asked, backends = self._asked, self._backends()
        rows = [known.row for known in self._rows()]
        found = candidates(asked.work, asked.iterations, backends, rows, {})
        if any(one.reason == NOT_KNOWN for one in found):
            curves = self._curves()
            found = candidates(asked.work, asked.iterations, backends, rows, curves)
        return found

    def _rows(self) -> list[KnownRow]:
        return self._known.rows_of(self._asked.dtype, self._asked.threads)

    def _curves(self) -> dict[str, CostCurve]:
        """Return the curves through the rows, fitted if that was not done yet."""
        dtype, threads = self._asked.dtype, self._asked.threads
        curves = self._known.curves_of(dtype, threads)
        if curves is not None:
            return curves
        rows = self._rows()
        fitted = KnownCurves(dtype=dtype, threads=threads, curves=fit(known.row for known in rows))

        def with_fitted(known: Known) -> Known:
            # Not if another process has measured meanwhile.
            same = known.rows_of(dtype, threads) == rows
            return known.with_curves(fitted) if same else known

        if rows:
            self._known = cache.update(self._file, with_fitted)
        return fitted.curves

    def _wanted(self, found: Sequence[Candidate]) -> list[str]:
        """Return the backends to measure: those of which more has to be known."""
        if self._asked.measure == "never":
            return []
        able = [one.name for one in self._backends() if one.unavailable is None]
        if self._asked.measure == "now" or _changes(self._behind(found)):
            return able
        if is_enough(found):
            return []
        open_ones = {one.backend for one in contenders(found) if one.source == "estimated"}
        open_ones |= {one.backend for one in found if one.reason == NOT_KNOWN}
        return [name for name in able if name in open_ones]

    def _measure(self, names: Sequence[str]) -> None:
        """Measure, unless another process has done so while this one waited for its turn.

        Two at once would be in each other's way.
        """
        from perceptron.records.files.lock import locked

        begun = now()
        try:
            with locked(self._file.with_suffix(".measuring"), self._asked.seconds) as is_alone:
                self._known = cache.load(self._file)
                if is_alone and (names := self._not_since(begun, names)):
                    self._measure_alone(names)
        except OSError:  # nothing can be written there; `cache.update` says so
            self._measure_alone(names)

    def _not_since(self, begun: str, names: Sequence[str]) -> list[str]:
        """Return the backends without a newer row of this shape than from when it was asked."""
        rows = [known.row for known in self._rows()]
        newest = ((name, row_of(self._asked.work, name, rows)) for name in names)
        return [name for name, row in newest if row is None or row.when < begun]

    def _measure_alone(self, names: Sequence[str]) -> None:
        from perceptron.studies.fastest.measure import measure

        devices = {one.name: one.device for one in self._backends()}
        new = [
            KnownRow(
                row=row,
                dtype=self._asked.dtype,
                threads=self._asked.threads,
                libraries=self._libraries(row.backend),
            )
            for row in measure(self._asked, names, devices)
        ]
        self._known = cache.update(self._file, lambda known: known.with_rows(new))

    def _libraries(self, name: str) -> dict[str, str]:
        asked = self._known.backends.get(name)
        return versions_beneath(asked.modules if asked else ())

    def _behind(self, found: Iterable[Candidate]) -> list[KnownRow]:
        """Return the newest row behind each time that decides."""
        newest = []
        rows = self._rows()
        for one in contenders(found):
            own = [known for known in rows if known.row.backend == one.backend]
            exact = row_of(self._asked.work, one.backend, [known.row for known in own])
            if exact is not None:
                own = [known for known in own if known.row is exact]
            if own:
                newest.append(max(own, key=lambda known: known.row.when))
        return newest


def _changes(behind: Iterable[KnownRow]) -> str | None:
    """Return which libraries have changed since these rows were measured, in one line."""
    changed = {}
    for known in behind:
        today = versions_beneath(known.libraries)
        for name, before in known.libraries.items():
            if today.get(name) != before:
                changed[name] = f"{name} {before} → {today.get(name, 'none')}"
    return f"measured with other libraries: {', '.join(changed.values())}" if changed else None
