from __future__ import annotations

from perceptron.backends import registry
from perceptron.report.charts import palette


def test_every_registered_backend_has_a_stroke_of_its_own() -> None:
    """The palette cannot ask the registry: pages are built without backends."""
    assert set(palette._KNOWN) == set(registry.BUILT_IN)


def test_no_two_backends_look_alike() -> None:
    looks = [palette.stroke(name) for name in registry.BUILT_IN]
    assert len(set(looks)) == len(looks)
    assert len({look.colour for look in looks}) == len(looks)
    assert len({look.dark for look in looks}) == len(looks)


def test_an_unknown_backend_has_the_same_stroke_in_every_process() -> None:
    """It follows from the name by a digest, not by Python's hash, which differs in each."""
    assert palette.stroke("theirs") is palette._OTHERS[5]
