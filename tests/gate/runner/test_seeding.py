"""Two processes of one seed draw alike, however they draw."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from perceptron.gate.runner import seeding

DRAWS = """
import json, random, sys
sys.path.insert(0, {folder!r})
from runner import seeding
{seeds}
first = [random.random()]
import numpy as np
first += [float(np.random.rand()), float(np.random.default_rng().random())]
first += [float(np.random.RandomState().rand())]
{again}
print(json.dumps([first, [random.random(), float(np.random.rand())]]))
"""


def said(script: str) -> str:
    folder = str(Path(seeding.__file__).parents[1])
    command = [sys.executable, "-c", script.format(folder=folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def draw(seed: int | None) -> list[list[float]]:
    seeds = "" if seed is None else f"own = seeding.Seeding({seed}); own.install()"
    again = "" if seed is None else "own.seed_all()"
    script = DRAWS.replace("{seeds}", seeds).replace("{again}", again)
    result: list[list[float]] = json.loads(said(script))
    return result


def test_equal_seeds_draw_equal_numbers_and_others_do_not() -> None:
    """At import, from generators that ask the system for a seed too, and again on demand."""
    one, other = draw(1), draw(2)
    assert one == draw(1)
    for mine, theirs in zip(one[0] + one[1], other[0] + other[1], strict=True):
        assert mine != theirs
    assert one[1] == one[0][:2], "a benchmark draws the same, whatever ran before it"
