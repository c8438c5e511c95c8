"""Make README.md's picture, its result, and an example answer for each question.

In answers a size has a noun and a ratio a subject, and a backend is called faster only at sizes for
which that is decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path

from docs.build import gate
from docs.build.blocks import Blocks, table_of
from docs.build.findings import CITED, pictured
from docs.build.shown import (
    ADVISED,
    RACED,
    RACED_TO,
    SEARCHED,
    SEARCHED_PAIR,
    Shown,
    crossovers_of,
    finding_of,
)
from perceptron.errors import UserError
from perceptron.figure import log_axis
from perceptron.numbers import digits, duration
from perceptron.questions.bench.finding import FindingRow
from perceptron.questions.crossover.judge import Crossover
from perceptron.questions.crossover.verdict import is_measured, sentence
from perceptron.questions.overhead.device_share import on_devices
from perceptron.questions.shared.published import ITERATIONS
from perceptron.report.charts.svg import draw
from perceptron.report.tables import markdown
from perceptron.statistics.contention import contention
from perceptron.statistics.over_processes import SEQUENTIAL

PICTURED = "perceptron-rows"
"""The family of `bench` whose sweep is drawn and whose crossover is the result."""
_COLUMNS = ("question", "command (`perceptron …`)", "example answer")
_DATA_PARALLEL = ("torch-cpu", "torch-ddp@2")
_NO_GPU = (
    "No [GPU backend](docs/findings.md#on-gpus) has run on a GPU yet; there are [published GPU "
    "results](docs/findings.md#published-gpu-results)."
)


def blocks(runs: Shown, results: Path, proof: Path, truth: Path) -> Blocks:
    """Return the result, the table of questions, the shares of right answers, and the GPUs."""
    dtypes = dict.fromkeys(run.dtype for run in runs.race.answer.data["runs"])
    questions = (
        (
            "[Which backend for my model?](docs/crossovers.md#for-one-model)",
            f"advise {ADVISED}",
            runs.advice.answer.verdicts[0].sentence,
        ),
        (
            "[At what size does that change?](docs/crossovers.md)",
            f"crossover --family {SEARCHED}",
            sentence(_pair(crossovers_of(runs.search), SEARCHED, SEARCHED_PAIR)),
        ),
        (
            "[Which reaches 95% accuracy first?](docs/race.md)",
            f"race --problem {RACED} --target {RACED_TO} --dtype {','.join(dtypes)}",
            _race(runs),
        ),
        (
            "[Where does a step's time go?](docs/ladder.md)",
            "overhead --problem digits",
            _phases(runs),
        ),
        (
            "[Should I batch many models?](docs/many-models.md)",
            "crossover --family many-or-gates",
            _many(runs),
        ),
        (
            "[Does a second process help?](docs/fleet.md)",
            f"crossover --family {PICTURED} --processes 1,2",
            sentence(_pair(crossovers_of(runs.processes), PICTURED, _DATA_PARALLEL)),
        ),
        ("[Did my change slow anything?](docs/gate.md)", "compare main .", gate.slower(results)),
        ("[Can I trust timings here?](docs/how-sure.md)", "doctor", _doctor(runs)),
    )
    rows = [(question, f"`{command}`", answer) for question, command, answer in questions]
    return {
        "result": _result(runs),
        "answers": "\n".join(markdown.table(_COLUMNS, rows)),
        "truth": f"{_truth(truth)}\n{_false_alarms(proof)}",
        "gpus": " ".join(_gpus(runs)) or _NO_GPU,
    }


def pictures(runs: Shown) -> dict[str, str]:
    """Return the figure of the sweep: SVG by file name."""
    figure = pictured(runs.bench, PICTURED)
    if figure is None:
        return {}
    fastest = {line.backend: duration(min(line.y)) for line in figure.lines}
    numpy, torch = (fastest[backend] for backend in SEARCHED_PAIR)
    sizes = [size for line in figure.lines for size in line.x]
    titled = replace(
        figure,
        key=f"On few rows a step takes NumPy {numpy} and PyTorch {torch} ({PICTURED}, "
        f"{runs.bench.run.rows[0].machine})",
        x=log_axis(sizes, _tick, 10, figure.x.title),
    )
    return {f"{PICTURED}.svg": draw(titled)}


def _tick(size: float) -> str:
    return f"{size / 1e6:g}M" if size >= 1e6 else f"{size:,.0f}"


def _result(runs: Shown) -> str:
    """Return the times of a step of the OR gate, and the crossover on each machine."""
    benches = [runs.bench, *runs.elsewhere]
    numpy, torch = (
        [row for bench in benches for row in finding_of(bench) if row.backend == backend]
        for backend in SEARCHED_PAIR
    )
    factors = sorted(row.ratio_to_numpy or inf for row in torch)
    lines = [
        f"On the OR gate of {CITED}, a PyTorch step takes {_micros(torch)} and a NumPy step "
        f"{_micros(numpy)}: "
        f"{' to '.join(f'{ratio:.0f}' for ratio in factors)}× as long. Where PyTorch catches up "
        "depends on the machine; with two features, as in the picture:",
        "",
    ]
    for bench in benches:
        facts = bench.run.facts.environment
        crossover = _pair(crossovers_of(bench), PICTURED, SEARCHED_PAIR)
        lines.append(f"* {facts.cpu}, {facts.cores} cores: {sentence(crossover)}.")
    return "\n".join(lines)


def _micros(rows: Sequence[FindingRow]) -> str:
    """Return the range of microseconds per iteration, from the fastest machine to the slowest."""
    ends = sorted(1e6 * (row.seconds or inf) / ITERATIONS for row in rows)
    return f"{' to '.join(dict.fromkeys(digits(ends[at]) for at in (0, -1)))} µs"


def _race(runs: Shown) -> str:
    """Return the race's sentence about a cold start, and the times of training alone."""
    cold = [run for run in runs.race.answer.data["runs"] if run.start == "cold"]
    verdict = next(
        verdict for verdict in runs.race.answer.verdicts if verdict.subject == "cold start"
    )
    trained = [
        next(run.parts["train"] for run in cold if run.backend == backend)
        for backend in SEARCHED_PAIR
    ]
    numpy, torch = (duration(seconds or inf) for seconds in trained)
    return f"{verdict.sentence}; training: {numpy}, {torch}"


