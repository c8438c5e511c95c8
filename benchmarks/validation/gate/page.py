"""The gate's proof in a terminal, and as a page of the docs.

The page has the targets, the null runs and the slowdowns; other tables are CSV files beside it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median

from benchmarks.validation.gate.proof import Proof, alarms, found, measured_nulls
from benchmarks.validation.gate.replay import CLASSES, LEVELS, ReplayTrial, clustered
from benchmarks.validation.gate.rules import OTHERS, judged_by_others
from benchmarks.validation.gate.runs import BUDGET_MINUTES, STAGES, ProofRun
from benchmarks.validation.gate.suite import (
    CONSTANTS,
    KINDS,
    LANGUAGES,
    MOVED,
    NULLS,
    Kind,
)
from benchmarks.validation.gate.suite import LEVELS as SLOWER
from benchmarks.validation.grid import TextTable, csv_text, markdown
from benchmarks.validation.share import share, share_cell
from perceptron.numbers import NONE, count, percent
from perceptron.records.comparison import Verdict
from perceptron.report import text_file
from perceptron.version import __version__

# The first tables are read on the page.
_ON_PAGE = 3
_PURPOSE = (
    "This page shows how often [the gate](gate.md) calls a change slower that costs no time (a "
    "*false alarm*), and how many slowdowns of 2 to 20% it finds. Read it before you make the gate "
    "a required check; [how the gate decides](gate-how.md) explains *screen*, *confirmation* and "
    "*control*."
)
_OTHER_RULES = (
    "asv: Mann–Whitney p < 0.002 on all samples, and medians that differ by more than the "
    "factor, 1.1 by default. pytest-benchmark: `--benchmark-compare-fail=mean:5%`. pyperf: a "
    "pooled t-test of all samples, significant at 95%. Each rule gets every sample that the gate "
    "took: more than these tools take by default."
)


def measured_gate(page: str) -> str | None:
    """Return the digest of the gate in this page; None if there is none."""
    named = re.search(r"\bgate `([0-9a-f]+)`", page)
    return None if named is None else named[1]


def save(file: Path, proof: Proof) -> Path:
    """Write the page as Markdown, and its other tables in a folder beside it.

    Raises `UserError` if a file cannot be written.
    """
    lines = ["# How often the gate is wrong, and what it finds", "", _PURPOSE, ""]
    lines += [heading(proof), ""]
    tables = grids(proof)
    for table in tables[:_ON_PAGE]:
        lines += [*markdown(table), ""]
    lines += ["## Layout", "", _layout(proof.runs), "", "## Tables beside this page", ""]
    folder, content = file.with_suffix(""), {}
    for table in tables[_ON_PAGE:]:
        title, _, about = table.title.partition(": ")
        name = f"{title.lower().replace(' ', '-')}.csv"
        content[name] = csv_text(table)
        lines.append(f"* [{title}]({folder.name}/{name}): {' '.join((f'{about}.', *table.notes))}")
    lines += ["", "## The other rules", "", _OTHER_RULES]
    text_file.write(file, "\n".join(lines) + "\n")
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.csv"):
        old.unlink()
    for name, text in content.items():
        text_file.write(folder / name, text)
    return file


def heading(proof: Proof) -> str:
    """Return a paragraph on the runs: dates, machine, commit and command."""
    request, facts = proof.request, proof.machine.facts
    dates = sorted(run.when[:10] for run in proof.runs)
    days = dict.fromkeys((dates[0], dates[-1]))
    commits = dict.fromkeys(run.commit for run in proof.runs if run.commit)
    total = sum(kind.runs for kind in KINDS.values())
    text = (
        f"{len(proof.runs)} of {total} runs of `make proof`, {' to '.join(days)}, machine "
        f"{request.machine} ({facts.get('cpu', 'unknown')}, {facts.get('cores', '?')} cores), "
        f"{facts.get('python', 'Python')}, {facts.get('counter', 'no counter')}, perceptron "
        f"{__version__}, commit {', '.join(commits) or 'unknown'}, gate `{proof.gate}`. Every "
        f"block is in `{request.results.name}/proof/{request.machine}`; `python -m docs.build` "
        "makes these tables from there."
    )
    if proof.skipped:
        text += f" {proof.skipped} runs of another state of the gate are left out."
    if proof.outdated:
        text += " The gate's code has changed since; the same command measures it again."
    return text


def _layout(runs: Sequence[ProofRun]) -> str:
    """Return a paragraph on false alarms by memory layout, and the cost of a remedy."""
    moved = [run for run in measured_nulls(runs) if KINDS[run.kind].name in MOVED]
    alarmed = alarms(moved)
    return (
        f"Of {count(len(moved))} measured runs whose HEAD has the same work at other places in "
        f"memory, or code that is never run, {count(alarmed.hits)} "
        f"{'was a regression' if alarmed.hits == 1 else 'were regressions'}: "
        f"{share_cell(alarmed)}. The control is a copy of BASE, which has BASE's layout and cannot "
        "show this. A control with an inert edit of BASE could: it would take the same time, one "
        "build more with `--build`, and make inconclusive as large a share of the runs that find "
        "a slowdown."
    )


def grids(proof: Proof) -> list[TextTable]:
    """Return the table of targets first, then those of their evidence."""
    runs, trials = proof.runs, proof.replays
    return [
        TextTable(
            "Targets",
            ("target", "met", "reached [95% interval]>", "of>"),
            [
                (
                    row.name,
                    "yes" if row.met else "not shown",
                    share_cell(row.reached),
                    count(row.reached.trials),
                )
                for row in proof.targets
            ],
            (
                "Met: the end of the interval clears the target. Intervals are Clopper's and "
                "Pearson's, of runs; of replays they come of resampling benchmarks.",
            ),
        ),
        TextTable(
            "Null runs",
            ("HEAD differs by", "runs>", "contended>", *(f"{name}>" for name in STAGES), "alarms>"),
            list(_null_rows(runs)),
            (
                "Each run is a `perceptron compare` of one benchmark, of twelve in turns, with a "
                f"budget of {BUDGET_MINUTES:g} minute; HEAD takes as long as BASE. Twelve runs are "
                "quiet, then twelve go on two at a time, each the other's neighbour; beside the "
                "last of these a process spins. Columns from *same code* on: how many rows went so "
                "far. *Equal counts* includes a short look of the clock. Alarms: runs that are a "
                "regression, with their 95% interval. Contended runs count as all others.",
            ),
        ),
        TextTable(
            "Slowdowns",
            ("HEAD slows down", *(f"{percent(level, 0)}>" for level in SLOWER), "clock>", "work>"),
            list(_slow_rows(runs)),
            (
                "Runs that were found · inconclusive · clean, instructions counted: half of them "
                "quiet, half beside a neighbour. All but *work* execute the same instructions, and "
                "the clock alone can find them. 2% by the clock alone is not to be found: the gate "
                "calls nothing below 3%. Levels are as calibrated before the first run. Clock and "
                "work: the median change at 20%.",
            ),
        ),
        TextTable(
            "False alarms: measured null runs in which something is called slower",
            ("runs", "number>", "gate>", *(f"{name}>" for name in OTHERS)),
            list(_false_alarms(runs)),
            ("All rules judge the same blocks; the gate has counts beside them where it says so.",),
        ),
        TextTable(
            "Found by the clock alone: replays of recorded blocks with slowdowns put in",
            ("injected", "spread", "number>", "gate>", "clean>", *(f"{n}>" for n in OTHERS)),
            list(_replayed(trials)),
            (
                "Blocks of the null runs of a benchmark, drawn with replacement, HEAD's times "
                "multiplied, are judged as a run without counts. Intervals come of resampling "
                "benchmarks; what the blocks of a single HEAD share is not in them. 0% are false "
                "alarms.",
            ),
        ),
    ]


def _of(runs: Sequence[ProofRun], selects: Callable[[Kind], bool]) -> list[ProofRun]:
    return [run for run in runs if selects(KINDS[run.kind])]


def _conditions() -> Iterator[tuple[str, bool, bool]]:
    for counted in (True, False):
        for neighbour in (False, True):
            how = "counted" if counted else "clock alone"
            yield f"{how}, {'beside a neighbour' if neighbour else 'quiet'}", counted, neighbour


def _null_rows(runs: Sequence[ProofRun]) -> Iterator[tuple[str, ...]]:
    for name, summary in dict.fromkeys((kind.name, kind.summary) for kind in NULLS):
        for counted in (True, False):
            chosen = [run for run in runs if _is(run, name, counted)]
            yield _null_row(f"{summary}, {'counted' if counted else 'clock alone'}", chosen)
    nulls = _of(runs, lambda kind: kind.is_null)
    for label, counted, neighbour in _conditions():
        chosen = _of(nulls, lambda kind: (kind.counted, kind.neighbour) == (counted, neighbour))  # noqa: B023
        yield _null_row(f"all, {label}", chosen)
    yield _null_row("all", nulls)


def _is(run: ProofRun, name: str, counted: bool) -> bool:
    kind = KINDS[run.kind]
    return (kind.name, kind.counted) == (name, counted)


def _null_row(label: str, runs: Sequence[ProofRun]) -> tuple[str, ...]:
    reached = Counter(row.reached for run in runs for row in run.rows)
    return (
        label,
        f"{len(runs)}",
        f"{sum(run.contended for run in runs)}",
        *(f"{reached[stage]}" for stage in STAGES),
        share_cell(alarms(runs)),
    )


def _slow_rows(runs: Sequence[ProofRun]) -> Iterator[tuple[str, ...]]:
    for body in CONSTANTS:
        for language in LANGUAGES:
            chosen = _of(runs, lambda kind: kind.body == body and kind.languages == (language,))  # noqa: B023
            name = "Python" if language == "plain" else "C"
            yield _slow_row(f"{'system call' if body == 'call' else body}, {name}", chosen)
    slow = _of(runs, lambda kind: not kind.is_null)
    for how, by_work in (("by work", True), ("by the clock alone", False)):
        for condition, neighbour in (("quiet", False), ("beside a neighbour", True)):
            chosen = _of(
                slow,
                lambda kind: (kind.body == "work", kind.neighbour) == (by_work, neighbour),  # noqa: B023
            )
            yield _slow_row(f"all {how}, {condition}", chosen)


def _slow_row(label: str, runs: Sequence[ProofRun]) -> tuple[str, ...]:
    by_level = {level: _of(runs, lambda kind: kind.level == level) for level in SLOWER}  # noqa: B023
    largest = [row for run in by_level[max(SLOWER)] for row in run.rows]
    return (
        label,
        *(_outcomes(level_runs) for level_runs in by_level.values()),
        _middle(row.change for row in largest),
        _middle(row.work for row in largest),
    )


def _outcomes(runs: Sequence[ProofRun]) -> str:
    verdicts = Counter(run.verdict for run in runs)
    order: tuple[Verdict, ...] = ("regression", "inconclusive", "clean")
    return " · ".join(f"{verdicts[name]}" for name in order) if runs else NONE


def _middle(values: Iterable[float | None]) -> str:
    numbers = [value for value in values if value is not None]
    return percent(median(numbers), sign=True) if numbers else NONE


def _false_alarms(runs: Sequence[ProofRun]) -> Iterator[tuple[str, ...]]:
    measured = measured_nulls(runs)
    for label, counted, neighbour in _conditions():
        chosen = _of(measured, lambda kind: (kind.counted, kind.neighbour) == (counted, neighbour))  # noqa: B023
        yield _alarm_row(label, chosen)
    yield _alarm_row("together", measured)


def _alarm_row(label: str, runs: Sequence[ProofRun]) -> tuple[str, ...]:
    judged = [_others(run) for run in runs]
    return (
        label,
        f"{len(runs)}",
        share_cell(alarms(runs)),
        *(
            share_cell(share(sum(verdicts[name] for verdicts in judged), len(judged)))
            for name in OTHERS
        ),
    )


def _others(run: ProofRun) -> dict[str, bool]:
    """Return, by rule, whether it calls some benchmark of the run slower."""
    by_row = [judged_by_others([*row.screen, *row.confirmation]) for row in run.rows if row.screen]
    return {name: any(row[name] for row in by_row) for name in OTHERS}


def _replayed(trials: Sequence[ReplayTrial]) -> Iterator[tuple[str, ...]]:
    for level in LEVELS:
        for spread in CLASSES:
            chosen = [trial for trial in trials if (trial.level, trial.spread) == (level, spread)]
            if chosen:
                clean = clustered([(trial.benchmark, trial.verdict == "clean") for trial in chosen])
                yield (
                    percent(level, 0),
                    spread,
                    count(len(chosen)),
                    share_cell(found(chosen)),
                    share_cell(clean),
                    *(
                        share_cell(
                            clustered([(trial.benchmark, trial.others[name]) for trial in chosen])
                        )
                        for name in OTHERS
                    ),
                )
