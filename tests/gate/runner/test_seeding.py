"""Two processes of one seed draw alike, however they draw."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from perceptron.gate.runner import seeding

DRAWS = """
import json, random, sys
sys.path.insert(0, sys.argv[1])
from runner import seeding
own = seeding.Seeding(int(sys.argv[2]))
own.install()
first = [random.random()]
import numpy as np
first += [float(np.random.rand()), float(np.random.default_rng().random())]
first += [float(np.random.RandomState().rand())]
own.seed_all()
print(json.dumps([first, [random.random(), float(np.random.rand())]]))
"""


def draw(seed: int) -> list[list[float]]:
    command = [sys.executable, "-c", DRAWS, str(Path(seeding.__file__).parents[1]), str(seed)]
    drawn = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    result: list[list[float]] = json.loads(drawn)
    return result


def test_equal_seeds_draw_equal_numbers_and_others_do_not() -> None:
    """At import, from generators that ask the system for a seed too, and again on demand."""
    one, other = draw(1), draw(2)
    assert one == draw(1)
    assert set(one[0]).isdisjoint(other[0])
    assert one[1] == one[0][:2], "a benchmark draws the same, whatever ran before it"
