"""Word and draw a cost breakdown: its sentence, tables, notes and figures."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from msgspec.structs import replace

from perceptron.answer import Answer, Figure, Note, Table, Verdict
from perceptron.figure import (
    Bar,
    BarFigure,
    Dot,
    DotFigure,
    Line,
    LineFigure,
    dots_axis,
    log_axis,
)
from perceptron.numbers import (
    NONE,
    Cell,
    Quantity,
    digits,
    duration,
    duration_interval,
    rough_percent,
    tick,
    times_as_long,
)
from perceptron.questions.overhead.device_share import HOST, busy_words, is_beside_host
from perceptron.questions.overhead.ladder import (
    Ceilings,
    IterationPhase,
    Ladder,
    Variant,
    WholeIteration,
    roof,
    roofs,
)
from perceptron.questions.shared.published import measured_dot, published_dot
from perceptron.questions.shared.ranking_sentence import (
    alone,
    next_of,
    reasons,
    takes,
    tie,
    undecided_between,
)
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.statistics.contention import Contention, contention, with_contended
from perceptron.statistics.gpu_use import state_line
from perceptron.statistics.interval import Interval
from perceptron.statistics.over_processes import name_and_processes, threads_in_all
from perceptron.statistics.ranking import Ranking
from perceptron.statistics.rough import TOO_BUSY, what_helps
from perceptron.statistics.sessions import Start, intervals_of

_PHASES = ("backend", "phase", "one iteration", "share>")
_SHARES = (
    "backend",
    "device",
    "its own time>",
    "busy ÷ wall>",
    "launch-bound",
    "energy of an iteration>",
    "peak memory>",
)
_PARTS = ("backend", "device", "part", "time", "rate>", "repeats>")
_ROOFLINE = ("backend", "GFLOP/s>", "of the ceiling>", "GB/s>", "of the ceiling>", "bound by")


def rendered(
    ladder: Ladder, rows: Sequence[Measurement], starts: Collection[Start] = (None,)
) -> Answer:
    """Return the answer of a judged ladder; ``starts`` are those of the runs behind its ranking."""
    backends = [variant.backend for variant in ladder.variants]
    threads = threads_in_all(ladder.threads, backends)
    title = f"One iteration of {ladder.problem} in a ladder of variants"
    verdict = _verdict(ladder, rows[0].machine, threads, starts)
    drawn = [ladder_figure(ladder), *phases_figure(ladder), *roofline_figure(ladder)]
    return Answer(
        question=f"overhead of {ladder.problem}",
        query=(("Problem", ladder.problem),),
        conditions=(
            ("Threads", ", over ".join(filter(None, (str(ladder.threads), _over(backends))))),
        ),
        measured=f", {threads}",
        verdicts=(verdict,),
        notes=tuple(_notes(ladder, verdict)),
        tables=tuple(_tables(ladder, rows, threads)),
        figures=tuple(Figure(title=title, drawing=drawing) for drawing in drawn),
        backends=tuple(dict.fromkeys((*backends, *ladder.published))),
        data={
            "problem": ladder.problem,
            "threads": ladder.threads,
            "rungs": ladder.variants,
            "phases": ladder.phases,
            "phases_of_whole": ladder.wholes,
            "operations": ladder.operations,
            "bytes_moved": ladder.bytes_moved,
            "ceilings": roof(ladder.ceilings, HOST),
            "ceilings_by_device": ladder.ceilings,
            "device": ladder.device,
            "gpus": ladder.gpus,
            "harness": {"seconds": ladder.harness_seconds, "share_of_sample": ladder.harness_share},
            "published": ladder.published,
            "ranking": ladder.ranking,
        },
    )


def _over(backends: Sequence[str]) -> str:
    """Return the numbers of processes of the variants as ``1 and 2 processes``; empty for one."""
    counts = sorted({processes for _, processes in map(name_and_processes, backends)})
    return f"{' and '.join(map(str, counts))} processes" if max(counts, default=1) > 1 else ""


def _verdict(ladder: Ladder, machine: str, threads: str, starts: Collection[Start]) -> Verdict:
    """Return the verdict: the first variant against the fastest, or its time if undecided."""
    measured = [variant for variant in ladder.variants if variant.seconds_per_iteration is not None]
    ranking = ladder.ranking
    notes: tuple[str, ...] = ()
    too_busy = f"{TOO_BUSY}; next: {what_helps(ladder.threads)}"
    if not measured:
        sentence = "no variant was measured"
        reasons = [
            f"why: {variant.backend}: {variant.reason}"
            for variant in ladder.variants
            if variant.reason
        ]
        notes = tuple(reasons[:1])
    elif ranking.is_alone:
        sentence = alone(ranking, _time(measured[0]))
        notes = (f"next: {next_of((), ladder.threads, '')}",)
    elif ladder.rough is not None and ranking.decided == "no":
        sentence = ladder.rough
        notes = (f"why: {too_busy}",)
    else:
        sentence = "; ".join(_clauses(ladder, measured))
        notes = () if ladder.floor is not None else (f"why: {_why(ranking)}",)
        if ladder.rough is not None:
            notes = (*notes, f"rough: {ladder.rough}; {too_busy}")
    notes = notes or tuple(_phase_shares(ladder)[:1])
    return Verdict(
        subject=ladder.problem,
        decided=ranking.decided,
        sentence=sentence,
        notes=notes,
        heading=f"{machine}, {threads}; {intervals_of(starts)}",
    )


def _clauses(ladder: Ladder, measured: Sequence[Variant]) -> Iterator[str]:
    """Yield clauses on the fastest variant, ties and undecided ones, and the first slower one.

    If nothing is decided, yield only the time of the first variant.
    """
    ranking = ladder.ranking
    if ranking.decided == "no":
        yield f"{measured[0].backend} takes {_time(measured[0])}; the fastest variant is undecided"
        return
    first, between = ranking.order[0], undecided_between(ranking)
    if between or ladder.floor is None:
        yield between or "the fastest variant is undecided"
    if ranking.ties and not between:
        yield tie((first, *ranking.ties))
    elif ladder.floor is not None:
        yield _against(ladder, first, measured)
        return
    beside = "" if between or ladder.floor is not None else first
    slower = (variant.backend for variant in measured if variant.backend in ranking.slower)
    yield from (_takes(ranking, name, beside) for name in islice(slower, 1))


def _against(ladder: Ladder, fastest: str, measured: Sequence[Variant]) -> str:
    """Return the first slower variant's time and its ratio to the fastest."""
    slower = next(
        (variant for variant in measured if variant.backend in ladder.ranking.slower), None
    )
    if slower is None:
        best = next(variant for variant in measured if variant.backend == fastest)
        return f"{fastest} is the fastest variant: {_time(best)} an iteration"
    ratio = ladder.ranking.ratios[slower.backend]
    assert ratio is not None, "it takes longer"
    times = times_as_long(ratio.estimate, *ratio.ends).replace(" as long", "", 1)
    return (
        f"{slower.backend}: {_time(slower)} an iteration, {times} the fastest variant ({fastest})"
    )


