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
        BASE + "OTHER: int = -1\nNAMES = {'a': (1, 2)}\nimport os.path\nimport toy._fast as fast\n",
        BASE.replace("import math\n", ""),
        BASE.replace("import math", "import cmath"),
        "import os, sys\nfrom cmath import sin, cos\n" + BASE,
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
        BASE + "_done = LIMIT.update(fast=False)\n",
        BASE + "before = [math.seterr()]\n",
        BASE + "import toy._patch\n",
        BASE + "if True:\n    added = 1\n",
        BASE + "from cmath import abs\n",  # hides what is built in
        BASE.replace("import math\nLIMIT = 1", "LIMIT = 1\nimport math"),
        BASE + "def (:\n",
        None,
    ],
)
def test_what_a_module_does_when_it_is_imported_does_not(head: str | None) -> None:
    assert not shows_in_calls(BASE, head)


@pytest.mark.parametrize(
    ("base", "head"),
    [
        ("a.off()\na.on()\n", "a.on()\na.off()\n"),
        ("a.on()\n", "a.on()\na.on()\n"),
        ("import a\nimport toy._patch\n", "import a\n"),
        ("from a import *\n", ""),
        ("from a import sin\n", "sin = 1\n"),
        ("from a import sin\n", "def sin(): pass\n"),
        ("from a import sin, cos\n", "from b import sin\nfrom a import cos\n"),
        ("try:\n    import a\nexcept ImportError:\n    a = 1\n", "a = 2\n"),
        ("try:\n    a = b()\nfinally: pass\n", "try:\n    a = b()\nfinally: pass\na = 2\n"),
        ("class A:\n    from a import sin\n", "class A: pass\n"),
    ],
)
def test_what_is_done_otherwise_does_not(base: str, head: str) -> None:
    assert not shows_in_calls(base, head)
