"""A run is judged again where today's rule would have measured as it was measured."""

from __future__ import annotations

from dataclasses import replace as with_other
from math import log1p

from msgspec.structs import replace

from benchmarks.validation.gate.judging.rejudge import rejudge
from benchmarks.validation.gate.record import ProofRun
from perceptron.gate.verdict.rule import Rule
from tests.validation.gate.conftest import MakeRun, noise, recorded

RULE = Rule()


def promoted(run: MakeRun, control: float = 0.0, blocks: int = 13) -> ProofRun:
    """By chance, as it is in runs in which nothing changed; here by 8 %, for sure."""
    made = run("same", 0, ratios=[log1p(0.08) + deviation for deviation in noise(0.005, 10)])
    fresh = recorded([log1p(0.08) + deviation for deviation in noise(0.005, blocks, 2)], arms=3)
    for block in fresh:
        block[2] = [round(sample * (1 + control)) for sample in block[2]]
    return replace(made, rows=[replace(made.rows[0], confirmation=fresh)])


def test_a_quiet_run_is_as_clean_as_it_was(run: MakeRun) -> None:
    judged = rejudge(run("same", 3, verdict="regression", row_verdict="regression"), RULE)
    assert judged is not None
    assert (judged.verdict, judged.rows[0].verdict) == ("clean", "no change")


def test_what_came_nearest_to_an_alarm_is_not_left_out(run: MakeRun) -> None:
    """On the blocks that there are: a rule that takes more of them is not flattered."""
    judged = rejudge(promoted(run), RULE)
    assert judged is not None
    assert (judged.verdict, judged.rows[0].verdict) == ("regression", "regression")


def test_its_control_counts(run: MakeRun) -> None:
    judged = rejudge(promoted(run, control=0.2, blocks=30), RULE)
    assert judged is not None
    assert (judged.verdict, judged.control_alarmed) == ("inconclusive", True)


def test_the_same_work_was_looked_at_and_is_clean_again(run: MakeRun) -> None:
    """Six blocks, however loud, and no more; a look that is suspicious wants ten."""
    same = {0: [1e6, 1e6]}
    loud = run("same", 3, ratios=noise(0.2, 6, 4), counts=same, verdict="inconclusive")
    judged = rejudge(loud, RULE)
    assert judged is not None
    assert (judged.verdict, judged.rows[0].verdict) == ("clean", "no change")
    assert judged.rows[0].stands_on == "work"
    assert judged.rows[0].work == loud.rows[0].work
    assert rejudge(run("same", 3, ratios=noise(0.01, 10), counts=same), RULE) is None
    assert rejudge(run("same", 3, ratios=noise(0.01, 6)), RULE) is None
    suspicious = [log1p(0.03) + deviation for deviation in noise(0.02, 10)]
    assert rejudge(run("same", 3, ratios=suspicious[:6], counts=same), RULE) is None
    calm = [*suspicious[:6], -0.03, -0.02, -0.03, -0.02]
    assert rejudge(run("same", 3, ratios=calm, counts=same), RULE) is not None


def test_what_could_not_be_counted_says_so_again(run: MakeRun) -> None:
    judged = rejudge(run("same", 3, not_counted="it crashed"), RULE)
    assert judged is not None
    assert (judged.rows[0].work, judged.rows[0].not_counted) == (None, "it crashed")


def test_what_would_have_been_measured_otherwise_is_not(run: MakeRun) -> None:
    """Another screen, another promotion; a slowdown, whose finding depends on the number."""
    quiet = run("same", 0)
    assert rejudge(quiet, with_other(RULE, screen=8)) is None
    assert rejudge(quiet, with_other(RULE, screen_alpha=0.999, margin=0.0)) is None
    assert rejudge(promoted(run), with_other(RULE, screen_alpha=1e-30)) is None
    assert rejudge(run("slower-5", 0), RULE) is None