def _takes(ranking: Ranking, name: str, beside: str = "") -> str:
    ratio = ranking.ratios[name]
    assert ratio is not None, "it takes longer"
    return takes(name, ratio, beside)


def _over_what(ladder: Ladder) -> str:
    """Return the heading of the column of ratios."""
    is_open = ladder.floor is None and bool(ladder.ranking.ratios)
    return f"× {ladder.ranking.fastest}" if is_open else "× the fastest"


def _why(ranking: Ranking) -> str:
    """Return the reason why the fastest variant is undecided."""
    unmeasured = [name for name, doubt in ranking.doubts.items() if doubt == "not measured"]
    if unmeasured:
        measured = len(ranking.order)
        return f"{measured} of {measured + len(unmeasured)} variants measured"
    return ", and ".join(reasons(ranking.order[0], ranking.doubts))


def _time(variant: Variant) -> str:
    return duration_interval(variant.seconds_per_iteration or 0.0, variant.low, variant.high)


def _notes(ladder: Ladder, verdict: Verdict) -> Iterator[Note]:
    if ladder.floor is not None:
        yield Note(
            "Most variants leave out one thing that the variant above has; the fastest has little "
            "left but arithmetic."
        )
    if ladder.harness_seconds is not None and ladder.harness_share is not None:
        yield Note(
            f"The clock and an empty call take {duration(ladder.harness_seconds)}, at most "
            f"{rough_percent(ladder.harness_share)} of a sample."
        )
    for gpu in ladder.gpus:
        yield Note(state_line(gpu))
    yield from (Note(line) for line in _phase_shares(ladder) if line not in verdict.notes)


def _phase_shares(ladder: Ladder) -> list[str]:
    """Return the largest phases of each backend whose phases are decided."""
    shares = (_largest_phases(ladder.phases, whole) for whole in ladder.wholes)
    return [f"phases of {text}" for text in shares if text]