def _phases(runs: Shown) -> str:
    """Return the largest phases of a step, as below the verdict of `overhead`."""
    notes = runs.batches.answer.verdicts[0].notes
    return next((note for note in notes if note.startswith("phases of ")), "undecided")


def _many(runs: Shown) -> str:
    """Return for each backend the number of models from which training them at once is faster."""
    turns = []
    for backend in SEARCHED_PAIR:
        every = (crossover for search in runs.many for crossover in crossovers_of(search))
        turns.append(sentence(_pair(every, "many-or-gates", (f"{backend}{SEQUENTIAL}", backend))))
    return "; ".join(turns)


def _false_alarms(proof: Path) -> str:
    row = _first_row(proof, gate.COMMAND)
    before = ", before its last change" if gate.is_outdated(proof) else ""
    share = row["reached [95% interval]"]
    return (
        f"* In {row['of']} [runs without a slowdown](docs/gate-proof.md) the gate raised "
        f"{share} false alarms{before}."
    )


def _truth(page: Path) -> str:
    row = _first_row(page, "make truth")
    decided = row["decided"].partition(" ")[0]
    wrong, _, bound = row["decided and wrong"].partition(" ")
    return (
        f"* Of {row['number']} [simulated cases](docs/truth.md) {decided} were decided, "
        f"{'none' if wrong == '0' else wrong} wrongly {bound}; "
        f"{row['interval right']} of the 95% intervals contain the crossover."
    )


def _first_row(page: Path, command: str) -> dict[str, str]:
    """Return the first row of the page's first table: cells by column."""
    head, _, first, *_ = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in table_of(page, command)
    )
    return dict(zip(head, first, strict=True))


def _doctor(runs: Shown) -> str:
    """Return the warnings of `bench` in short, and the share of contended samples."""
    warnings = [warning.message.partition(":")[0] for warning in runs.bench.warnings]
    busy = contention(runs.bench.run.times)
    share = f"; other programs slowed {busy.share:.0%} of samples" if busy.samples else ""
    return f"{'; '.join(warnings) or 'no warning'}{share}"


def _gpus(runs: Shown) -> Iterable[str]:
    """Yield a sentence for each GPU on the sizes at which it wins."""
    for gpu in runs.gpus:
        backends = {row.backend for row in on_devices(gpu.bench.run.times)}
        wins = [
            f"{sentence(crossover)} (`{crossover.family}`)"
            for crossover in crossovers_of(gpu.bench)
            if is_measured(crossover) and backends & {crossover.incumbent, crossover.challenger}
        ]
        text = "; ".join(wins) or "only the OR gate was measured"
        yield f"On {gpu.name}: {text} ([in full](docs/findings.md#on-gpus))."


def _pair(crossovers: Iterable[Crossover], family: str, pair: Sequence[str]) -> Crossover:
    for crossover in crossovers:
        if crossover.family == family and (crossover.incumbent, crossover.challenger) == tuple(
            pair
        ):
            return crossover
    raise UserError(f"{family}: {' and '.join(pair)} were not compared in the results of record")
