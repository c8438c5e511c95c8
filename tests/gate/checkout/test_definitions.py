"""Which changes of a module show to whoever sees which functions are called, and which do not."""

from __future__ import annotations

import pytest

from perceptron.gate.checkout.definitions import shows_in_calls

BASE = '''
"""Words."""
import math
LIMIT = 1

@property
def decorated(): pass

def area(radius, scale=1):
    return math.pi * radius**2

class Shape:
    """More words."""
    sides = 4
    def grow(self): return 1
'''


@pytest.mark.parametrize(
    "head",
    [
        BASE.replace("radius**2", "radius * radius"),
        BASE.replace("scale=1", "scale=2"),
        BASE.replace("return 1", "return 2"),
        BASE.replace("Words", "Other words") + "# a comment\n",
        BASE + "import os\nfrom cmath import phase as angle\n",
        BASE + "TABLE = [1, 2]\ndef added(): pass\nclass Added(Shape):\n    sides = 5\n",
        BASE + "    def added(self): return 2\n",
    ],
)
def test_bodies_of_functions_and_new_names_show_in_calls(head: str) -> None:
    assert shows_in_calls(BASE, head)


@pytest.mark.parametrize(
    "head",
    [
        BASE.replace("LIMIT = 1", "LIMIT = 2"),
        BASE.replace("import math", "from fast import math"),
        BASE.replace("@property", "@staticmethod"),
        BASE.replace("@property\n", ""),
        BASE.replace("class Shape", "class Shape(dict)"),
        BASE.replace("sides = 4", "sides = 5"),
        BASE.replace("    def grow(self): return 1\n", ""),
        BASE + "    corners = 4\n",  # may hide a base class's
        BASE + "LIMIT = 2\n",
        BASE + "import fast as math\n",
        BASE + "from fast import *\n",
        BASE + "Shape.grow = area\n",
        BASE + "def area(radius): return 1\n",
        BASE + "class Added:\n    print(LIMIT)\n",
        BASE + "import numba\n",
        BASE + "def (:\n",
        None,
    ],
)
def test_what_a_module_does_when_it_is_imported_does_not(head: str | None) -> None:
    assert not shows_in_calls(BASE, head)


def test_a_new_module_shows_when_it_is_used() -> None:
    assert shows_in_calls(None, BASE)
