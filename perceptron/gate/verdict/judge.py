"""The verdict: a pure function of blocks, whether just measured or replayed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import expm1, isfinite, log1p
from statistics import median

from perceptron.gate.verdict.estimate import FEWEST, RatioEstimate, estimate, holm, interval
from perceptron.gate.verdict.evidence import (
    Clock,
    Confirmation,
    Finding,
    Numbers,
    by_clock_too,
    find,
    find_without_clock,
    judge_value,
    no_time,
    within,
)
from perceptron.gate.verdict.instructions import (
    NOT_COUNTED,
    InstructionEvidence,
    instruction_evidence,
)
from perceptron.gate.verdict.outcome import Kind, Outcome, outcome, trials
from perceptron.gate.verdict.promotion import confirmation_sizes, promote
from perceptron.gate.verdict.rule import Rule, confirmation_size, p_towards, smallest_detectable
from perceptron.gate.verdict.waits import TIMED, Waits, idle_share, one_sided, waits_of
from perceptron.records.block import Benchmark, Block, Side, Stage, by_benchmark, counted
from perceptron.records.comparison import (
    Control,
    ControlRow,
    GateRule,
    LeftOut,
    Row,
    RowVerdict,
    Verdict,
    rule_of,
)

# For benchmarks without two numbers to compare.
_VERDICTS: dict[Kind, RowVerdict] = {
    "broke": "slower",
    "works": "faster",
    "invalid": "invalid",
    "inconclusive": "inconclusive",
}


@dataclass(frozen=True)
class Judgement:
    """The verdict on a run, with its rows."""

    verdict: Verdict
    reason: str
    rows: list[Row]
    control: Control
    left_out: list[LeftOut]


def replay(
    benchmarks: Sequence[Benchmark],
    screen: Sequence[Block],
    fresh: Sequence[Block],
    rule: Rule | None = None,
) -> Judgement:
    """Judge recorded blocks as a run would, with as many of ``fresh`` as it would measure."""
    rule = rule or Rule()
    ratios = log_ratios(screen, "screen")
    promoted = promote(ratios, rule, instruction_evidence(screen, rule))
    planned = confirmation_sizes(ratios, promoted, rule)
    measured = [block for block in fresh if block.number < planned.get(block.benchmark, 0)]
    return judge(benchmarks, [*screen, *measured], planned, rule)


def judge(
    benchmarks: Sequence[Benchmark],
    blocks: Sequence[Block],
    planned: Mapping[str, int],
    rule: Rule | None = None,
    *,
    left_out: int = 0,
    limits: Sequence[GateRule] = (),
    strict: bool = False,
) -> Judgement:
    """Judge a run whose screen ``planned`` a number of confirmation blocks for each benchmark.

    The plan skipped ``left_out`` further benchmarks. The first of the project's ``limits`` that
    matches a benchmark applies to it. A ``strict`` run is inconclusive where noisy times could have
    hidden a slowdown, even if its instructions are equal.
    """
    rule = rule or Rule()
    project_rules = {benchmark.key: rule_of(benchmark.key, limits) for benchmark in benchmarks}
    muted = {key for key, project_rule in project_rules.items() if project_rule.mute is not None}
    case = _Case(blocks, planned, rule, muted, strict)
    rows: list[Row] = []
    without_row: list[LeftOut] = []
    unjudged, broken = left_out, 0
    for benchmark in benchmarks:
        key = benchmark.key
        result = case.outcome(benchmark)
        kind, reason = result
        if kind in {"left out", "skipped"}:
            without_row.append(LeftOut(benchmark=key, reason=reason or ""))
            unjudged += kind == "left out" and key not in muted
        else:
            rows.append(case.row(benchmark, result, project_rules[key]))
            broken += kind == "broke" and key not in muted
    verdict, reason = judge_run(rows, case.control, broken, rule, unjudged)
    return Judgement(verdict, reason, rows, case.control, without_row)


def log_ratios(
    blocks: Iterable[Block], stage: Stage, side: Side = "head"
) -> dict[str, list[float]]:
    """Return log(side / base) of the blocks that have both, by benchmark, in order.

    Of a block that was taken again, one take counts: see `counted`.
    """
    ratios: dict[str, list[float]] = {}
    for block in counted(blocks):
        value = block.log_ratio(side) if block.stage == stage else None
        if value is not None:
            ratios.setdefault(block.benchmark, []).append(value)
    return ratios


class _Case:
    """The blocks of a run, sorted for judging."""

    def __init__(
        self,
        blocks: Sequence[Block],
        planned: Mapping[str, int],
        rule: Rule,
        muted: Collection[str],
        strict: bool,
    ) -> None:
        self.rule = rule
        self._strict = strict
        self._planned = planned
        self._instructions = instruction_evidence(blocks, rule)
        self._waits = waits_of(blocks)
        # A failure counts, whichever take counts for the times.
        self._takes = by_benchmark(blocks)
        blocks = counted(blocks)
        self._blocks = by_benchmark(blocks)
        self._screen = log_ratios(blocks, "screen")
        self._fresh = {
            key: values
            for key, values in log_ratios(blocks, "confirmation").items()
            if planned.get(key) and len(values) >= FEWEST
        }
        self._directions = promote(self._screen, rule, self._instructions)
        raw = dict.fromkeys((key for key in planned if planned[key]), 1.0)
        for key, values in self._fresh.items():
            raw[key] = p_towards(estimate(values), self._directions.get(key, 1), rule)
        self._p = holm(raw)
        self._controlled = {block.benchmark for block in blocks if block.control is not None}
        controls = log_ratios(blocks, "confirmation", "control")
        self.control = judge_control(
            {key: values for key, values in controls.items() if key in self._fresh}, rule, muted
        )

    def _evidence(self, key: str) -> InstructionEvidence:
        return self._instructions.get(key, NOT_COUNTED)

    def outcome(self, benchmark: Benchmark) -> Outcome:
        """Return the benchmark's outcome apart from its numbers."""
        takes, evidence = self._takes.get(benchmark.key), self._evidence(benchmark.key)
        result = Outcome("left out", "it was not tried") if takes is None else outcome(takes)
        if result.kind != "left out":
            return result
        if evidence.kind == "same" or evidence.direction != 0:
            return Outcome("measured")
        return Outcome("left out", no_time(evidence, result.reason or "it was not tried"))

    def row(self, benchmark: Benchmark, result: Outcome, project_rule: GateRule) -> Row:
        """Return the benchmark's row; ``project_rule`` is the project's rule for it."""
        key, rule = benchmark.key, self.rule
        evidence, waits = self._evidence(key), self._waits.get(key, Waits())
        is_value = benchmark.type != "time" or key not in self._screen  # a time of 0 has no ratio
        fresh = [] if is_value else self._fresh.get(key, [])
        pairs = self._pairs(key, TIMED if is_value else {"confirmation" if fresh else "screen"})
        kind, reason = result
        if kind == "measured":
            rule = replace(rule, blind=max(rule.blind, project_rule.slower or 0.0))
            judged = judge_value(pairs, rule) if is_value and pairs else self._time(key, rule)
            numbers, finding = judged
            finding = within(finding, project_rule.slower, numbers.change, evidence.instructions)
            finding = by_clock_too(finding, numbers, rule, self._strict)
            reasons = (finding.reason, one_sided(waits))
            finding = replace(finding, reason="; ".join(filter(None, reasons)) or None)
        else:
            numbers, finding = Numbers(), Finding(_VERDICTS[kind], reason)
        base, head = (median(side) for side in zip(*pairs, strict=True)) if pairs else (None, None)
        if not is_value and numbers.change is None:
            base = head = None  # on a busy machine one block or two may differ tenfold
        seconds = benchmark.unit == "seconds"
        return Row(
            benchmark=benchmark.name,
            params=benchmark.params,
            param_names=benchmark.param_names,
            test=benchmark.test,
            unit=benchmark.unit,
            base=base,
            head=head,
            base_seconds=base if seconds else None,
            head_seconds=head if seconds else None,
            change=numbers.change,
            low=numbers.low,
            high=numbers.high,
            p_adjusted=self._p.get(key) if fresh and numbers.change is not None else None,
            verdict=finding.verdict,
            reason=finding.reason,
            probably_slower=finding.probably_slower,
            limit=project_rule.slower,
            muted=project_rule.mute,
            smallest_detectable=numbers.smallest_detectable,
            spread=numbers.spread,
            instructions=evidence.instructions,
            not_counted=evidence.reason,
            evidence=finding.evidence,
            clock_undecided=finding.clock_undecided,
            wait_share=waits.wait_share,
            contended=waits.contended,
            retaken=waits.retaken,
            idle=idle_share(self._blocks.get(key, [])),
            screen_blocks=len(pairs) if is_value else len(self._screen[key]),
            confirmation_blocks=len(fresh),
            file=benchmark.file,
            line=benchmark.line,
        )

    def _time(self, key: str, rule: Rule) -> tuple[Numbers, Finding]:
        """Return the numbers of a time and its verdict."""
        evidence = self._evidence(key)
        values = self._fresh.get(key) or self._screen.get(key, [])
        if len(values) < FEWEST:
            tried = trials(self._blocks.get(key, []))
            return Numbers(), find_without_clock(evidence, min(tried, default=None))
        ratio = estimate(values)
        low, high = interval(ratio, rule.confidence)
        smallest = self._smallest(key, ratio)
        clock = Clock(
            ratio=ratio,
            smallest=smallest,
            promoted=self._directions.get(key, 1) if key in self._planned else 0,
            confirmation=self._confirmation(key, ratio) if key in self._planned else None,
            wait_share=self._waits[key].wait_share,
            steady=not self.control.alarmed,
        )
        numbers = Numbers(expm1(ratio.mean), expm1(low), expm1(high), smallest, ratio.spread)
        return numbers, find(clock, evidence, rule)

    def _confirmation(self, key: str, ratio: RatioEstimate) -> Confirmation:
        """Return the result of confirming a benchmark; ``ratio`` is of its fresh blocks."""
        if key not in self._fresh:
            return "too few" if self._planned[key] else "no time"
        size = self._directions.get(key, 1) * ratio.mean
        if self._p[key] > self.rule.alpha or size < log1p(self.rule.least):
            return "not shown"
        if self.control.alarmed:
            return "unsteady"
        if key in self._controlled - {row.benchmark for row in self.control.rows}:
            return "no control"
        return "confirmed"

    def _smallest(self, key: str, ratio: RatioEstimate) -> float | None:
        fresh, screen = self._fresh.get(key, []), self._screen.get(key, [])
        together = sum(1 for blocks in self._planned.values() if blocks) + (not fresh)
        size = smallest_detectable(
            ratio,
            len(screen),
            len(fresh) or confirmation_size(ratio, together, self.rule),
            together,
            self.rule,
            self._evidence(key).kind == "same",
        )
        return size if isfinite(size) else None

    def _pairs(self, key: str, stages: Iterable[Stage]) -> list[tuple[float, float]]:
        """Return the (BASE, HEAD) values of each block of these stages that has both."""
        return [
            (block.base.value, block.head.value)
            for block in self._blocks.get(key, [])
            if block.stage in stages and block.base.value is not None
            if block.head.value is not None
        ]