def _largest_phases(phases: Sequence[IterationPhase], whole: WholeIteration) -> str:
    """Return the three largest phases of a backend's iteration; empty if one is undecided."""
    of_backend = [phase for phase in phases if phase.backend == whole.backend]
    if not of_backend or any(phase.low is None for phase in of_backend):
        return ""
    of_backend.sort(key=lambda phase: -phase.seconds_per_iteration)
    shares = (
        f"{phase.phase} {phase.seconds_per_iteration / whole.seconds_per_iteration:.0%}"
        for phase in of_backend[:3]
    )
    return f"{whole.backend}: {', '.join(shares)}"


def _tables(ladder: Ladder, rows: Sequence[Measurement], threads: str) -> Iterator[Table]:
    def contended_of(backend: str, phase: str | None = None) -> Contention:
        return contention(row for row in rows if (row.backend, row.phase) == (backend, phase))

    # A terminal shows the first ten: those with a time.
    shown = sorted(ladder.variants, key=lambda variant: variant.seconds_per_iteration is None)
    variants = with_contended(
        Table(
            title=f"{ladder.problem}: one iteration, {threads} [95% interval]",
            columns=("backend", "dtype", "one iteration", _over_what(ladder), "kernels>", "setup>"),
            rows=tuple(map(_variant, shown)),
        ),
        (contended_of(variant.backend) for variant in shown),
    )
    yield replace(
        variants,
        columns=(*variants.columns, "removes"),
        rows=tuple(
            (*row, variant.removes) for row, variant in zip(variants.rows, shown, strict=True)
        ),
    )
    if phases := tuple(_phase_cells(ladder)):
        table = Table(
            title="Inside one eager iteration, by the difference of loops with and without a phase",
            columns=_PHASES,
            rows=phases,
        )
        yield with_contended(table, (contended_of(*map(str, row[:2])) for row in phases))
    measured = [variant for variant in ladder.variants if variant.seconds_per_iteration is not None]
    if shares := tuple(_share(variant) for variant in measured if is_beside_host(variant.device)):
        yield Table(
            title="On the device: its busy share of the time, by its own events",
            columns=_SHARES,
            rows=shares,
        )
    if ladder.device:
        yield Table(
            title="Around the iterations, each measured by itself [95% interval]",
            columns=_PARTS,
            rows=tuple(_part_cells(ladder)),
        )
    for limits in roofs(ladder.ceilings):
        if roofline := tuple(_roofline_cells(ladder, limits)):
            whose = limits.name if is_beside_host(limits.device) else threads
            yield Table(
                title=f"Against the ceilings of {whose}: a large float32 product reached "
                f"{digits(limits.gflops)} GFLOP/s, a large copy {digits(limits.gbytes)} GB/s",
                columns=_ROOFLINE,
                rows=roofline,
            )


def _variant(variant: Variant) -> tuple[Cell, ...]:
    kernels = _kernels(variant)
    if variant.seconds_per_iteration is None:
        return (
            variant.backend,
            variant.dtype,
            f"not measured: {variant.reason}",
            None,
            kernels,
            None,
        )
    ratio, prepare = None, None
    if variant.ratio_to_floor is not None:
        ratio = Quantity(variant.ratio_to_floor, "", (variant.ratio_low, variant.ratio_high))
    if variant.setup_seconds is not None:
        cached = " (cached)" if variant.prepared_from_cache else ""
        prepare = Quantity(variant.setup_seconds, "s", after=cached)
    time = Quantity(variant.seconds_per_iteration, "s", (variant.low, variant.high))
    return (variant.backend, variant.dtype, time, ratio, kernels, prepare)


def _kernels(variant: Variant) -> Cell:
    """Return the number of kernels counted and, on a device, that of a profiler."""
    counted = variant.kernels_per_iteration
    if variant.kernels_profiled is None:
        return counted
    profiled = f"(profiler {variant.kernels_profiled:g})"
    if counted is None:
        return f"{NONE} {profiled}"
    return Quantity(counted, digits=",", after=f" {profiled}")


def _time_of(phase: IterationPhase) -> Quantity:
    """Return the time of a phase; its upper bound if the difference of loops may be 0."""
    if phase.low is not None and phase.high is not None and phase.low <= 0 < phase.high:
        return Quantity(phase.high, "s", before="at most ")
    return Quantity(phase.seconds_per_iteration, "s", (phase.low, phase.high))


