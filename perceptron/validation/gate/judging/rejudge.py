"""A run that was measured by today's code and judged by an earlier rule, judged anew."""

from __future__ import annotations

from msgspec.structs import replace

from perceptron.gate.runner.timing import lower_quartile
from perceptron.gate.verdict.judge import judge, log_ratios
from perceptron.gate.verdict.rule import Rule, promote
from perceptron.records.block import Benchmark, Block, Reading
from perceptron.validation.gate.judging.blocks import pair
from perceptron.validation.gate.judging.replay import screen_size
from perceptron.validation.gate.record import Nanoseconds, ProofRun
from perceptron.validation.gate.runs.kinds import BY_NAME


def again(run: ProofRun, rule: Rule) -> ProofRun | None:
    """The run as ``rule`` judges it; None if it would have screened or promoted otherwise.

    Only of runs in which nothing changed, and then also of those that were confirmed on more or
    fewer blocks than the rule would have taken: to leave out just these, which came nearest to an
    alarm, would flatter it. What is found of a slowdown depends on the number, and is measured.
    """
    if BY_NAME[run.kind].slower:
        return None
    screens = {row.benchmark: [pair(each) for each in row.screen] for row in run.rows}
    if any(screen_size(blocks, rule) != len(blocks) for blocks in screens.values()):
        return None
    blocks = [
        each.block(name, "screen", number)
        for name, found in screens.items()
        for number, each in enumerate(found)
    ]
    planned = {row.benchmark: len(row.confirmation) for row in run.rows if row.confirmation}
    if set(promote(log_ratios(blocks, "screen"), rule)) != set(planned):
        return None
    for row in run.rows:
        blocks += [
            _confirmation(row.benchmark, number, each)
            for number, each in enumerate(row.confirmation)
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
