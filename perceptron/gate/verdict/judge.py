"""The verdict: a pure function of blocks, for what was measured now and for what is replayed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import expm1, isfinite, log1p
from statistics import median

from perceptron.gate.verdict.estimate import FEWEST, RatioEstimate, estimate, holm, interval
from perceptron.gate.verdict.outcome import BenchmarkOutcome, outcome
from perceptron.gate.verdict.promotion import confirmation_sizes, promote
from perceptron.gate.verdict.rule import Rule, confirmation_size, p_towards, smallest_detectable
from perceptron.gate.verdict.run_verdict import judge_control, judge_run
from perceptron.gate.verdict.waits import Waits, one_sided, too_noisy, waits_of
from perceptron.records.block import Arm, Benchmark, Block, Stage, counted
from perceptron.records.comparison import Control, LeftOut, Row, RowVerdict, Verdict


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
    promoted = promote(ratios, rule)
    planned = confirmation_sizes(ratios, promoted, rule)
    measured = [block for block in fresh if block.number < planned.get(block.benchmark, 0)]
    return judge(benchmarks, [*screen, *measured], planned, rule)


def judge(
    benchmarks: Sequence[Benchmark],
    blocks: Sequence[Block],
    planned: Mapping[str, int],
    rule: Rule | None = None,
    affordable: Mapping[str, int] | None = None,
) -> Judgement:
    """Judge a run whose confirmation was ``planned``, by benchmark, from its screen.

    ``affordable`` is how many blocks of confirmation there would have been time for.
    """
    rule = rule or Rule()
    case = _Case(blocks, planned, rule, affordable or {})
    rows: list[Row] = []
    left_out: list[LeftOut] = []
    for benchmark in benchmarks:
        result = case.outcomes.get(benchmark.key, BenchmarkOutcome("left out", "it was not tried"))
        if result.kind in {"left out", "skipped"}:
            left_out.append(LeftOut(benchmark=benchmark.key, reason=result.reason or ""))
        else:
            rows.append(case.row(benchmark, result))
    verdict, reason = judge_run(rows, case.control, case.broken, rule)
    return Judgement(verdict, reason, rows, case.control, left_out)


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
        affordable: Mapping[str, int],
    ) -> None:
        self.rule = rule
        self._planned = planned
        self._affordable = affordable
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
        self._directions = promote(self.screen, rule)
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

    def row(self, benchmark: Benchmark, result: BenchmarkOutcome) -> Row:
        key = benchmark.key
        screen, fresh = self.screen.get(key, []), self.fresh.get(key, [])
        values = fresh or screen
        ratio = estimate(values) if len(values) >= FEWEST else None
        smallest = None if ratio is None else self._smallest(key, ratio)
        if result.kind != "measured":
            ratio = smallest = None
        verdict, reason = self._verdict(key, result, ratio, smallest)
        low, high = (None, None) if ratio is None else interval(ratio, self.rule.confidence)
        base, head = self._medians(key, "confirmation" if fresh else "screen")
        waits = self._waits.get(key, Waits())
        if result.kind == "measured":
            reason = "; ".join(filter(None, (reason, one_sided(waits)))) or None
        seconds = benchmark.unit == "seconds"
        return Row(
            benchmark=benchmark.name,
            params=benchmark.params,
            param_names=benchmark.param_names,
            unit=benchmark.unit,
            base=base,
            head=head,
            base_seconds=base if seconds else None,
            head_seconds=head if seconds else None,
            change=None if ratio is None else expm1(ratio.mean),
            low=None if low is None else expm1(low),
            high=None if high is None else expm1(high),
            p_adjusted=self._p.get(key) if fresh and ratio is not None else None,
            verdict=verdict,
            reason=reason,
            smallest_detectable=smallest,
            spread=None if ratio is None else ratio.spread,
            waited=waits.waited,
            disturbed=waits.disturbed,
            retaken=waits.retaken,
            screen_blocks=len(screen),
            confirmation_blocks=len(fresh),
            file=benchmark.file,
            line=benchmark.line,
        )

    def _verdict(
        self,
        key: str,
        result: BenchmarkOutcome,
        ratio: RatioEstimate | None,
        smallest: float | None,
    ) -> tuple[RowVerdict, str | None]:
        if result.kind == "broke":
            return "regression", result.reason
        if result.kind == "works":
            return "improvement", result.reason
        if result.kind in {"invalid", "inconclusive"}:
            return result.kind, result.reason
        if ratio is None:
            return self._unjudged(key)
        if key in self.fresh and self._p[key] <= self.rule.alpha:
            direction = self._directions.get(key, 1)
            if direction * ratio.mean >= log1p(self.rule.least):
                if self.control.alarmed:
                    return "inconclusive", "confirmed, but base also differs from its second copy"
                if key in self._controlled - {row.benchmark for row in self.control.rows}:
                    return "inconclusive", "confirmed, but base's second copy gave too few numbers"
                return ("regression" if direction > 0 else "improvement"), None
        # What looks faster and was not confirmed is as good as unchanged.
        if key in self._planned and key not in self.fresh and self._directions.get(key, 1) > 0:
            if self._planned[key]:
                return "inconclusive", "a slowdown to confirm, and too few blocks gave a number"
            return "inconclusive", "a slowdown to confirm, and no time left: raise --budget"
        if smallest is None or smallest > self.rule.blind:
            return "inconclusive", too_noisy(self._waits.get(key, Waits()))
        return "no change", None

    def _unjudged(self, key: str) -> tuple[RowVerdict, str]:
        pairs = [
            (block.base.value or 0.0, block.head.value or 0.0)
            for block in self._blocks.get(key, [])
            if block.stage != "calibration" and block.log_ratio() is None
            if block.base.status == block.head.status == "ok"
        ]
        if pairs and all(base == 0 < head for base, head in pairs):
            return "inconclusive", f"from 0 to {pairs[-1][1]:g} every time: no ratio"
        if pairs:
            return "invalid", "a ratio needs positive numbers"
        return "inconclusive", "no time left for it: raise --budget"

    def _smallest(self, key: str, ratio: RatioEstimate) -> float | None:
        planned = sum(1 for blocks in self._planned.values() if blocks)
        together = planned if key in self.fresh else planned + 1
        if key in self.fresh:
            confirmation = len(self.fresh[key])
        else:
            wanted = confirmation_size(ratio, together, self.rule)
            confirmation = min(wanted, self._affordable.get(key, wanted))
        size = smallest_detectable(
            ratio, len(self.screen.get(key, [])), confirmation, together, self.rule
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
