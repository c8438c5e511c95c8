"""A run that was measured by today's code and judged by an earlier rule, judged again."""

from __future__ import annotations

from msgspec.structs import replace

from benchmarks.validation.gate.judging.blocks import pair
from benchmarks.validation.gate.judging.counts import count_blocks
from benchmarks.validation.gate.judging.replay import screen_size
from benchmarks.validation.gate.record import Nanoseconds, ProofRun
from benchmarks.validation.gate.runs.kinds import BY_NAME
from perceptron.gate.runner.timing import lower_quartile
from perceptron.gate.verdict.judge import judge, log_ratios
from perceptron.gate.verdict.promotion import promote
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.work import NOT_COUNTED, work_of
from perceptron.records.block import Benchmark, Block, Reading


def rejudge(run: ProofRun, rule: Rule) -> ProofRun | None:
    """Return the run as ``rule`` judges it; None if it would have screened or promoted otherwise.

    None for runs with a slowdown: whether that is found depends on the number of blocks, so it must
    be measured. Runs in which nothing changed count even if they were confirmed on more or fewer
    blocks than the rule would take: they came nearest to a false alarm, and leaving them out would
    flatter the rule.
    """
    if BY_NAME[run.kind].changed:
        return None
    screens = {row.benchmark: [pair(block) for block in row.screen] for row in run.rows}
    blocks = [
        block
        for row in run.rows
        for block in count_blocks(row.benchmark, row.counts, row.not_counted)
    ]
    work = work_of(blocks, rule)
    for name, screen in screens.items():
        ratios = [measured.log_ratio for measured in screen]
        if len(screen) != screen_size(ratios, rule, work.get(name, NOT_COUNTED)):
            return None
        blocks += [measured.block(name, "screen", number) for number, measured in enumerate(screen)]
    planned = {row.benchmark: len(row.confirmation) for row in run.rows if row.confirmation}
    if set(promote(log_ratios(blocks, "screen"), rule, work)) != set(planned):
        return None
    for row in run.rows:
        blocks += [
            _confirmation(row.benchmark, number, recorded)
            for number, recorded in enumerate(row.confirmation)
        ]
    judged = judge([Benchmark(name=name) for name in screens], blocks, planned, rule)
    by_name = {row.benchmark: row for row in judged.rows}
    return replace(
        run,
        verdict=judged.verdict,
        reason=judged.reason,
        control_alarmed=judged.control.alarmed,
        rows=[
            replace(
                row,
                verdict=by_name[row.benchmark].verdict,
                p_adjusted=by_name[row.benchmark].p_adjusted,
                smallest_detectable=by_name[row.benchmark].smallest_detectable,
                work=by_name[row.benchmark].work,
                not_counted=by_name[row.benchmark].not_counted,
                stands_on=by_name[row.benchmark].stands_on,
            )
            for row in run.rows
        ],
    )


def _confirmation(name: str, number: int, recorded: Nanoseconds) -> Block:
    made = pair(recorded).block(name, "confirmation", number)
    if len(recorded) < 3:
        return made
    value = lower_quartile([1e-9 * sample for sample in recorded[2]])
    return replace(made, control=Reading(status="ok", value=value))
