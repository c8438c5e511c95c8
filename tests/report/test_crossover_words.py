from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.analysis.crossover.judge import NO_ANSWER, Crossing, Crossover, SizeRatio
from perceptron.report.crossover_words import (
    answer,
    doubt_in_short,
    in_short,
    is_measured,
    missing,
    sentence,
    setting,
    status,
)


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
        "size": 200.0,
        "low": 180.0,
        "high": 220.0,
    }
    return Crossover(**(defaults | fields))


def absent(family: str, reason: str) -> Crossover:
    return crossover(family=family, challenger="torch-cuda", status="not measured", reason=reason)


def test_a_reason_names_its_families_unless_it_is_that_of_all() -> None:
    """Each reason once: a GPU that is missing, and a model of one's own that does not move."""
    gpu, still = "torch-cuda: no CUDA device found", "numpy: it stands still"
    crossovers = [absent("one", gpu), absent("two", f"{still}; {gpu}"), absent("two", gpu)]
    assert missing(crossovers) == [gpu, f"{still} (in two)"]


def test_a_reason_that_names_no_backend_names_its_pairs() -> None:
    """Of many some, and how many more there are."""
    late = [
        replace(absent("one", "the run ended before its turn"), challenger=f"gpu-{n}")
        for n in range(5)
    ]
    assert missing(late[:1]) == ["numpy → gpu-0: the run ended before its turn"]
    (line,) = missing(late)
    assert (
        line
        == "numpy → gpu-0, numpy → gpu-1, numpy → gpu-2 and 2 more: the run ended before its turn"
    )


def test_what_was_measured_is_not_missing() -> None:
    assert missing([crossover(reason="not sure between 4 and 16")]) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("crosses", "torch-cpu from 200 [180, 220] up"),
        ("reverses", "torch-cpu first, numpy from 200 [180, 220] up"),
        ("always", "torch-cpu at every size"),
        ("never", "numpy at every size"),
        ("tie", "neither"),
        ("suspect", "not believable"),
        ("not measured", "not measured"),
    ],
)
def test_the_sentence_names_the_faster_one_and_the_size(given: str, words: str) -> None:
    assert sentence(crossover(status=given)) == words


def test_a_doubt_is_shown_with_the_status_and_its_reason() -> None:
    """In the status, whatever the answer; the reason follows the answer in brackets."""
    doubtful = crossover(status="never", unsure=[(4, 16)], reason="not sure between")
    assert status(doubtful) == "never, not sure"
    assert answer(doubtful) == "numpy at every sure size (not sure between)"
    assert status(crossover()) == "crosses, not sure"
    sure = crossover(sure=True)
    assert status(sure) == "crosses"
    assert answer(sure) == in_short(sure) == sentence(sure)
    assert [status(crossover(status=none)) for none in NO_ANSWER] == [*NO_ANSWER]


def test_the_ground_is_shown_as_far_as_it_is_known() -> None:
    assert setting(crossover()) == "box, float32, 2 threads"
    unknown = {"machine": "unknown", "dtype": None, "threads": None}
    assert setting(crossover(**unknown)) == "–"
    assert setting(crossover(**(unknown | {"threads": 8}))) == "8 threads"


def test_processes_are_said_in_words() -> None:
    """Of both sides where they are one backend; the threads are those of all."""
    second = {"incumbent": "torch-ddp", "challenger": "torch-ddp@2", "source": "perceptron"}
    assert sentence(crossover(**second)) == "2 processes (torch-ddp@2) from 200 [180, 220] up"
    assert sentence(crossover(**second, status="never")) == "1 process (torch-ddp) at every size"
    assert setting(crossover(**second)) == "box, float32, 2 threads in all"
    beside = second | {"incumbent": "torch-cpu", "status": "reverses"}
    words = "2 processes (torch-ddp@2) first, torch-cpu from 200 [180, 220] up"
    assert sentence(crossover(**beside)) == words
    changes = [Crossing(10, "challenger"), Crossing(90, "incumbent")]
    several = crossover(**second, status="multiple", crossings=changes, size=None)
    assert sentence(several).startswith("2 processes (torch-ddp@2) from 10")
    assert "; 1 process (torch-ddp) from 90" in sentence(several)


def test_the_name_that_another_tool_gives_is_no_number_of_processes() -> None:
    """Theirs may be a version."""
    theirs = crossover(incumbent="lib@1", challenger="lib@2", source="csv")
    assert sentence(theirs) == "lib@2 from 200 [180, 220] up"
    assert setting(theirs) == "box, float32, 2 threads"


def ratios(*values: float) -> list[SizeRatio]:
    """The challenger's time over the incumbent's at 1, 2, 3 …"""
    return [SizeRatio(size, value, None, None, 2) for size, value in enumerate(values, 1)]


def test_a_size_at_which_the_loser_is_ahead_makes_the_others_the_sure_ones() -> None:
    """Also where nothing is in doubt because nothing is known of a single value's spread."""
    assert sentence(crossover(status="always", ratio_at=ratios(0.5, 1.6))).endswith("sure size")
    assert sentence(crossover(status="never", ratio_at=ratios(0.9, 2.0))).endswith("sure size")
    assert sentence(crossover(status="always", ratio_at=ratios(0.5, 1.02))).endswith("every size")
    assert sentence(crossover(status="never", ratio_at=ratios(0.99, 2.0))).endswith("every size")


def test_what_was_measured_without_a_winner_is_undecided() -> None:
    """In words: its pair is named, and it is not among what was not measured."""
    pair = absent("one", "2 fresh processes are too few")
    undecided = replace(pair, challenger="processes", status="undecided")
    assert answer(undecided) == (
        "undecided between numpy and processes (2 fresh processes are too few)"
    )
    assert status(undecided) == "undecided"
    assert is_measured(undecided)
    assert not is_measured(pair)
    assert missing([undecided, pair]) == ["numpy → torch-cuda: 2 fresh processes are too few"]


@pytest.mark.parametrize(
    ("unsure", "words"),
    [
        ([], "not sure"),
        ([(8, 8)], "not sure at 8"),
        ([(2, 2), (8, 2048)], "not sure at 2 and from 8 to 2,048"),
        ([(8, 8), (8, 64), (64, 64), (512, 2048)], "not sure from 8 to 2,048"),
    ],
)
def test_a_doubt_in_short_joins_what_touches(unsure: list[tuple[float, float]], words: str) -> None:
    sizes = [2.0, 4.0, 8.0, 64.0, 512.0, 2048.0]
    doubtful = crossover(unsure=unsure, sizes_measured=sizes)
    assert doubt_in_short(doubtful) == words
    assert in_short(doubtful) == f"{sentence(doubtful)} ({words})"