def judge_control(
    controls: Mapping[str, Sequence[float]], rule: Rule, muted: Collection[str] = ()
) -> Control:
    """Judge base against its second copy, by benchmark: as strictly, and in both directions.

    A ``muted`` benchmark is not counted against the machine: it may be known to be noisy.
    """
    estimates = {key: estimate(values) for key, values in controls.items() if len(values) >= FEWEST}
    p = holm(
        {
            f"{sign:+}{key}": p_towards(ratio, sign, rule)
            for key, ratio in estimates.items()
            for sign in (1, -1)
        }
    )
    rows = []
    for key, ratio in estimates.items():
        smallest = min(p[f"+1{key}"], p[f"-1{key}"])
        low, high = interval(ratio, rule.confidence)
        alarm = smallest <= rule.alpha and abs(ratio.mean) >= log1p(rule.least)
        rows.append(
            ControlRow(
                benchmark=key,
                change=expm1(ratio.mean),
                low=expm1(low),
                high=expm1(high),
                p_adjusted=smallest,
                alarm=alarm,
            )
        )
    return Control(alarmed=any(row.alarm and row.benchmark not in muted for row in rows), rows=rows)


def judge_run(
    rows: Sequence[Row], control: Control, broken: int, rule: Rule, left_out: int = 0
) -> tuple[Verdict, str]:
    """Return the verdict on the run and its reason.

    ``broken`` rows failed on HEAD only. Beside the rows, ``left_out`` further benchmarks should
    have been judged. Muted rows do not count.
    """
    unmuted = [row for row in rows if row.muted is None]
    muted = len(rows) - len(unmuted)
    if muted and not (unmuted or left_out):
        return "clean", f"nothing was to be judged: {_benchmarks(muted)} muted"
    verdict, reason = _judge(unmuted, control, broken, rule, left_out)
    return verdict, reason + (f", {muted} muted" if muted else "")


