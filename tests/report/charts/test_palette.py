from __future__ import annotations

from perceptron.backends import registry
from perceptron.report.charts import palette


def drawn(look: palette.Stroke) -> palette.Stroke:
    """Without its place among others."""
    return look._replace(token="")


def test_palette_stroke_per_backend_is_unique() -> None:
    """And those that the palette knows a colour of their own, on light paper and on dark."""
    for colours in zip(
        *((look.colour, look.dark) for look in palette._KNOWN.values()), strict=True
    ):
        assert len(set(colours)) == len(colours)
    strokes = palette.strokes(registry.BUILT_IN)
    assert set(strokes) == set(registry.BUILT_IN)
    assert len(set(map(drawn, strokes.values()))) == len(strokes)


def test_palette_stroke_follows_from_name() -> None:
    """Ours differ from each other; another's follows from its name alone, in every process."""
    ours = [
        palette.stroke(name) for name in ("numpy", "numpy-published", "torch-cpu", "torch-cuda")
    ]
    assert len({look.colour for look in ours}) == len({look.dash for look in ours}) == 4
    assert palette.stroke("somebody-elses").marker == "^"
    beside = palette.strokes(["another", "numpy", "somebody-elses"])
    assert drawn(beside["somebody-elses"]) == drawn(palette.stroke("somebody-elses"))


COUNTS = (2, 3, 4, 6, 7, 8, 9, 12, 16, 32, 64, 128)


def test_palette_stroke_per_process_count_is_unique() -> None:
    """None is that of another backend, and what is filled with its colour differs by doublings."""
    over = [f"torch-ddp@{count}" for count in COUNTS]
    strokes = palette.strokes([*registry.BUILT_IN, *over])
    assert len(set(map(drawn, strokes.values()))) == len(strokes)
    doubled = ["torch-ddp", *(f"torch-ddp@{2**power}" for power in range(1, 7))]
    assert len({strokes[name].colour for name in doubled}) == len(doubled)
    assert len({strokes[name].dark for name in doubled}) == len(doubled)
    for name in over:
        assert drawn(palette.stroke(name)) == drawn(strokes[name])
        assert strokes[name].dash != strokes["torch-ddp"].dash
