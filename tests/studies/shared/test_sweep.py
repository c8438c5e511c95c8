from __future__ import annotations

from perceptron.problems.families import FAMILIES
from perceptron.studies.bench import BenchPlan
from perceptron.studies.shared.sweep import LINES, QUICK_BYTES, SWEEP
from tests.studies.conftest import tasks


def test_batches_are_swept_by_default_and_their_variants_when_named() -> None:
    """What is not measured by default is no part of what a whole run must hold."""
    assert "mlp-batch" in SWEEP
    named = {"mlp-batch-host", "mlp-width-adam", "many-or-gates", "many-mlps"}
    assert set(LINES) - set(SWEEP) == named
    assert BenchPlan(threads=(1,)).whole
    assert not BenchPlan(threads=(1,), families=SWEEP[:-1]).whole


def test_a_quick_look_has_a_few_batches() -> None:
    """Those of milliseconds are left out; the smallest and a hundredfold larger one are there."""
    quick = BenchPlan(threads=(1,), quick=True, families=("mlp-batch",))
    sizes = sorted({task.problem.size for task in tasks(quick) if task.problem.batch})
    assert 3 <= len(sizes) < len(FAMILIES["mlp-batch"].sizes)
    assert sizes[-1] >= 100 * sizes[0]
    assert QUICK_BYTES


def test_a_family_that_is_not_swept_by_default_can_be_named() -> None:
    named = BenchPlan(threads=(1,), families=("mlp-batch-host",))
    assert {task.problem.feed for task in tasks(named) if task.problem.batch} == {"host"}