def _judge(
    rows: Sequence[Row], control: Control, broken: int, rule: Rule, left_out: int
) -> tuple[Verdict, str]:
    slower = _slower(rows, broken)
    usable = [row for row in rows if row.verdict != "invalid"]
    undecided = [row for row in rows if row.verdict == "inconclusive"]
    if broken:
        reason = f"{_benchmarks(broken)} broke on HEAD" + (f", {slower}" if slower else "")
        return "regression", reason
    if slower and control.alarmed:
        return "regression", (
            f"{slower}; the clock judges nothing here, as base differs from a second copy of itself"
        )
    if slower:
        return "regression", slower
    doubts = []
    if probably := [row for row in undecided if row.probably_slower]:
        doubts.append(_probably_slower(probably))
    if control.alarmed:
        doubts.append("base differs from a second copy of itself: this machine is unsteady")
    elif len(undecided) > len(probably):
        lost = sum(row.verdict in {"inconclusive", "invalid"} for row in rows) - len(probably)
        doubts.append(
            f"{lost + left_out:,} of {_benchmarks(len(rows) + left_out)} could not be judged: "
            f"a slowdown of {100 * rule.blind:g}% may be hidden"
        )
    if doubts:
        return "inconclusive", "; ".join(doubts)
    if not usable and (rows or not left_out):
        return "invalid", "no benchmark could be measured on both revisions"
    judged, everything = len(usable), len(rows) + left_out
    if judged < rule.least_judged * everything:
        number = f"only {judged}" if judged else "none"
        return "inconclusive", (
            f"{number} of {_benchmarks(everything)} could be judged: less than "
            f"{100 * rule.least_judged:g}%"
        )
    alone = [row for row in usable if row.clock_undecided]
    timed = any(row.unit == "seconds" and row.change is not None for row in usable)
    if judged < everything and alone and not timed:
        return "inconclusive", (
            f"nothing was timed, and {everything - judged:,} of {_benchmarks(everything)} "
            "could not be judged by instructions: raise --budget"
        )
    by = f"; instructions alone judged {len(alone):,} of them" if alone else ""
    if judged < everything:
        return "clean", f"{judged} of {_benchmarks(everything)} judged, none slower{by}"
    return "clean", f"nothing of {_benchmarks(judged)} became slower{by}"


def _probably_slower(rows: Sequence[Row]) -> str:
    """Return the largest rise in instructions, and the number of benchmarks with one."""
    rise = max(row.instructions.change for row in rows if row.instructions is not None)
    most = "up to " if len(rows) > 1 else ""
    return f"probably slower: {most}+{100 * rise:.0f}% instructions in {_benchmarks(len(rows))}"


def _slower(rows: Sequence[Row], broken: int) -> str:
    """Return how many benchmarks became slower, by evidence; empty if none did."""
    slower = [row for row in rows if row.verdict == "slower"]
    by_count = sum(row.evidence != "time" for row in slower)
    by_clock = len(slower) - broken - by_count
    words = {
        (True, False): "confirmed",
        (False, True): "by counted instructions",
        (True, True): f"{by_clock} confirmed by the clock and {by_count} by counted instructions",
    }.get((by_clock > 0, by_count > 0))
    return f"{_benchmarks(by_clock + by_count)} slower than BASE, {words}" if words else ""


def _benchmarks(count: int) -> str:
    return f"{count:,} benchmark" + ("" if count == 1 else "s")
