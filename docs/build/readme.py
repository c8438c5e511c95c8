"""README.md: the picture, one result, and one answer for each question.

Answers follow one grammar: a size has its noun, a ratio its subject, and a backend is only called
faster in the ranges of sizes in which the judge has decided that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import ceil
from pathlib import Path

from docs.build import gate
from docs.build.blocks import Blocks, table_of
from docs.build.shown import ADVISED, RACED, RACED_TO, SEARCHED, SEARCHED_PAIR, Shown
from perceptron.analysis.contention import CONTENDED, contended_samples
from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.race import of_start
from perceptron.analysis.stored.hardware import on_devices
from perceptron.numbers import count, digits, duration_interval, interval
from perceptron.report.charts.as_svg.draw import draw
from perceptron.report.charts.sweep import family_figure
from perceptron.report.crossover_words import axis_of, is_measured
from perceptron.report.tables import markdown

PICTURED = "perceptron-rows"
"""The sweep of `bench` that is drawn, and whose crossover is the result."""
_COLUMNS = ("question", "command (`perceptron …`)", "example answer")
_DATA_PARALLEL = ("torch-cpu", "torch-ddp@2")
_NO_GPU = "No GPU backend has run on a GPU yet ([all of them](docs/findings.md#on-gpus))."
_NOT_MEASURED = "not measured yet"


def blocks(runs: Shown, proof: Path, truth: Path) -> Blocks:
    """Return the result, the table of questions, how often answers are true, and GPUs'."""
    questions: tuple[tuple[str, str, Callable[[], str]], ...] = (
        (
            "[Which backend for my model?](docs/crossovers.md#for-one-shape)",
            f"advise {ADVISED}",
            lambda: _advice(runs),
        ),
        (
            "[At what size does that change?](docs/crossovers.md)",
            f"crossover --family {SEARCHED}",
            lambda: _search(runs),
        ),
        (
            "[Which reaches 95% accuracy first?](docs/race.md)",
            f"race --problem {RACED} --target {RACED_TO}",
            lambda: _race(runs),
        ),
        (
            "[Where does a step's time go?](docs/ladder.md)",
            "overhead --problem digits",
            lambda: _phases(runs),
        ),
        (
            "[Should I batch many models?](docs/many-models.md)",
            "crossover --family many-or-gates",
            lambda: _many(runs),
        ),
        (
            "[Does a second process help?](docs/over-processes.md)",
            f"crossover --family {PICTURED} --processes 1,2",
            lambda: _processes(runs),
        ),
        (
            "[Did my change slow anything?](docs/gate.md)",
            "compare main .",
            lambda: _false_alarms(proof),
        ),
        ("[Can I trust timings here?](docs/how-sure.md)", "doctor", lambda: _doctor(runs)),
    )
    rows = [(question, f"`{command}`", answer()) for question, command, answer in questions]
    return {
        "result": _result(runs),
        "answers": "\n".join(markdown.table(_COLUMNS, rows)),
        "truth": _truth(truth),
        "gpus": " ".join(_gpus(runs)) or _NO_GPU,
    }


def pictures(runs: Shown) -> dict[str, str]:
    """Return the sweep: SVG by file name."""
    return {f"{PICTURED}.svg": draw(family_figure(runs.bench, PICTURED))}


def sentence(found: Crossover) -> str:
    """Return who is faster where, as far as that is decided."""
    incumbent, challenger, axis = found.incumbent, found.challenger, axis_of(found)
    if found.size is not None:
        first, second = (
            (challenger, incumbent) if found.status == "crosses" else (incumbent, challenger)
        )
        below = [decided for decided in found.decided if decided[1] <= found.size]
        above = [decided for decided in found.decided if decided[0] >= found.size]
        if not below or not above:  # who is faster on the other side is a guess
            winner = first if above else second
            return f"{winner} is faster {_where(found, axis)}" if below or above else "undecided"
        ends = ", ".join("…" if end is None else digits(end) for end in (found.low, found.high))
        return f"{first} overtakes {second} at {_sized(digits(found.size), axis)} [{ends}]"
    if found.status in ("always", "never"):
        winner = incumbent if found.status == "never" else challenger
        return f"{winner} is faster {_where(found, axis)}"
    if found.status == "multiple":
        names = {"incumbent": incumbent, "challenger": challenger}
        leads = (
            f"{names[one.direction]} from {_sized(digits(one.size), axis)}"
            for one in found.crossings
        )
        return f"{', '.join(leads)} on"
    if found.status == "tie":
        return f"{incumbent} and {challenger} tie: within 5%"
    return {"suspect": "no answer: times are physically impossible"}.get(
        found.status, "undecided" if is_measured(found) else _NOT_MEASURED
    )


