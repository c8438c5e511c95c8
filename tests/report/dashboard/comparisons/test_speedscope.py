from __future__ import annotations

from perceptron.report.dashboard.comparisons.profiles import speedscope
from tests.made_comparison import profile


def test_each_revision_is_a_profile_of_the_stacks_that_it_has() -> None:
    """Weights as they were counted, outermost function first, indices into the shared frames."""
    made = speedscope(profile())
    base, head = made["profiles"]
    assert base["samples"] == [[0], [0, 1], [0, 1, 3], [0, 4]]
    assert base["weights"] == [100.0, 500.0, 300.0, 100.0]
    assert (base["startValue"], base["endValue"]) == (0, 1000.0)
    assert head["samples"] == [[0], [0, 1], [0, 1, 2], [0, 4]]
    assert head["endValue"] == 1150.0
    assert {one["type"] for one in (base, head)} == {"sampled"}


def test_frames_have_a_file_where_it_is_known() -> None:
    frames = speedscope(profile())["shared"]["frames"]
    assert frames[1] == {"name": "total", "file": "toy/sums.py", "line": 3}
    assert frames[4] == {"name": "isinstance"}
