"""How crossovers, sizes and processes are spoken of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.problems.families import FAMILIES
from perceptron.questions.crossover.judge import Crossing, Crossover, SizeRatio
from perceptron.questions.crossover.not_measured import missing
from perceptron.questions.crossover.verdict import notes, sentence, verdicts
from perceptron.statistics.over_processes import (
    name_and_processes,
    named,
)
from perceptron.statistics.sizes import joined, size_axis


def crossover(**fields: Any) -> Crossover:
    """A crossover at 200 rows; any field can be given."""
    defaults: dict[str, Any] = {
        "family": "mlp-width",
        "incumbent": "numpy",
        "challenger": "torch-cpu",
        "status": "crosses",
        "machine": "box",
        "dtype": "float32",
        "threads": 2,
        "crossings": [Crossing(200.0, "challenger")],
        "low": 180.0,
        "high": 220.0,
    }
    return Crossover(**(defaults | fields))


def test_verdict_of_functions_is_integer_with_indifferent_sizes() -> None:
    """Of calls the time at 21 is known and not at 20.6; between 20 and 22 either will do."""
    ratios = [SizeRatio(size, 20.6 / size, None, None, 8) for size in (2, 18, 24, 200)]
    of_functions = crossover(
        family="own",
        dtype=None,
        source="perceptron",
        crossings=[Crossing(20.6, "challenger")],
        low=20.3,
        high=20.9,
        bracket=(18, 24),
        sizes_measured=[2, 18, 24, 200],
        decided_ranges=[(2, 18), (24, 200)],
        ratio_at=ratios,
    )
    assert sentence(of_functions) == "torch-cpu overtakes numpy at size 21 [21, 21]"
    assert notes(of_functions) == ("equal within 5%: size 20–21",)
    assert notes(replace(of_functions, bracket=(2, 200))) == ()


def absent(family: str, reason: str) -> Crossover:
    return crossover(family=family, challenger="torch-cuda", status="not measured", reason=reason)


def test_verdict_reason_without_backend_names_pairs() -> None:
    """Of many some, and how many more there are."""
    late = [
        replace(absent("one", "the run ended before its turn"), challenger=f"gpu-{n}")
        for n in range(5)
    ]
    assert missing(late[:1]) == ["numpy and gpu-0: the run ended before its turn"]
    (line,) = missing(late)
    assert (
        line == "numpy and gpu-0, numpy and gpu-1, numpy and gpu-2 and 2 more: "
        "the run ended before its turn"
    )


def test_verdict_at_sign_in_foreign_name_is_no_process_count() -> None:
    """Theirs may be a version."""
    both = [(8, 64), (512, 2048)]
    ratios = at_sizes("iicc", (8, 64, 512, 2048))
    theirs = crossover(
        incumbent="lib@1",
        challenger="lib@2",
        source="csv",
        decided_ranges=both,
        ratio_at=ratios,
    )
    assert sentence(theirs).startswith("lib@2 overtakes lib@1")
    assert "process" not in sentence(theirs)


# By letter: the incumbent or the challenger is faster, a tie, probably one, too wide for that, and
# undecided.
RATIOS = {"i": (2.0, 1.9, 2.1), "c": (0.5, 0.4, 0.6), "t": (1.02, 1.01, 1.03)}
RATIOS |= {"p": (1.02, 0.97, 1.07), "w": (1.02, 0.8, 1.3), "u": (1.5, 0.8, 2.0)}


def at_sizes(letters: str, sizes: Sequence[float]) -> list[SizeRatio]:
    return [
        SizeRatio(size, *RATIOS[letter], 8) for size, letter in zip(sizes, letters, strict=True)
    ]


def crossover_with(status: Any, letters: str = "iiii", **about: Any) -> Crossover:
    sizes = [4.0, 64.0, 1024.0, 16384.0]
    return Crossover(
        family="perceptron-rows",
        incumbent="numpy",
        challenger="torch-cpu",
        status=status,
        sizes_measured=sizes,
        ratio_at=at_sizes(letters, sizes),
        machine="box",
        dtype="float32",
        threads=2,
        **about,
    )


TURN = [Crossing(900.0, "challenger")]


@pytest.mark.parametrize(
    ("crossover", "words"),
    [
        (
            crossover_with("crosses", "iiuu", crossings=TURN, decided_ranges=[(4, 64)]),
            "numpy is faster up to 64 rows; undecided above",
        ),
        (
            crossover_with("crosses", "uucc", crossings=TURN, decided_ranges=[(1024, 16384)]),
            "torch-cpu is faster from 1,024 rows; undecided below",
        ),
        (
            crossover_with("never", "iiui", decided_ranges=[(4, 64), (16384, 16384)]),
            "numpy is faster at 4–64 and 16,384 rows; undecided elsewhere",
        ),
        (
            crossover_with(
                "multiple",
                "iiuu",
                crossings=[*TURN, Crossing(5100.0, "incumbent")],
                decided_ranges=[(4, 64)],
            ),
            "numpy leads at 4–64 rows; undecided elsewhere",
        ),
        (
            crossover_with("never", "iiuu", decided_ranges=[(4, 64)], decided="yes"),
            "numpy is faster up to 64 rows; at worst a tie above",
        ),
        (
            crossover_with("never", "iitt", decided_ranges=[(4, 64), (1024, 16384)], decided="yes"),
            "numpy is faster up to 64 rows; a tie above",
        ),
        (
            crossover_with("never", "iipt", decided_ranges=[(4, 64), (16384, 16384)]),
            "numpy is faster up to 64 rows; probably a tie above",
        ),
        (
            crossover_with("tie", "tttt", decided_ranges=[(4, 16384)], decided="yes"),
            "numpy and torch-cpu tie: within 5%, 4–16,384 rows",
        ),
        (
            crossover_with("tie", "tptt"),
            "probably a tie: estimates within 2%, intervals up to 7.0%, 4–16,384 rows",
        ),
        (
            crossover_with("never", "iiww", decided_ranges=[(4, 64)]),
            "numpy is faster up to 64 rows; undecided above",
        ),
        (
            crossover_with("undecided", "ttuu", decided_ranges=[(4, 64)]),
            "a tie at 4–64 rows; undecided elsewhere",
        ),
    ],
)
def test_verdict_says_faster_only_where_decided(crossover: Crossover, words: str) -> None:
    """What the goldens do not show: a guess on one side, gaps, and what is at worst a tie."""
    assert sentence(crossover) == words


def test_verdict_tells_unsearched_gap_from_undecided_sizes() -> None:
    """Below the one answer that is open, and below a crossover."""
    gap = crossover_with(
        "never", decided_ranges=[(4, 64), (1024, 16384)], undecided_ranges=[(64, 1024)]
    )
    leads = "numpy is faster at 4–64 and 1,024–16,384 rows"
    assert sentence(gap) == f"{leads}; not searched between 64 and 1,024 rows"
    assert not any("undecided" in note for note in notes(gap))
    assert notes(gap)[0].startswith("closest: ")
    long = replace(gap, incumbent="numpy-inplace-of-my-own")
    assert sentence(long).endswith("; undecided elsewhere")
    assert notes(long)[0] == "undecided: not searched between 64 and 1,024 rows"
    assert notes(long)[1].startswith("closest: ")
    loud = crossover_with("never", "iiui", decided_ranges=[(4, 64), (16384, 16384)])
    loud = replace(loud, undecided_ranges=[(64, 16384)])
    assert not any("undecided" in note for note in notes(loud))
    crosses = crossover_with(
        "crosses", "iicc", crossings=TURN, decided_ranges=[(4, 64), (1024, 16384)]
    )
    crosses = replace(
        crosses, undecided_ranges=[(4, 64)], decided_ranges=[(4, 4), (64, 64), (1024, 16384)]
    )
    assert notes(crosses) == ("undecided: not searched between 4 and 64 rows",)


def test_verdict_of_several_pairs_names_backends() -> None:
    """Of one it need not; of processes both are of one backend."""
    none = replace(crossover_with("undecided", "uuuu"), challenger="torch-cuda")
    (alone,) = verdicts([none])
    leads = crossover_with("never", decided_ranges=[(4, 16384)])
    near = replace(leads, challenger="numpy-inplace", status="always")
    over = replace(near, incumbent="torch-ddp@2", challenger="torch-ddp")
    assert alone.sentence == "undecided at every size, 4–16,384 rows"
    two = replace(none, incumbent="torch-ddp", challenger="torch-ddp@2")
    of_three, led, nearly, of_ddp, of_two = verdicts([none, leads, near, over, two])
    everywhere = "at every measured size, 4–16,384 rows"
    assert led.sentence == f"numpy is faster than torch-cpu {everywhere}"
    assert nearly.sentence == f"numpy-inplace is faster than numpy {everywhere}"
    assert of_ddp.sentence == f"torch-ddp: 1 process is faster than 2 processes {everywhere}"
    assert of_three.sentence == f"numpy and torch-cuda: {alone.sentence}"
    assert of_two.sentence == f"torch-ddp: 1 and 2 processes: {alone.sentence}"


def test_verdict_probable_tie_at_end_has_numbers_in_notes() -> None:
    near = crossover_with(
        "never", "iipp", decided_ranges=[(4, 64)], undecided_ranges=[(1024, 16384)]
    )
    assert notes(near) == (
        "probably a tie: estimates within 2%, intervals up to 7.0%, 1,024–16,384 rows",
    )


SIZES = [2.0, 8.0, 64.0, 512.0, 2048.0]


@pytest.mark.parametrize(
    ("axis", "everywhere", "first"),
    [
        ("items", "size, 1–16,384 items", "1 item"),
        ("entries", "size, 1–16,384 entries", "1 entry"),
        ("batches", "size, 1–16,384 batches", "1 batch"),
        ("radius", "radius, 1–16,384", "radius 1"),
        ("n", "n, 1–16,384", "n 1"),
    ],
)
def test_verdict_axis_noun_is_counted_if_plural(axis: str, everywhere: str, first: str) -> None:
    sizes: dict[str, Any] = {"axis": axis, "sizes_measured": [1, 64, 16384]}
    sizes["ratio_at"] = at_sizes("iuu", sizes["sizes_measured"])
    undecided = replace(crossover_with("undecided"), **sizes)
    assert sentence(undecided) == f"undecided at every {everywhere}"
    up_to = sentence(replace(crossover_with("never", decided_ranges=[(1, 1)]), **sizes))
    assert up_to == f"numpy is faster up to {first}; undecided above"


def test_verdict_change_of_winner_with_open_side_is_no_crossover() -> None:
    """What is decided is told, and the crossover below it."""
    guess = crossover(
        sizes_measured=SIZES,
        ratio_at=at_sizes("iiiuu", SIZES),
        decided_ranges=[(2, 64)],
        undecided_ranges=[(512, 2048)],
    )
    assert sentence(guess).startswith("numpy is faster up to width 64")
    assert notes(guess)[0].startswith("leaning: torch-cpu overtakes numpy at width 200 [180, 220]")


ENDS = st.lists(st.integers(1, 2**22), min_size=2, max_size=12, unique=True).map(sorted)


@given(sizes=ENDS, data=st.data())
def test_verdict_fits_a_line_for_usual_names(sizes: list[int], data: st.DataObject) -> None:
    """Whatever is decided, of whatever status; its notes are two at most."""
    pairs = data.draw(st.lists(st.tuples(*[st.sampled_from(sizes)] * 2).map(sorted).map(tuple)))
    status = data.draw(
        st.sampled_from(["crosses", "reverses", "always", "never", "undecided", "tie"])
    )
    winner = {"crosses": "challenger", "reverses": "incumbent"}.get(status)
    letters = "".join(data.draw(st.sampled_from("ictpu")) for _ in sizes)
    made = crossover(
        family="perceptron-features",
        status=status,
        crossings=[Crossing(sizes[0] + 0.5, winner)] if winner else [],
        sizes_measured=[float(size) for size in sizes],
        ratio_at=at_sizes(letters, sizes),
        decided_ranges=joined(pairs),
        undecided_ranges=joined(pairs[::-1]),
        decided=data.draw(st.sampled_from(["yes", "partly", "no"])),
        axis="features",
        reason="launch-bound",
    )
    assert all(len(sentence(made, is_of_several=several)) <= 100 for several in (False, True))
    assert len(notes(made)) <= 2


@pytest.mark.parametrize(
    ("family", "word"),
    [
        ("mlp:*x20x64", "rows"),
        ("mlp:1000x20x*", "hidden width"),
        ("mlp:60000x784x128:10c:*b:adam", "batch"),
        ("mlp:60000x784x128:10c:128b:*m", "models"),
        ("mine", "size"),
        ("sort-rows", "rows"),
        ("image-batch", "size"),
    ],
)
def test_size_axis_is_inferred_from_family(family: str, word: str) -> None:
    assert size_axis(family) == word


@pytest.mark.parametrize(
    "name", [name for name, family in FAMILIES.items() if len(family.axes) == 1]
)
def test_size_axis_is_inferred_for_builtin_families(name: str) -> None:
    """asv's rows and old ones say no more."""
    assert (size_axis(name),) == FAMILIES[name].axes


@pytest.mark.parametrize("name", ["numpy", "lib@2.0", "lib@0", "@2", "lib@123456"])
def test_name_without_process_count_is_one_process(name: str) -> None:
    assert name_and_processes(name) == (name, 1)
    assert named(name) == name
