from __future__ import annotations

from itertools import product

from perceptron.analysis.phase_map.phase_map import MapCell, sentence

AXES = ("rows", "width")
SIZES = (4, 16, 64, 256)


def cell(x: int, y: int, winner: str | None, decided: bool = True) -> MapCell:
    nothing = dict.fromkeys(("fastest", "second", "ratio", "low", "high"))
    return MapCell(x=x, y=y, winner=winner, measured=True, decided=decided, **nothing)


def say(cells: list[MapCell]) -> str:
    names = [one.answer for one in cells]
    shares = {name: names.count(name) / len(names) for name in dict.fromkeys(names)}
    return sentence(shares, cells, AXES)


def test_a_rule_names_the_size_that_decides() -> None:
    """Halfway, in logarithms, between the sizes on both sides."""
    by_width = [cell(x, y, "a" if y < 64 else "b") for x, y in product(SIZES, SIZES)]
    assert say(by_width) == "a wins 50% of the map, b 50%; b from width ≈ 32"
    by_product = [cell(x, y, "a" if x * y < 1024 else "b") for x, y in product(SIZES, SIZES)]
    assert "b from rows × width ≈ 510" in say(by_product)


def test_without_a_rule_there_are_only_shares() -> None:
    """More than 2% wrong is no rule; ties and cells without a time are counted."""
    chequered = [
        cell(x, y, "a" if (i + j) % 2 else "b")
        for (i, x), (j, y) in product(enumerate(SIZES), enumerate(SIZES))
    ]
    assert say(chequered) == "b wins 50% of the map, a 50%"
    cells = [cell(4, 4, "a"), cell(4, 16, "tie"), cell(16, 4, None), cell(16, 16, "a")]
    assert say(cells) == "a wins 50% of the map, tie 25%, no time 25%"


def test_a_rule_is_not_read_off_undecided_cells() -> None:
    """It is stated while less is undecided than its winner has."""

    def told(undecided: int) -> str:
        return say(
            [cell(x, 4, "a" if x < 60 else "b", not 60 <= x < 60 + undecided) for x in range(100)]
        )

    assert told(10).endswith("undecided 10%; b from rows ≈ 64")
    assert told(25).endswith("undecided 25%")


def test_a_map_that_is_all_alike_names_no_share() -> None:
    for name in ("tie", "undecided", "unknown"):
        assert "%" not in sentence({name: 1.0}, [], AXES).replace("within 5%", "")


def test_many_winners_have_room_in_a_line() -> None:
    """The first by name, the others by their number."""
    shares = {f"torch-cuda-persistent-{letter}": 0.1 for letter in "abcdefghij"}
    told = sentence(shares, [], AXES)
    assert len(told) <= 100
    assert told.endswith("8 others 80%")


def test_a_small_share_is_not_zero() -> None:
    cells = [cell(x, y, "a") for x, y in product(range(1, 21), range(1, 21))]
    cells[0] = cell(1, 1, "tie")
    assert "tie under 1%" in say(cells)
