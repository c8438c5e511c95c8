"""The verdict: a pure function of blocks, for what was measured now and for what is replayed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import expm1, isfinite, log1p
from statistics import median

from perceptron.gate.verdict.estimate import FEWEST, RatioEstimate, estimate, holm, interval
from perceptron.gate.verdict.evidence import Clock, Confirmation, Finding, find, find_without_clock
from perceptron.gate.verdict.outcome import BenchmarkOutcome, outcome
from perceptron.gate.verdict.promotion import confirmation_sizes, promote
from perceptron.gate.verdict.rule import Rule, confirmation_size, p_towards, smallest_detectable
from perceptron.gate.verdict.run_verdict import judge_control, judge_run
from perceptron.gate.verdict.waits import TIMED, Waits, idle_share, one_sided, waits_of
from perceptron.gate.verdict.work import NOT_COUNTED, work_of
from perceptron.records.block import Arm, Benchmark, Block, Stage, counted
from perceptron.records.comparison import Control, LeftOut, Row, Verdict


@dataclass(frozen=True)
class Judgement:
    """What the blocks say."""

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
    promoted = promote(ratios, rule, work_of(screen, rule))
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
) -> Judgement:
    """Judge a run whose confirmation was ``planned``, by benchmark, from its screen.

    The plan has ``left_out`` so many benchmarks beside these.
    """
    rule = rule or Rule()
    case = _Case(blocks, planned, rule)
    rows: list[Row] = []
    without_row: list[LeftOut] = []
    skipped = 0
    for benchmark in benchmarks:
        result = case.outcomes.get(benchmark.key, BenchmarkOutcome("left out", "it was not tried"))
        if result.kind == "left out" and case.did_same_work(benchmark.key):
            result = BenchmarkOutcome("measured")  # counted, if not timed
        if result.kind in {"left out", "skipped"}:
            without_row.append(LeftOut(benchmark=benchmark.key, reason=result.reason or ""))
            skipped += result.kind == "skipped"  # there is nothing to judge
        else:
            rows.append(case.row(benchmark, result))
    unjudged = left_out + len(without_row) - skipped
    verdict, reason = judge_run(rows, case.control, case.broken, rule, unjudged)
    return Judgement(verdict, reason, rows, case.control, without_row)


def log_ratios(blocks: Iterable[Block], stage: Stage, arm: Arm = "head") -> dict[str, list[float]]:
    """Return log(arm / base) of the blocks that have one, by benchmark, in order.

    Of a block that was taken again, one take counts: see `counted`.
    """
    ratios: dict[str, list[float]] = {}
    for block in counted(blocks):
        value = block.log_ratio(arm) if block.stage == stage else None
        if value is not None:
            ratios.setdefault(block.benchmark, []).append(value)
    return ratios


def _by_benchmark(blocks: Iterable[Block]) -> dict[str, list[Block]]:
    by_benchmark: dict[str, list[Block]] = {}
    for block in blocks:
        by_benchmark.setdefault(block.benchmark, []).append(block)
    return by_benchmark


class _Case:
    """The blocks of a run, sorted for judging."""

    def __init__(
        self,
        blocks: Sequence[Block],
        planned: Mapping[str, int],
        rule: Rule,
    ) -> None:
        self.rule = rule
        self._planned = planned
        self._work = work_of(blocks, rule)
        self._waits = waits_of(blocks)
        # What failed once has failed, whichever take counts for the times.
        self.outcomes = {key: outcome(own) for key, own in _by_benchmark(blocks).items()}
        blocks = counted(blocks)
        self._blocks = _by_benchmark(blocks)
        self.broken = sum(result.kind == "broke" for result in self.outcomes.values())
        self.screen = log_ratios(blocks, "screen")
        self.fresh = {
            key: values
            for key, values in log_ratios(blocks, "confirmation").items()
            if planned.get(key) and len(values) >= FEWEST
        }
        self._directions = promote(self.screen, rule, self._work)
        estimates = {key: estimate(values) for key, values in self.fresh.items()}
        raw = dict.fromkeys((key for key in planned if planned[key]), 1.0)
        for key, ratio in estimates.items():
            raw[key] = p_towards(ratio, self._directions.get(key, 1), rule)
        self._p = holm(raw)
        self._controlled = {block.benchmark for block in blocks if block.control is not None}
        controls = log_ratios(blocks, "confirmation", "control")
        self.control = judge_control(
            {key: values for key, values in controls.items() if key in self.fresh}, rule
        )

    def did_same_work(self, key: str) -> bool:
        """Return whether counts say that both revisions do the same."""
        return self._work.get(key, NOT_COUNTED).kind == "same"

    def row(self, benchmark: Benchmark, result: BenchmarkOutcome) -> Row:
        key = benchmark.key
        screen, fresh = self.screen.get(key, []), self.fresh.get(key, [])
        values = fresh or screen
        ratio = estimate(values) if len(values) >= FEWEST else None
        smallest = None if ratio is None else self._smallest(key, ratio)
        if result.kind != "measured":
            ratio = smallest = None
        finding = self._find(key, result, ratio, smallest)
        low, high = (None, None) if ratio is None else interval(ratio, self.rule.confidence)
        base, head = self._medians(key, "confirmation" if fresh else "screen")
        waits, evidence = self._waits.get(key, Waits()), self._work.get(key, NOT_COUNTED)
        reason = finding.reason
        if result.kind == "measured":
            reason = "; ".join(filter(None, (reason, one_sided(waits)))) or None
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
            change=None if ratio is None else expm1(ratio.mean),
            low=None if low is None else expm1(low),
            high=None if high is None else expm1(high),
            p_adjusted=self._p.get(key) if fresh and ratio is not None else None,
            verdict=finding.verdict,
            reason=reason,
            smallest_detectable=smallest,
            spread=None if ratio is None else ratio.spread,
            work=evidence.work,
            not_counted=evidence.reason,
            stands_on=finding.stands_on,
            waited=waits.waited,
            disturbed=waits.disturbed,
            retaken=waits.retaken,
            idle=idle_share(self._blocks.get(key, [])),
            screen_blocks=len(screen),
            confirmation_blocks=len(fresh),
            file=benchmark.file,
            line=benchmark.line,
        )

    def _find(
        self,
        key: str,
        result: BenchmarkOutcome,
        ratio: RatioEstimate | None,
        smallest: float | None,
    ) -> Finding:
        if result.kind == "broke":
            return Finding("regression", result.reason)
        if result.kind == "works":
            return Finding("improvement", result.reason)
        if result.kind in {"invalid", "inconclusive"}:
            return Finding(result.kind, result.reason)
        evidence = self._work.get(key, NOT_COUNTED)
        if ratio is None:
            without_clock = find_without_clock(evidence, self._trial(key))
            return self._without_ratio(key) or without_clock
        screen = self.screen.get(key, [])
        clock = Clock(
            ratio=ratio,
            screen=estimate(screen) if len(screen) >= FEWEST else ratio,
            smallest=smallest,
            confirmation=self._confirmation(key, ratio),
            waits=self._waits.get(key, Waits()),
        )
        return find(clock, evidence, self.rule)

    def _confirmation(self, key: str, ratio: RatioEstimate) -> Confirmation | None:
        """Return what became of a promoted benchmark; ``ratio`` is of its fresh blocks, if any."""
        if key not in self._planned:
            return None
        direction = self._directions.get(key, 1)
        slower = direction > 0
        if key not in self.fresh:
            return Confirmation(slower, "too few" if self._planned[key] else "no time")
        if self._p[key] > self.rule.alpha or direction * ratio.mean < log1p(self.rule.least):
            return Confirmation(slower, "not shown")
        if self.control.alarmed:
            doubt = "confirmed, but base also differs from its second copy"
            return Confirmation(slower, "doubtful", doubt)
        if key in self._controlled - {row.benchmark for row in self.control.rows}:
            doubt = "confirmed, but base's second copy gave too few numbers"
            return Confirmation(slower, "doubtful", doubt)
        return Confirmation(slower, "confirmed")

    def _trial(self, key: str) -> float | None:
        """Return head / base of the last trial; None where it gave no two numbers."""
        pairs = [
            (block.base.call_seconds, block.head.call_seconds)
            for block in self._blocks.get(key, [])
            if block.stage == "calibration"
        ]
        ratios = [head / base for base, head in pairs if base and head]
        return ratios[-1] if ratios else None

    def _without_ratio(self, key: str) -> Finding | None:
        """Return the finding where there are numbers, and no ratios; None if there are none."""
        pairs = [
            (block.base.value or 0.0, block.head.value or 0.0)
            for block in self._blocks.get(key, [])
            if block.stage in TIMED and block.log_ratio() is None
            if block.base.status == block.head.status == "ok"
        ]
        if pairs and all(base == 0 < head for base, head in pairs):
            return Finding("inconclusive", f"from 0 to {pairs[-1][1]:g} every time: no ratio")
        return Finding("invalid", "a ratio needs positive numbers") if pairs else None

    def _smallest(self, key: str, ratio: RatioEstimate) -> float | None:
        planned = sum(1 for blocks in self._planned.values() if blocks)
        together = planned if key in self.fresh else planned + 1
        if key in self.fresh:
            confirmation = len(self.fresh[key])
        else:
            confirmation = confirmation_size(ratio, together, self.rule)
        size = smallest_detectable(
            ratio,
            len(self.screen.get(key, [])),
            confirmation,
            together,
            self.rule,
            self._work.get(key, NOT_COUNTED).kind == "same",
        )
        return size if isfinite(size) else None

    def _medians(self, key: str, stage: Stage) -> tuple[float | None, float | None]:
        pairs = [
            (block.base.value, block.head.value)
            for block in self._blocks.get(key, [])
            if block.stage == stage and block.base.value is not None
            if block.head.value is not None
        ]
        if not pairs:
            return None, None
        return median(base for base, _ in pairs), median(head for _, head in pairs)