def _where(found: Crossover, axis: str) -> str:
    """Return the sizes in which the winner is decided, and that others are not."""
    first, last = found.sizes_measured[0], found.sizes_measured[-1]
    if found.decided == [(first, last)]:
        return f"at every size, {_sized(_range(first, last), axis)}"
    if len(found.decided) == 1 and found.decided[0][0] == first:
        return f"up to {_sized(_number(found.decided[0][1]), axis)}; undecided above"
    ranges = " and ".join(_range(*decided) for decided in found.decided)
    return f"at {_sized(ranges, axis)}; undecided elsewhere"


def _undecided(found: Crossover) -> str:
    """Return the stretches in which another winner may hide; those that touch are one."""
    stretches: list[tuple[float, float]] = []
    for low, high in sorted(found.unsure):
        if stretches and low <= stretches[-1][1]:
            low, high = stretches[-1][0], max(stretches.pop()[1], high)
        stretches.append((low, high))
    return _sized(" and ".join(_range(*one) for one in stretches), axis_of(found))


def _sized(number: str, axis: str) -> str:
    """Return a size with its noun: ``105,000 rows``, ``width 1,730``."""
    plural = axis in ("rows", "features", "models")
    return f"{number} {axis}" if plural else f"{axis} {number}"


def _range(low: float, high: float) -> str:
    return _number(low) if low == high else f"{_number(low)}–{_number(high)}"


def _number(size: float) -> str:
    return count(int(size)) if float(size).is_integer() else digits(size)


def _result(runs: Shown) -> str:
    """Say where the pictured winner changes, and what the OR gate takes."""
    facts = runs.bench.environment
    found = _pair(runs.bench.crossovers, PICTURED, SEARCHED_PAIR)
    words = _NOT_MEASURED if found is None else sentence(found)
    sentences = [f"Measured on {facts.cpu}, {facts.cores} cores: {words}."]
    if found is not None and found.unsure and found.size is not None:
        sentences.append(f"Undecided: {_undecided(found)}.")
    torch = next((row for row in runs.bench.finding if row.backend == SEARCHED_PAIR[1]), None)
    if torch is not None and torch.ratio_to_numpy is not None:
        ratio = _times(torch.ratio_to_numpy, torch.ratio_low, torch.ratio_high, "numpy")
        sentences.append(f"On an OR gate {torch.backend} takes {ratio}.")
    return " ".join(sentences)


def _advice(runs: Shown) -> str:
    if runs.advice is None:
        return _NOT_MEASURED
    advice = runs.advice.advice
    if advice.use is None or advice.undecided or advice.unsure:
        return "undecided"
    others = [
        f"{one.backend} takes {_times(one.ratio.estimate, one.ratio.low, one.ratio.high)}"
        for one in advice.options
        if one.ratio is not None and one.backend not in (advice.use, *advice.ties)
    ]
    return "; ".join([" or ".join((advice.use, *advice.ties)), *others])


def _search(runs: Shown) -> str:
    crossovers = () if runs.search is None else runs.search.crossovers
    found = _pair(crossovers, SEARCHED, SEARCHED_PAIR)
    return _NOT_MEASURED if found is None else sentence(found)


def _race(runs: Shown) -> str:
    """Return the time of each backend in float32, the command's default."""
    raced = [] if runs.race is None else of_start(runs.race.answer.data["runs"], "fresh")
    times = [
        f"{run.backend} {duration_interval(run.seconds, run.low, run.high)}"
        for run in raced
        if run.dtype == "float32" and run.seconds is not None
    ]
    return ", ".join(times) or _NOT_MEASURED


