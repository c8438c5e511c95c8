from __future__ import annotations

import pytest

from perceptron.problems.optimizer import Adam, AdamW, Optimizer, Sgd


@pytest.mark.parametrize(
    ("optimizer", "kind", "state", "plain"),
    [
        (Sgd(rate=0.1), "sgd", 0, True),
        (Sgd(rate=0.1, momentum=0.9), "sgd momentum", 1, False),
        (Sgd(rate=0.1, momentum=0.9, nesterov=True), "sgd nesterov", 1, False),
        (Sgd(rate=0.1, weight_decay=0.01), "sgd decay", 0, False),
        (Sgd(rate=0.1, momentum=0.9, weight_decay=0.01), "sgd momentum decay", 1, False),
        (Adam(), "adam", 2, False),
        (Adam(weight_decay=0.01), "adam decay", 2, False),
        (AdamW(), "adamw", 2, False),
    ],
)
def test_optimizer_kind_separates_costs(
    optimizer: Optimizer, kind: str, state: int, plain: bool
) -> None:
    """Rows of one kind are compared, whatever its rates are."""
    assert optimizer.kind == kind
    assert (optimizer.state_arrays, optimizer.is_plain) == (state, plain)


def test_defaults_are_those_of_pytorch() -> None:
    """A user who leaves out a value means the one they know."""
    torch = pytest.importorskip("torch")
    parameter = [torch.nn.Parameter(torch.zeros(1))]
    for ours, theirs in ((Adam(), torch.optim.Adam), (AdamW(), torch.optim.AdamW)):
        defaults = theirs(parameter).defaults
        assert (ours.rate, ours.betas, ours.eps, ours.weight_decay) == tuple(
            defaults[name] for name in ("lr", "betas", "eps", "weight_decay")
        )
    defaults = torch.optim.SGD(parameter, lr=0.1).defaults
    plain = Sgd(rate=0.1)
    assert (plain.momentum, plain.nesterov, plain.weight_decay) == tuple(
        defaults[name] for name in ("momentum", "nesterov", "weight_decay")
    )
