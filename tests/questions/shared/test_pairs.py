from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.problems.catalogue import find
from perceptron.questions.bench.study import BenchPlan
from perceptron.questions.crossover.study import CrossoverPlan
from perceptron.questions.fastest.advise import AdvisePlan
from perceptron.questions.fastest.question import question as fastest
from perceptron.questions.shared.axes import family_axis
from perceptron.questions.shared.pairs import (
    BESIDE,
    PAIRS,
    between,
    counts_of,
    pairs_along_models,
    pairs_over,
    usual_for,
)

OLD = ("numpy", "torch-cpu")


def test_pairs_are_those_of_models_where_their_number_varies() -> None:
    """Nowhere else: at one model it is all the same training."""
    assert pairs_along_models(("many-or-gates", "many-mlps"), ()) == PAIRS
    assert pairs_along_models(("many-or-gates", "mlp-width"), ()) == ()
    assert pairs_along_models(("many-or-gates",), ("docs/examples/points-width.toml",)) == ()
    assert pairs_along_models((), ("docs/examples/fruit-folds.toml",)) == PAIRS
    assert pairs_along_models(("models-width",), ()) == ()
    assert pairs_along_models((), ()) == ()


def test_single_trainings_are_searched_no_further_than_one_waits_for() -> None:
    """Their time is in proportion: 65,536 of them would take all of the time there is."""
    plan = CrossoverPlan(families=("many-or-gates", "mlp-width"), pairs=(OLD,), threads=(1,))
    gates, width = plan.axes
    assert plan.search(gates, OLD).high == 65_536
    looking = replace(plan, quick=True)
    assert looking.search(gates, OLD).high == 65_536
    for name in ("numpy-sequential", "processes"):
        assert plan.search(gates, (name, "numpy")).high == 256
        assert looking.search(gates, (name, "numpy")).high == 16
        assert plan.search(width, (name, "numpy")).high == family_axis("mlp-width").high


@pytest.mark.parametrize("quick", [False, True])
def test_pairs_search_starts_at_two_models_if_one_is_equal(quick: bool) -> None:
    """Nobody wins there, and finding out takes all processes that there may be."""
    (gates,) = CrossoverPlan(families=("many-or-gates",), pairs=(OLD,), threads=(1,)).axes
    for pair in PAIRS[:3]:
        assert between(gates, pair, quick)[0] == 2
    for pair in (*PAIRS[3:], ("numpy-sequential", "torch-cpu")):
        assert between(gates, pair, quick)[0] == 1


def test_short_axes_have_two_ends() -> None:
    """Those of a file may begin anywhere."""
    gates = family_axis("many-or-gates")
    for low, high in ((1, 2), (300, 1000)):
        least, most = between(dataclasses.replace(gates, low=low, high=high), PAIRS[0])
        assert low <= least <= most <= high


def test_advice_about_several_models_also_tries_one_after_the_other() -> None:
    assert usual_for(find("or-gate")) == ()
    assert usual_for(find("many-or-gates:400")) == (*registry.usual(), *BESIDE)


@pytest.mark.parametrize("kind", ["mps", "xpu"])
def test_pairs_usual_backends_include_available_device(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every question that names none; the finding has it too."""
    about: dict[str, Any] = dict.fromkeys(("rows", "features", "models", "epochs"), 1)
    about |= {"hidden": (), "classes": None, "batch": None, "optimizer": "sgd", "among": None}
    about |= {"measure": "never", "seconds": 1, "dtype": "float32", "threads": 1}
    before = fastest(**about).among
    assert f"torch-{kind}" not in before
    monkeypatch.setattr(registry, "surely_unavailable", lambda one: {kind: None}.get(one, "absent"))
    usual = (*before, f"torch-{kind}")
    assert fastest(**about).among == usual
    assert AdvisePlan(rows=10, features=2).resolved().backends == usual
    assert CrossoverPlan().resolved().backends == usual
    bench = BenchPlan().resolved()
    assert bench.backends == usual
    assert bench.finding_backends[1:] == usual


ALONE, TWO, FOUR = "torch-ddp", "torch-ddp@2", "torch-ddp@4"


def test_pairs_named_pair_has_each_process_count() -> None:
    assert pairs_over([("numpy", ALONE)], (1, 2)) == (("numpy", ALONE), ("numpy", TWO))
    assert pairs_over([(ALONE, TWO)], ()) == ((ALONE, TWO),)
    assert pairs_over([], (1, 2)) == ()
    with pytest.raises(UserError, match="leave out --processes"):
        pairs_over([(ALONE, TWO)], (1, 2))
    with pytest.raises(UserError, match="--processes: numpy, torch-cpu train in one process"):
        pairs_over([("numpy", "torch-cpu")], (2,))


def test_counts_are_those_of_what_trains_over_processes() -> None:
    assert counts_of(["numpy", FOUR, ALONE]) == (1, 4)
    assert counts_of(["numpy", "torch-cpu"]) == ()
