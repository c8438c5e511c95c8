"""Which backend for my shape on this machine, and at which sizes that changes: within seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import convert
from msgspec.structs import asdict

from perceptron.analysis.advice import (
    AdviceAxis,
    Change,
    ShapeAdvice,
    advise,
    expected_change,
    rows_on,
    whole_trainings,
)
from perceptron.analysis.advice import Option as Candidate
from perceptron.analysis.crossover.locator import Search, next_measurements
from perceptron.analysis.crossover.words import decided, sentence
from perceptron.analysis.crossover.words import verdict as verdict_of
from perceptron.analysis.interval import Interval
from perceptron.analysis.over_processes import named, threads_in_all
from perceptron.analysis.plausible import usable_rows
from perceptron.analysis.select import NOT_REACHED, definitions, has_time
from perceptron.analysis.select import times as times_of
from perceptron.analysis.throughput import TrainingLength
from perceptron.analysis.training import training_words
from perceptron.analysis.trust import warnings_of_rows
from perceptron.analysis.what_if.devices import device
from perceptron.analysis.what_if.estimate import (
    DeviceEstimate,
    EstimatedRatio,
    ratio_to,
)
from perceptron.answer import Answer, Note, Page, Table, Verdict
from perceptron.errors import UserError
from perceptron.machine import usable_cores
from perceptron.measure.job import Time
from perceptron.numbers import (
    NONE,
    count,
    digits,
    duration_interval,
    interval,
    rows_per_second,
    times_as_long,
)
from perceptron.problems import catalogue
from perceptron.problems.optimizer import OptimizerName
from perceptron.problems.problem import DType, Feed
from perceptron.problems.shape import Shape
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import LoadedRun
from perceptron.records.row import Row, times
from perceptron.records.warning import MeasurementWarning
from perceptron.studies import what_if
from perceptron.studies.shared.axes import AxisThrough, all_axes, axes_through
from perceptron.studies.shared.many_models import usual_for
from perceptron.studies.shared.missing import missing
from perceptron.studies.shared.over_processes import backends_over, require_backends
from perceptron.studies.study import Estimates, Option, Over, Plan, Threads

# Repeats of the problem itself, and of sizes beside it.
_REPEATS = 3
_BESIDE = 2
# Share of the time that the problem's own repeats leave for sizes beside it.
_BESIDE_SHARE = 0.4
_SAMPLES, _SAMPLE_SECONDS = 5, 0.005


class AdvisePlan(Plan, frozen=True, kw_only=True, omit_defaults=True):
    """A training that is to be fast; what describes its shape is resolved to a ``problem``."""

    in_seconds: ClassVar[bool] = True

    rows: Annotated[int | None, Option("Rows of the data.", metavar="N", as_text=True)] = None
    features: Annotated[int | None, Option("Inputs.", metavar="D", as_text=True)] = None
    hidden: Annotated[
        tuple[int, ...],
        Option("Widths of the hidden layers; none: no.", metavar="H[,H…]", each_once=False),
    ] = ()
    problem: Annotated[
        str | None, Option("A problem or a FILE.toml[:SIZE] instead of a shape.", metavar="P")
    ] = None
    classes: Annotated[
        int | None,
        Option("Outputs, with cross-entropy; none: one output.", metavar="C", as_text=True),
    ] = None
    batch: Annotated[
        int | None, Option("Rows of an iteration; none: all.", metavar="B", as_text=True)
    ] = None
    optimizer: Annotated[
        OptimizerName | None, Option("sgd, adam or adamw. Default: sgd.", metavar="NAME")
    ] = None
    feed: Annotated[
        Feed | None,
        Option("Batches from the device (resident) or the host.", metavar="NAME"),
    ] = None
    models: Annotated[
        int | None, Option("Models of the shape that train at once.", metavar="N", as_text=True)
    ] = None
    epochs: Annotated[
        int | None, Option("Of the training: passes over the rows.", metavar="E", as_text=True)
    ] = None
    iterations: Annotated[
        int | None, Option("Default: 10000, or the problem's own.", metavar="K", as_text=True)
    ] = None
    what_if: Annotated[
        str | None, Option("Estimate for a GPU that is not here: h100…", metavar="DEVICE")
    ] = None
    backends: Annotated[
        tuple[str, ...], Option("See `perceptron backends`.", metavar="NAME …")
    ] = ()
    threads: Threads = None
    over: Over = ()
    dtype: Annotated[
        DType | None, Option("float32 or float64. Default: float32.", metavar="NAME")
    ] = None
    name: str = ""
    """Of the problem, as its rows have it."""
    length: TrainingLength = TrainingLength()
    """Of the training, for this problem and for those along its axes."""
    axes: tuple[AdviceAxis, ...] = ()
    """Through the problem."""

    def resolved(self) -> AdvisePlan:
        """Return it with every default filled in; raises `UserError` naming an option."""
        if self.iterations is not None and self.epochs is not None:
            raise UserError("give --iterations or --epochs, not both")
        problem = catalogue.find(self._reference)
        backends = backends_over(self.backends or usual_for(problem, self.over), self.over)
        threads = self.threads or usable_cores()
        require_backends(backends, threads)
        if self.what_if is not None:
            device(self.what_if)
            what_if.require([problem])
        return AdvisePlan(
            problem=problem.reference,
            name=problem.name,
            length=TrainingLength(
                iterations=self.iterations or problem.iterations, epochs=self.epochs
            ),
            axes=tuple(through.named for through in all_axes(problem)),
            what_if=self.what_if,
            backends=backends,
            threads=threads,
            dtype=self.dtype or "float32",
        )

    @property
    def _reference(self) -> str:
        """What finds the problem, from the options of the shape or as it was typed."""
        shape = {
            "--rows": self.rows,
            "--features": self.features,
            "--hidden": self.hidden,
            "--classes": self.classes,
            "--batch": self.batch,
            "--optimizer": self.optimizer,
            "--feed": self.feed,
            "--models": self.models,
        }
        given = next((option for option, value in shape.items() if value), None)
        if self.problem is not None:
            if given is not None:
                raise UserError(f"give {given}, which describes a shape, or --problem, not both")
            return self.problem
        rows, features = self.rows, self.features
        if rows is None or features is None:
            raise UserError("give --rows and --features (and --hidden), or --problem")
        if self.classes is not None and not 2 <= self.classes <= rows:
            raise UserError(f"--classes: {self.classes} is not between 2 and the {rows} of --rows")
        if self.batch is not None and not 1 <= self.batch <= rows:
            raise UserError(f"--batch: {self.batch} is not between 1 and the {rows} of --rows")
        if self.feed == "host" and self.batch is None:
            raise UserError("--feed: host is for batches: give --batch, such as --batch 128")
        made = Shape(
            rows,
            features,
            self.hidden,
            classes=self.classes,
            batch=self.batch,
            optimizer=self.optimizer or "sgd",
            feed=self.feed or "resident",
            models=self.models or 1,
        )
        return made.reference

    @property
    def references(self) -> tuple[str, ...]:
        """The one that is trained."""
        return (self.problem or self.name,)

    @property
    def budget_seconds(self) -> float:
        """Half a minute with what precedes and follows."""
        return 28.0


class Advise:
    """The study."""

    name: ClassVar[str] = "advise"
    Plan: ClassVar[type[Plan]] = AdvisePlan
    asked: ClassVar[tuple[str, ...]] = ("name", "dtype", "threads")
    page: ClassVar[Page] = Page(
        "Advice", "Which backend for my model?", "No shape was measured yet.", "one"
    )
    doing: ClassVar[str] = "looking"

    def next(self, plan: AdvisePlan, rows: Sequence[Row], left: float) -> list[Time]:
        """Ask for the problem itself, then for the next size on an axis through it.

        Where the problem takes long, its further repeats leave some of the time for sizes beside
        it, and come last. Axes take turns, the first ones first.
        """
        measured = times(rows)
        for repeats in range(1, _REPEATS + 1):
            jobs = missing(_own_jobs(plan, repeats), measured)
            if jobs and (repeats == 1 or left > _BESIDE_SHARE):
                return jobs
        axes = [
            (through, rows_on(through.named, measured, plan.name).rows)
            for through in _axes(plan, measured)
        ]
        for through, on_axis in sorted(axes, key=lambda axis: len({row.size for row in axis[1]})):
            if jobs := missing(_next_on(plan, through, on_axis), measured):
                return jobs
        return missing(_own_jobs(plan, _REPEATS), measured)

    def estimates(self, plan: AdvisePlan, rows: Sequence[Row], results: Path) -> Estimates | None:
        """Count the kernels of an iteration, and time how fast this host dispatches."""
        if plan.what_if is None:
            return None
        problem = catalogue.find(plan.problem or plan.name)
        dtype, threads = plan.dtype or "float32", plan.threads or 1
        found = what_if.estimates([problem], dtype, threads, device(plan.what_if))
        return Estimates(found[problem.name])

    def answer(self, plan: AdvisePlan, rows: Sequence[Row], run: LoadedRun) -> Answer:
        """Judge the problem and the axes through it.

        Axes without a row are left out, but where the time was over before their turn.
        """
        own = usable_rows(run.folder, times(rows))
        of_problem = [row for row in own if row.problem == plan.name]
        compared = {row.backend for row in of_problem if has_time(row)}.intersection(plan.backends)
        axes = [
            axis
            for axis in (rows_on(axis, own, plan.name) for axis in plan.axes)
            if axis.has_other_sizes or (run.run.cut_short and len(compared) > 1)
        ]
        found = advise(own, plan.backends, plan.name, plan.length, axes)
        budget = run.run.budget
        return _Told(found, of_problem[0], budget.seconds if budget else None).answer(
            plan.problem or plan.name,
            convert(run.run.what_if, list[DeviceEstimate]),
            (*definitions(times(rows)).warnings(), *warnings_of_rows(own)),
        )


# --- what is measured, in its order --------------------------------------------------------------


def _own_jobs(plan: AdvisePlan, repeats: int) -> list[Time]:
    reference = plan.problem or plan.name
    return _jobs(plan, [(reference, name) for name in plan.backends], repeats)


def _jobs(plan: AdvisePlan, pairs: Sequence[tuple[str, str]], repeats: int) -> list[Time]:
    return [
        Time(
            problem=problem,
            backend=backend,
            dtype=plan.dtype or "float32",
            threads=plan.threads or 1,
            repeat=repeat,
            samples=_SAMPLES,
            minimum_seconds=_SAMPLE_SECONDS,
        )
        for repeat in range(repeats)
        for problem, backend in pairs
    ]


def _axes(plan: AdvisePlan, rows: Sequence[Measurement]) -> list[AxisThrough]:
    """Return the axes through the problem; none before two backends have a time of it."""
    own = [row for row in rows if row.problem == plan.name]
    if len(_usable(plan, own)) < 2:
        return []
    return axes_through(catalogue.find(plan.problem or plan.name), own)


def _usable(plan: AdvisePlan, own: Sequence[Measurement]) -> list[str]:
    return [name for name in plan.backends if times_of(own, name)]


def _next_on(plan: AdvisePlan, through: AxisThrough, on_axis: Sequence[Measurement]) -> list[Time]:
    """Return the jobs of the size on an axis that is nearest to an expected change of winner."""
    axis, here = through.axis, through.here
    rows = whole_trainings(on_axis, plan.length)
    own = [row for row in rows if row.size == here]
    usable = _usable(plan, own)
    # As many repeats as the problem itself had time for.
    beside = min(_BESIDE, min(len(times_of(own, name)) for name in usable))
    best = min(usable, key=lambda name: min(times_of(own, name).values()))
    others = [name for name in usable if name != best]
    search = Search(axis.low, axis.high, coarse=16.0, first=beside, enough=beside, most=beside)
    wanted: dict[int, set[str]] = {}
    for other in others:
        for wish in next_measurements(rows, best, other, search):
            if wish.size != here:
                wanted.setdefault(wish.size, set()).update((best, other))
    if not wanted:
        return []
    towards = expected_change(rows, best, others, here)
    size = min(wanted, key=lambda size: abs(log(size / towards)))
    reference = axis.problem(size).reference
    return _jobs(plan, [(reference, name) for name in sorted(wanted[size])], beside)


# --- a device that is not here -------------------------------------------------------------------


def _ratios(estimates: Sequence[DeviceEstimate], best: Candidate | None) -> list[EstimatedRatio]:
    """Compare each estimate with the best that was measured; empty if nothing was."""
    if best is None or best.seconds_per_iteration is None:
        return []
    seconds = best.seconds_per_iteration.estimate
    return [ratio_to(guess, best.backend, seconds) for guess in estimates]


_STATUS_WORDS = {
    "faster": "faster",
    "slower": "slower",
    "open": "undecided because the best and the worst case disagree",
}


def _estimated(ratios: Sequence[EstimatedRatio]) -> str:
    """Return how the device might compare with the best that was measured, in a sentence."""
    parts = [
        f"{ratio.backend} takes "
        f"{times_as_long(ratio.ratio, ratio.low, ratio.high, ratio.incumbent)}, "
        f"{_STATUS_WORDS[ratio.status]}"
        for ratio in ratios
    ]
    return f"Estimated, not measured, on {ratios[0].device}: {'; '.join(parts)}." if parts else ""


def _estimates_table(
    estimates: Sequence[DeviceEstimate], ratios: Sequence[EstimatedRatio]
) -> Table:
    """Return a row for each estimate; the range is the best and the worst case."""
    return Table(
        title="Estimated, not measured",
        columns=("backend", "per iteration", "× the fastest measured", "status"),
        rows=tuple(
            (
                f"{guess.backend} on {guess.device}",
                duration_interval(guess.seconds, guess.low, guess.high),
                interval(ratio.ratio, ratio.low, ratio.high),
                ratio.status,
            )
            for guess, ratio in zip(estimates, ratios, strict=True)
        ),
    )


# --- in words ------------------------------------------------------------------------------------

COLUMNS = ("backend", "per iteration", "setup", "whole training", "× the fastest")
# Where an iteration is a step of several models, and where an epoch is more than an iteration.
_MODEL_COLUMNS, _EPOCH_COLUMNS = ("per model",), ("per epoch", "throughput>")
# Slower backends that a verdict names; the table has all.
_NAMED = 2
# How many times the budget to try where it was too small.
_MORE = 3
# Axes whose sizes are numbers of something.
_COUNTED = ("rows", "features", "models")


class _Told:
    """Advice put in words."""

    def __init__(self, found: ShapeAdvice, row: Measurement, budget_seconds: float | None) -> None:
        self._found = found
        self._row = row
        more = "" if budget_seconds is None else digits(_MORE * budget_seconds / 60, 2)
        self._more_time = f"--budget {more}" if more else "a larger --budget"

    def answer(
        self,
        reference: str,
        estimates: Sequence[DeviceEstimate],
        warnings: Iterable[MeasurementWarning],
    ) -> Answer:
        found, how = self._found, training_words(self._row)
        threads = threads_in_all(found.threads, (one.backend for one in found.options))
        verdict = self._verdict()
        ratios = _ratios(estimates, found.leading)
        guess = _estimated(ratios)
        # Where nothing is known of the problem itself, an axis says nothing about it.
        changes = [] if found.use is None else found.changes
        return Answer(
            question=f"advise for {found.problem}",
            asked=(("Problem", found.problem),),
            ground=(("dtype", found.dtype), ("Threads", str(found.threads))),
            measured=f", {threads}, {found.dtype}{f', {how}' if how else ''}",
            verdicts=(
                verdict,
                *(
                    verdict_of(pair)
                    for change in changes
                    for pair in change.crossovers
                    if pair.crossings
                ),
            ),
            notes=(Note(guess),) if guess else (),
            tables=(
                self._options(f"{found.problem}, {found.dtype}, {threads}"),
                *((_estimates_table(estimates, ratios),) if ratios else ()),
                *((_changes(found.changes),) if found.changes else ()),
            ),
            warnings=tuple(warnings),
            backends=tuple(one.backend for one in found.options),
            next=() if found.use is None else ("perceptron", "overhead", "--problem", reference),
            data={
                "sentence": verdict.sentence,
                **asdict(found),
                "what_if": {"sentence": guess, "estimates": estimates, "ratios": ratios},
            },
        )

    # --- the verdict on the problem itself ---

    def _verdict(self) -> Verdict:
        found = self._found
        if found.leading is None:
            reasons = "; ".join(f"{one.backend}: {one.reason}" for one in found.options)
            return Verdict(subject=found.problem, decided="no", sentence=f"not measured: {reasons}")
        if found.undecided:
            return Verdict(
                subject=found.problem,
                decided="no",
                sentence=self._nothing_decided(),
                notes=(f"why: {found.undecided}; next: {self._what_would_tell()}",),
            )
        others = [one for one in found.options if one.ratio and one is not found.leading]
        doubtful = [one for one in others if self._is_doubtful(one)]
        return Verdict(
            subject=found.problem,
            decided="partly" if doubtful else "yes",
            sentence=self._fastest(others),
            notes=self._doubts(doubtful),
        )

    def _is_doubtful(self, option: Candidate) -> bool:
        """Return whether it may be as fast as the fastest, and is not known to be."""
        return option.backend in self._found.unsure and option.backend not in self._found.ties

    def _nothing_decided(self) -> str:
        measured = [named(one.backend) for one in self._found.options if one.training is not None]
        return f"undecided between {_listed(measured)}" if len(measured) > 1 else "undecided"

    def _what_would_tell(self) -> str:
        if "contended" in (self._found.undecided or ""):
            return "--wait or --threads 1" if self._found.threads > 1 else "--wait"
        return f"{self._more_time} or --wait"

    def _fastest(self, others: Sequence[Candidate]) -> str:
        """Return what is the fastest, and how many times as long the others take."""
        best = named(self._found.use or "")
        if not others:
            return f"{best}, the only backend that was measured"
        ties = [named(one.backend) for one in others if one.backend in self._found.ties]
        doubtful = [named(one.backend) for one in others if self._is_doubtful(one)]
        first = best
        if doubtful:
            first = f"undecided between {_listed([best, *ties, *doubtful])}"
        elif ties:
            first = f"{_listed([best, *ties])} tie: within 5%"
        slower = [
            one for one in others if one.backend not in (*self._found.ties, *self._found.unsure)
        ]
        told = [
            f"{named(one.backend)} takes {times_as_long(*_parts(one.ratio))}"
            for one in slower[:_NAMED]
        ]
        more = len(slower) - _NAMED
        rest = [f"{count(more)} more take longer"] if more > 0 else []
        return "; ".join([first, *told, *rest])

    def _doubts(self, doubtful: Sequence[Candidate]) -> tuple[str, ...]:
        found = self._found
        if doubtful:
            ratios = ", ".join(
                f"{named(one.backend)} takes {times_as_long(*_parts(one.ratio))}"
                for one in doubtful
            )
            between = _listed([named(found.use or ""), *(named(one.backend) for one in doubtful)])
            return (
                f"undecided: {ratios}",
                f"why: the repeats cannot separate {between}; next: {self._more_time}",
            )
        late = [named(one.backend) for one in found.options if one.reason == NOT_REACHED]
        late += [change.axis for change in found.changes if change.reason]
        if not late:
            return ()
        return (f"why: no time was left for {_listed(late)}; next: {self._more_time}",)

    # --- the table of backends ---

    def _options(self, title: str) -> Table:
        """Return a row for each backend, the fastest first; those that cannot run say why."""
        found = self._found
        of_one = _MODEL_COLUMNS if found.models > 1 else ()
        epoch = _EPOCH_COLUMNS if found.iterations_per_epoch > 1 else ()
        columns = (*COLUMNS[:2], *of_one, *epoch, *COLUMNS[2:])
        length = f"{count(found.iterations)} iterations"
        if found.epochs is not None:
            length = "1 epoch" if found.epochs == 1 else f"{count(found.epochs)} epochs"
        return Table(
            title=f"{title}; the whole training: {length} from a cold start",
            on_page=f"All backends, the fastest first; the whole training: {length} from a cold "
            "start",
            columns=columns,
            rows=tuple(self._cells(one, len(columns)) for one in found.options),
        )

    def _cells(self, option: Candidate, columns: int) -> tuple[str, ...]:
        found = self._found
        if option.seconds_per_iteration is None:
            return (option.backend, f"not measured: {option.reason}", *[NONE] * (columns - 2))
        throughput = option.rows_per_second
        epoch = (
            _time(option.seconds_per_epoch),
            NONE if throughput is None else rows_per_second(throughput.estimate),
        )
        return (
            option.backend,
            _time(option.seconds_per_iteration),
            *((_time(option.seconds_per_model),) if found.models > 1 else ()),
            *(epoch if found.iterations_per_epoch > 1 else ()),
            _time(option.prepare_seconds),
            _time(option.training),
            "1" if option is found.leading else _ratio(option.ratio),
        )


def _listed(words: Sequence[str]) -> str:
    """Return the words as a sentence lists them: ``rows, features and batch``."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _parts(found: Interval | None) -> tuple[float, float | None, float | None]:
    assert found is not None, "an option that was compared has a ratio"
    return found.estimate, found.low, found.high


def _time(seconds: Interval | None) -> str:
    return NONE if seconds is None else duration_interval(*_parts(seconds))


def _ratio(ratio: Interval | None) -> str:
    if ratio is not None and ratio.low is ratio.high is None:
        return f"{digits(ratio.estimate)}, undecided"
    return NONE if ratio is None else interval(*_parts(ratio))


# --- where that changes --------------------------------------------------------------------------


def _changes(changes: Iterable[Change]) -> Table:
    """Return a row for each axis and pair: the sizes that were measured, and the answer.

    An axis of which nothing is known has one that says why.
    """
    rows: list[tuple[str, ...]] = []
    for change in changes:
        if change.reason:
            rows.append((change.axis, _range(change), "no", f"not measured: {change.reason}"))
        rows += [
            (change.axis, _range(change), decided(pair), sentence(pair))
            for pair in (() if change.reason else change.crossovers)
        ]
    return Table(
        title="Where that changes",
        columns=("axis", "measured", "decided", "answer"),
        rows=tuple(rows),
    )


def _range(change: Change) -> str:
    low, high = (count(round(end)) for end in (change.low, change.high))
    return f"{low} only" if low == high else f"{low}–{high}"
