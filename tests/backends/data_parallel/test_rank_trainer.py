from __future__ import annotations

from collections.abc import Iterator

import pytest

from perceptron.backends import registry
from perceptron.backends.contract import agreement, checks
from perceptron.backends.protocol import RankFailed, Ranks, ranks_of
from tests.backends.data_parallel import inside

if registry.reason_unavailable("torch-ddp"):
    pytest.skip(f"torch-ddp: {registry.reason_unavailable('torch-ddp')}", allow_module_level=True)

PROBLEMS = {problem.name: problem for problem in checks.problems()}


@pytest.fixture
def ranks() -> Iterator[Ranks]:
    ranks = ranks_of(registry.load("torch-ddp@2"))
    assert ranks is not None
    yield ranks
    ranks.call_running(inside.unmake_mistakes)


def agrees(name: str) -> bool:
    problem = PROBLEMS[name]
    trainer = registry.load("torch-ddp@2").prepare(problem, "float32")
    reference = agreement.reference(problem)
    return agreement.compare(problem, trainer, "float32", reference).agrees


@pytest.mark.parametrize(
    ("mistake", "problem"),
    [
        ("no weights", "quantities"),
        ("no weights", "or-gate"),
        ("sum over ranks", "mlp-width:8"),
    ],
)
def test_a_loss_that_is_weighted_wrongly_disagrees(
    mistake: str, problem: str, ranks: Ranks
) -> None:
    """What is averaged over ranks is a mean of unequal parts, of none, or a sum."""
    assert agrees(problem)
    ranks.call(inside.make_mistake, mistake)
    assert not agrees(problem)


def test_ranks_that_do_not_exchange_are_found_out(ranks: Ranks) -> None:
    """Their parameters drift apart, and those of one alone would tell nothing."""
    ranks.call(inside.make_mistake, "no exchange")
    with pytest.raises(RankFailed, match=r"^rank 1 of 2 has other parameters than rank 0$"):
        agrees("mlp-width:8")
