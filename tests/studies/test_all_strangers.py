"""What holds for every choice on real results of other projects, checked figure by figure."""

from __future__ import annotations

from itertools import product
from math import inf

import pytest

from perceptron.analysis.crossover.judge import Crossover
from tests.studies.strangers import Choice, Figure, behind, figures, judge, needs_strangers, of_case

pytestmark = needs_strangers

_COMMITS = {
    "gt4py": ("4ba8de65", "5ff0ae94", "8767fe21", "9c6b1dd8", "c66f61f5", "ed4ca97d", "eebf5a7d"),
    "gt4py_later": ("4ba8de65",),
    "gt4py_versions": ("4ba8de65",),
    "bartz": ("764ffbde", "b145bd73", "dc12aa70"),
    "blas": ("0e098f7e", "9893c99c"),
    "nx_parallel": ("ff6c23e8",),
}
_ROLES: dict[str, tuple[tuple[tuple[str, ...], str], ...]] = {
    "gt4py": (((), "size"),),
    "gt4py_later": (((), "size"),),
    "gt4py_versions": (((), "size"),),
    "bartz": (
        (("cache",), "nchains"),
        (("shard",), "nchains"),
        (("predict",), "nchains"),
        (("cache", "predict"), "nchains"),
        (("kind",), "chains"),
        (("mode", "kind"), "chains"),
        (("machine",), "nchains"),
        (("machine",), "niters"),
        (("machine",), "n_save"),
        (("machine",), "chains"),
    ),
    "blas": (
        (("variant",), "size"),
        (("variant",), "kl"),
        (("kl",), "size"),
        (("machine",), "size"),
        (("machine",), "kl"),
    ),
    "nx_parallel": ((("chunking",), "num_nodes"), (("chunking",), "edge_prob")),
}
CHOICES = [
    Choice(project, by, size, commit)
    for project, roles in _ROLES.items()
    for (by, size), commit in product(roles, (None, *_COMMITS[project]))
]
every_choice = pytest.mark.parametrize("choice", CHOICES, ids=str)


def is_newest(crossover: Crossover, choice: Choice) -> bool:
    """Return whether no newer commit has both backends at one size, in one state."""
    seen: dict[tuple[object, ...], set[str]] = {}
    for figure in of_case(crossover, choice):
        where = (
            figure.date,
            figure.commit,
            figure.environment,
            figure.version,
            figure.parameters[choice.size],
        )
        seen.setdefault(where, set()).add(str(figure.backend(choice)))
    both = [where for where, backends in seen.items() if len(backends) == 2]
    if not both:
        return crossover.commit is None and not crossover.sizes_measured
    return crossover.commit == str(max(both)[1])[:12]


def quotient(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if numerator > 0 and denominator > 0 else None


@every_choice
def test_every_ratio_is_of_two_medians_in_the_files(choice: Choice) -> None:
    for crossover in judge(choice).crossovers:
        pairs = behind(crossover, choice) if crossover.commit else {}
        assert crossover.sizes_measured == list(pairs)
        assert [at.size for at in crossover.ratio_at] == list(pairs)
        for at, (incumbent, challenger) in zip(crossover.ratio_at, pairs.values(), strict=True):
            assert incumbent.median
            assert challenger.median
            assert at.ratio == pytest.approx(challenger.median / incumbent.median, rel=1e-12)
            # The interval that the two stated ones allow; an end that is not above 0 is open.
            ends = (
                quotient(challenger.low, incumbent.high),
                quotient(challenger.high, incumbent.low),
            )
            assert (at.low, at.high) == tuple(end and pytest.approx(end, rel=1e-12) for end in ends)


@every_choice
def test_every_verdict_is_of_one_state_and_that_is_the_newest(choice: Choice) -> None:
    """One commit, environment and version; one machine and file, but where machines are asked for.

    Machines at most two then: a pair.
    """
    for crossover in judge(choice).crossovers:
        assert is_newest(crossover, choice)
        used = [figure for pair in behind(crossover, choice).values() for figure in pair]
        assert crossover.files == sorted({str(figure.file) for figure in used})
        states = {(figure.commit, figure.environment, figure.version) for figure in used}
        assert len(states) <= 1
        assert len(crossover.files) <= (2 if choice.by == ("machine",) else 1)


def ahead(incumbent: Figure, challenger: Figure) -> int:
    """Return 1 where the incumbent wins outside the noise, −1 where the challenger does, else 0."""
    if incumbent.overlaps(challenger):
        return 0
    return 1 if incumbent.high < challenger.low else -1


@every_choice
def test_a_size_at_which_intervals_overlap_is_no_win(choice: Choice) -> None:
    for crossover in judge(choice).crossovers:
        pairs = behind(crossover, choice)
        winners = {size: ahead(*pair) for size, pair in pairs.items()}
        if not any(winners.values()):
            assert crossover.status in ({"tie", "undecided"} if pairs else {"not measured"})
            assert not crossover.crossings
        if crossover.bracket:
            assert [winners[size] for size in crossover.bracket] in ([1, -1], [-1, 1])
            assert crossover.size is not None
            assert crossover.bracket[0] < crossover.size < crossover.bracket[1]
        if crossover.status in {"never", "always"}:
            assert {"never": 1, "always": -1}[crossover.status] in winners.values()
        if crossover.status == "crosses":
            assert [winner for winner in winners.values() if winner][-1] == -1
        if crossover.status == "reverses":
            assert [winner for winner in winners.values() if winner][-1] == 1


@every_choice
def test_every_row_that_was_read_is_used_or_left_out(choice: Choice) -> None:
    """And those used are exactly the figures behind some verdict."""
    result = judge(choice)
    (source,) = result.sources
    assert source.read == source.used + sum(left.rows for left in source.left_out)
    assert all(left.rows > 0 and left.reason for left in source.left_out)
    assert source.files == len({figure.file for figure in figures(choice.project)})
    assert (source.formats, source.unread) == (["asv"], [])
    used = {
        id(figure)
        for crossover in result.crossovers
        for pair in behind(crossover, choice).values()
        for figure in pair
    }
    assert source.used == len(used)
    without_time = sum(
        left.rows for left in source.left_out if left.reason.startswith("without a time")
    )
    assert without_time <= sum(figure.median is None for figure in figures(choice.project))


@every_choice
def test_all_numbers_are_finite_or_absent(choice: Choice) -> None:
    """JSON has neither infinity nor NaN."""
    for crossover in judge(choice).crossovers:
        for at in crossover.ratio_at:
            ends = [end for end in (at.low, at.high) if end is not None]
            assert all(0 < end < inf for end in (at.ratio, *ends))
