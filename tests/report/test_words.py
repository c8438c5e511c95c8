"""How crossovers, sizes and processes are spoken of."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.analysis.crossover.judge import Crossover, SizeRatio
from perceptron.analysis.crossover.words import (
    doubt_in_short,
    in_short,
    missing,
    sentence,
)
from perceptron.analysis.over_processes import (
    name_and_processes,
    named,
)
from perceptron.analysis.sizes import at_size, size_axis, size_noun
from perceptron.problems.families import FAMILIES


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


def test_the_name_that_another_tool_gives_is_no_number_of_processes() -> None:
    """Theirs may be a version."""
    theirs = crossover(incumbent="lib@1", challenger="lib@2", source="csv")
    assert sentence(theirs) == "lib@2 from 200 [180, 220] up"


def ratios(*values: float) -> list[SizeRatio]:
    """The challenger's time over the incumbent's at 1, 2, 3 …"""
    return [SizeRatio(size, value, None, None, 2) for size, value in enumerate(values, 1)]


def test_a_size_at_which_the_loser_is_ahead_makes_the_others_the_sure_ones() -> None:
    """Also where nothing is in doubt because nothing is known of a single value's spread."""
    assert sentence(crossover(status="always", ratio_at=ratios(0.5, 1.6))).endswith("sure size")
    assert sentence(crossover(status="never", ratio_at=ratios(0.9, 2.0))).endswith("sure size")
    assert sentence(crossover(status="always", ratio_at=ratios(0.5, 1.02))).endswith("every size")
    assert sentence(crossover(status="never", ratio_at=ratios(0.99, 2.0))).endswith("every size")


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


@pytest.mark.parametrize(
    ("family", "word"),
    [
        ("mlp:*x20x64", "rows"),
        ("mlp:1000x*x64", "features"),
        ("mlp:1000x20x*", "hidden width"),
        ("mlp:60000x784x128:10c:*b:adam", "batch"),
        ("mlp:60000x784x128:10c:128b:*m", "models"),
        ("many", "size"),
        ("mine", "size"),
        ("sort-rows", "rows"),
        ("rows", "rows"),
        ("batch-norm", "size"),
        ("image-batch", "size"),
    ],
)
def test_a_family_is_read_where_rows_say_nothing(family: str, word: str) -> None:
    assert size_axis(family) == word


@pytest.mark.parametrize("name", [name for name, own in FAMILIES.items() if len(own.axes) == 1])
def test_every_family_of_ours_is_read_by_its_name(name: str) -> None:
    """asv's rows and old ones say no more."""
    assert (size_axis(name),) == FAMILIES[name].axes


def test_what_rows_say_counts() -> None:
    assert size_axis("mlp-width", "batch") == "batch"


def test_models_are_spoken_of_as_such() -> None:
    assert at_size("3 [2, 4]", "models") == "3 [2, 4] models"
    assert at_size("1", "models") == "1 model"
    assert size_noun("models") == "number of models"


@pytest.mark.parametrize("name", ["numpy", "lib@2.0", "lib@0", "@2", "a@b", "a@²", "lib@123456"])
def test_a_name_without_a_number_of_processes_is_one_process(name: str) -> None:
    assert name_and_processes(name) == (name, 1)
    assert named(name) == name