def _phase_cells(ladder: Ladder) -> Iterator[tuple[Cell, ...]]:
    """Yield rows for each backend: its phases, then their sum beside the whole iteration.

    Times, shares and sum are left out if a phase is undecided: differences of contended loops are
    noise, and may be below 0.
    """
    wholes = {whole.backend: whole for whole in ladder.wholes}
    for backend, phases in grouped(ladder.phases, lambda phase: phase.backend).items():
        is_decided = all(phase.low is not None for phase in phases)
        whole = wholes.get(backend) if is_decided else None
        for phase in phases:
            time: Cell = _time_of(phase) if is_decided else "undecided"
            yield (backend, phase.phase, time, _part_of(whole, phase.seconds_per_iteration))
        if whole is not None:
            beside = f"; the whole iteration {duration(whole.seconds_per_iteration)}"
            time = Quantity(whole.phases_seconds, "s", after=beside)
            yield (backend, "all", time, _part_of(whole, whole.phases_seconds))


def _part_of(whole: WholeIteration | None, seconds: float) -> Cell:
    if whole is None:
        return None
    return Quantity(seconds / whole.seconds_per_iteration, "%", digits=".0f")


def _share(variant: Variant) -> tuple[Cell, ...]:
    energy, busy = variant.energy_joules_per_iteration, variant.busy_share
    return (
        variant.backend,
        variant.device or None,
        None if variant.device_seconds is None else Quantity(variant.device_seconds, "s"),
        None if busy is None else Quantity(busy, "%", (variant.busy_low, variant.busy_high)),
        "unknown" if busy is None else "yes" if variant.bound == "launches" else "no",
        None if energy is None else Quantity(energy, "J"),
        None if variant.peak_bytes is None else Quantity(variant.peak_bytes, "B", digits=",.1f"),
    )


def _part_cells(ladder: Ladder) -> Iterator[tuple[Cell, ...]]:
    for part in ladder.device:
        time: Cell = f"not measured: {part.reason}"
        if part.seconds is not None:
            time = Quantity(part.seconds, "s", (part.low, part.high))
        rate = part.bytes_per_second
        copied = None if rate is None else Quantity(rate, "B/s")
        yield (part.backend, part.device or None, part.name, time, copied, part.processes)


def _roofline_cells(ladder: Ladder, limits: Ceilings) -> Iterator[tuple[Cell, ...]]:
    """Yield a row for each variant on a device, with its rates as shares of the ceilings."""
    for variant in ladder.variants:
        if (
            variant.device == limits.device
            and variant.gflops is not None
            and variant.gbytes is not None
        ):
            yield (
                variant.backend,
                Quantity(variant.gflops, digits=2),
                Quantity(variant.gflops / limits.gflops, "%"),
                Quantity(variant.gbytes, digits=2),
                Quantity(variant.gbytes / limits.gbytes, "%"),
                f"{variant.bound or NONE}{busy_words(variant.busy_share)}",
            )


# --- the figures: variants, phases of an iteration, rooflines -------------------------------------


def ladder_figure(ladder: Ladder) -> DotFigure | None:
    """Return the figure of one iteration's time in each variant; None without any time.

    Filled dots were measured here; open ones were published for the same problem.
    """
    variants = [variant for variant in ladder.variants if variant.seconds_per_iteration is not None]
    if not variants:
        return None
    measured = [variant.backend for variant in variants]
    names = [*(name for name in ladder.published if name not in measured), *measured]
    dots = tuple(_dots(names, ladder, variants))
    texts = "; ".join(f"{variant.backend} {_words(ladder, variant)}" for variant in variants)
    return DotFigure(
        alt=f"Time of one iteration of {ladder.problem} by backend, logarithmic: {texts}",
        caption="All variants do the same arithmetic. Filled: measured here, with 95% intervals "
        "over fresh processes, often smaller than the dot."
        + (" Open: as published, on hardware that is not named." if ladder.published else "")
        + ("" if ladder.floor is None else " ×: times the fastest."),
        key="filled: measured here"
        + ("; open: published" if ladder.published else "")
        + ("" if ladder.floor is None else "; ×: times the fastest"),
        height=52 * len(names) + 110,
        x=dots_axis(dots, tick, f"one iteration of {ladder.problem}"),
        rows=tuple(names),
        dots=dots,
    )