def _phases(runs: Shown) -> str:
    """Return the largest shares of a step of torch-cpu; none where one of them is undecided."""
    found = {} if runs.batches is None else runs.batches.answer.data
    backend = SEARCHED_PAIR[1]
    phases = [one for one in found.get("phases", ()) if one.backend == backend]
    whole = next((one for one in found.get("phases_of_whole", ()) if one.backend == backend), None)
    if whole is None:
        return _NOT_MEASURED
    if any(phase.low is None for phase in phases):
        return "undecided"
    phases.sort(key=lambda phase: -phase.seconds_per_iteration)
    shares = [
        f"{phase.phase} {phase.seconds_per_iteration / whole.seconds_per_iteration:.0%}"
        for phase in phases[:3]
    ]
    return f"{backend}: {', '.join(shares)}"


def _many(runs: Shown) -> str:
    """Return the number of models from which one batch of them is surely faster."""
    turns = []
    for backend in SEARCHED_PAIR:
        pair = (f"{backend}-sequential", backend)
        crossovers = (one for search in runs.many for one in search.crossovers)
        found = _pair(crossovers, "many-or-gates", pair)
        if found is None or not is_measured(found):
            turns.append(f"{backend} not measured")
        elif found.size is not None and found.status == "crosses":
            ends = [found.low, found.high]
            whole = ", ".join("…" if end is None else count(ceil(end)) for end in ends)
            turns.append(f"{backend} from {count(ceil(found.size))} [{whole}]")
        elif found.status == "always" and len(found.decided) == 1:
            turns.append(f"{backend} from {_number(found.decided[0][0])}")
        else:
            turns.append(f"{backend}: {sentence(found)}")
    return f"batched is faster: {', '.join(turns)} models"


def _processes(runs: Shown) -> str:
    crossovers = () if runs.processes is None else runs.processes.crossovers
    found = _pair(crossovers, PICTURED, _DATA_PARALLEL)
    if found is None:
        return _NOT_MEASURED
    words = sentence(found)
    for backend, processes in zip(_DATA_PARALLEL, ("1 process", "2 processes"), strict=True):
        words = words.replace(f"{backend} ", f"{processes} ")
    return words


def _false_alarms(proof: Path) -> str:
    """Return the first target of the proof, which is about runs without a change."""
    row = _first_row(proof, gate.COMMAND)
    before = " before its last change" if gate.is_outdated(proof) else ""
    share = row["reached [95% interval]"]
    return f"false alarms: {share} of {row['of']} runs{before}"


def _truth(page: Path) -> str:
    """Return how many decided answers were wrong among all simulated cases."""
    row = _first_row(page, "make truth")
    return (
        f"* In {row['number']} [simulated cases](docs/truth.md) {row['wrong, sure']} decided "
        f"answers were wrong; {row['interval right']} of the intervals hold the crossover."
    )


def _first_row(page: Path, command: str) -> dict[str, str]:
    """Return the first row of the page's first table, by column."""
    head, _, first, *_ = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in table_of(page, command)
    )
    return dict(zip(head, first, strict=True))


def _doctor(runs: Shown) -> str:
    """Return what it warned of when `bench` began, and how many samples were contended."""
    warnings = [one.message for one in runs.bench.warnings if one.code != CONTENDED]
    contended, taken = contended_samples(runs.bench.rows)
    share = f"; {contended / taken:.0%} of samples were contended" if taken else ""
    return f"{'; '.join(warnings) or 'no warning'}{share}"


def _gpus(runs: Shown) -> Iterable[str]:
    """Yield for each GPU where it wins, in a sentence."""
    for gpu in runs.gpus:
        own = {row.backend for row in on_devices(gpu.bench.rows)}
        wins = [
            f"{sentence(one)} (`{one.family}`)"
            for one in gpu.bench.crossovers
            if is_measured(one) and own & {one.incumbent, one.challenger}
        ]
        words = "; ".join(wins) or "only the OR gate was measured"
        yield f"On {gpu.name}: {words} ([in full](docs/findings.md#on-gpus))."


def _times(ratio: float, low: float | None, high: float | None, other: str = "") -> str:
    """Return how many times as long something takes: ``1.88× as long [1.84, 1.92]``."""
    estimate, _, ends = interval(ratio, low, high).partition(" ")
    return f"{estimate}× as long{other and f' as {other}'} {ends}"


def _pair(crossovers: Iterable[Crossover], family: str, pair: Sequence[str]) -> Crossover | None:
    return next(
        (
            one
            for one in crossovers
            if one.family == family and (one.incumbent, one.challenger) == tuple(pair)
        ),
        None,
    )
