"""What a comment shows first, and what it leaves out where there is no room for all."""

from __future__ import annotations

from perceptron.report.pull_request.comment import MOST_BYTES, comment
from tests.made_comparison import broken, comparison, growth, moved, row, slower, work


def test_folded_rows_go_first_where_there_is_no_room_and_are_counted() -> None:
    """Below the bound with any number of rows, the changed ones all there."""
    same = [
        row(
            benchmark=f"same.time_{number}",
            reason="x" * 200,
            not_counted=f"{'y' * number}",
            work=work(0.007),
            stands_on="both",
        )
        for number in range(2000)
    ]
    text = comment(
        comparison(*same, *(slower(benchmark=f"slow.t{number}") for number in range(50)))
    )
    assert len(text.encode()) < MOST_BYTES
    assert text.count("`slow.t") == 50
    shown = text.count("| `same.time_")
    assert 0 < shown < 2000
    assert f"{2000 - shown:,} more benchmarks left out for want of room." in text


def test_many_changes_are_counted_too() -> None:
    text = comment(
        comparison(*(slower(benchmark="€" * 150 + str(number)) for number in range(999)))
    )
    assert len(text.encode()) < MOST_BYTES
    assert f"{999 - text.count('| `€')} more benchmarks left out for want of room." in text


def test_what_matters_most_comes_first_and_is_left_out_last() -> None:
    """What fails, what became slower, crossovers, improvements: whatever the size of a change."""
    rows = [
        row(benchmark=f"fast.t{number}", verdict="improvement", change=-0.9, reason="less work")
        for number in range(999)
    ]
    rows += [slower(), broken(benchmark="bad.time_it")]
    text = comment(comparison(*rows, moved_crossovers=[moved()]))
    places = [
        text.index(words)
        for words in (
            "**Fails on HEAD, or works again**",
            "- `bad.time_it(10, 'numpy')`",
            "| `sums.time_sum(10, 'numpy')` | regression |",
            "- `mlp-width`",
            "**Improvements**",
            "| `fast.t0(10, 'numpy')` | improvement |",
            "more benchmarks left out for want of room.",
        )
    ]
    assert places == sorted(places)
    assert "| time | `less work` |" in text


def test_a_benchmark_is_explained_whole_or_not_at_all() -> None:
    """And it is said of how many benchmarks the explanation is left out, not how many lines."""
    long = [growth(function="f" * 200 + str(number)) for number in range(5)]
    text = comment(comparison(*(slower(benchmark=f"s{n}", params=[], why=long) for n in range(99))))
    _, folded = text.split("<details>")
    assert "<summary>functions of 99 changed benchmarks</summary>" in folded
    shown = folded.count("\n- `s")
    assert 0 < shown < 99
    assert folded.count("\n  - ") == 5 * shown
    assert f"{99 - shown} more benchmarks left out for want of room." in folded