def _dots(names: Sequence[str], ladder: Ladder, variants: Sequence[Variant]) -> Iterator[Dot]:
    for name, seconds in ladder.published.items():
        text = f"{name}: {duration(seconds)} as published"
        yield published_dot(names.index(name), name, seconds, duration(seconds), text)
    for variant in variants:
        name, seconds = variant.backend, variant.seconds_per_iteration or 1.0
        text = f"{name}: {_words(ladder, variant)}; removes {variant.removes}"
        time, label = (
            Interval(seconds, variant.low, variant.high),
            f"{duration(seconds)}{_ratio(ladder, variant)}",
        )
        yield measured_dot(names.index(name), name, time, label, text)


def _ratio(ladder: Ladder, variant: Variant) -> str:
    if ladder.floor is None or variant.ratio_to_floor is None:
        return ""
    is_floor = variant.backend == ladder.floor
    return "\nthe fastest" if is_floor else f"\n{digits(variant.ratio_to_floor, 2)}×"


def _words(ladder: Ladder, variant: Variant) -> str:
    time = _time(variant)
    if variant.busy_share is not None:
        time += f", the device busy {rough_percent(variant.busy_share)} of it"
    if ladder.floor is None or variant.ratio_to_floor is None:
        return time
    times = "" if variant.backend == ladder.floor else f"{digits(variant.ratio_to_floor, 2)}× "
    return f"{time}, {times}the fastest"


def phases_figure(ladder: Ladder) -> Iterator[BarFigure]:
    """Yield a figure of each backend's phases end to end, without backends with undecided ones."""
    undecided = {phase.backend for phase in ladder.phases if phase.low is None}
    phases = [phase for phase in ladder.phases if phase.backend not in undecided]
    if not phases:
        return
    summary = "; ".join(
        f"{phase.backend} {phase.phase} {duration(phase.seconds_per_iteration)}" for phase in phases
    )
    backends = tuple(dict.fromkeys(phase.backend for phase in phases))
    yield BarFigure(
        alt=f"Phases of one iteration of {ladder.problem}: {summary}",
        caption="Phases in the order in which they run. The table has their intervals.",
        height=90 * len(backends) + 150,
        x_title="µs of one iteration",
        rows=backends,
        bars=tuple(
            Bar(
                backend=phase.backend,
                part=phase.phase,
                length=max(0.0, phase.seconds_per_iteration) * 1e6,
                text=f"{phase.phase}: {_time_of(phase)}",
            )
            for phase in phases
        ),
    )


def roofline_figure(ladder: Ladder) -> Iterator[LineFigure]:
    """Yield a figure for each device: the arithmetic rates of its variants below its ceilings."""
    if not (ladder.operations and ladder.bytes_moved):
        return
    intensity = ladder.operations / ladder.bytes_moved
    for limits in roofs(ladder.ceilings):
        variants = [
            (variant, variant.gflops)
            for variant in ladder.variants
            if variant.device == limits.device and variant.gflops is not None
        ]
        if variants:
            yield _roofline(ladder, limits, intensity, variants)


def _roofline(
    ladder: Ladder, limits: Ceilings, intensity: float, variants: list[tuple[Variant, float]]
) -> LineFigure:
    product, copy = limits.gflops, limits.gbytes
    ridge = product / copy
    low, high = min(intensity, ridge) / 4, max(intensity, 4 * ridge)
    roof = ((low, low * copy), (ridge, product), (high, product))
    is_host = not is_beside_host(limits.device)
    whose = "" if is_host else f" of {limits.device}, measured by {limits.backend}"
    return LineFigure(
        alt="Arithmetic per second over arithmetic per byte, both logarithmic, for "
        f"{ladder.problem}; the roof{whose} is {digits(product)} GFLOP/s and {digits(copy)} GB/s. "
        "The tables have the numbers",
        caption=f"Arithmetic per second over arithmetic per byte. The roof{whose}: a large product "
        f"reached {digits(product)} GFLOP/s, a large copy {digits(copy)} GB/s. A point far below "
        "it waits for something else, such as calls from Python. One above the slope reads from "
        "a cache.",
        height=480,
        x=log_axis((low, high), "{:g}".format, 10, "operations per byte"),
        y=log_axis(
            [*(gflops for _, gflops in variants), *(y for _, y in roof)],
            "{:g}".format,
            10,
            "GFLOP/s reached",
        ),
        lines=tuple(
            Line(
                backend=variant.backend,
                label=variant.backend,
                x=(intensity,),
                y=(gflops,),
                low=(None,),
                high=(None,),
                texts=(
                    f"{variant.backend}: {digits(gflops, 2)} GFLOP/s, bound by "
                    f"{variant.bound or 'unknown'}{busy_words(variant.busy_share)}",
                ),
            )
            for variant, gflops in variants
        ),
        inked=roof,
    )
