"""The differential flame graph of a benchmark: where one call works on BASE and on HEAD."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perceptron.records.profile import Frame, Profile
from perceptron.report.charts.figure import Flame, FlameFigure
from perceptron.report.numbers import large, percent, rough_percent

# Of the whole width: thinner than a pixel on every screen. And as many a browser draws at once.
_THINNEST = 0.0005
_MOST_FLAMES = 1500
# Colours end at the largest growth, but no smaller one is made to look large.
_LEAST_TOP = 0.005
_ROW, _FRAME = 22, 40
_HEIGHTS = 180, 900


@dataclass
class _Node:
    """Counts of a function at one place of the tree, without what it calls, then with it."""

    frame: Frame | None
    parent: int | None
    depth: int
    base: float = 0.0
    head: float = 0.0
    all_base: float = 0.0
    all_head: float = 0.0

    @property
    def width(self) -> float:
        return self.all_base + self.all_head


def flame_figure(profile: Profile) -> FlameFigure | None:
    """Return the stacks of both revisions as one tree; None where nothing was counted.

    A function is as wide as both revisions' counts together, so that one which either lacks is
    seen too.
    """
    nodes = _tree(profile)
    whole = nodes[0].width
    if whole <= 0:
        return None
    shown = _wide_enough(nodes)
    index = {node: place for place, node in enumerate(shown)}
    scale = nodes[0].all_base or nodes[0].all_head
    growths = [(nodes[node].head - nodes[node].base) / scale for node in shown]
    flames = tuple(
        Flame(
            label="one call" if (frame := nodes[node].frame) is None else frame.function,
            parent=None if (parent := nodes[node].parent) is None else index[parent],
            width=nodes[node].width,
            growth=growth,
            text=_text(nodes[node], profile.unit),
        )
        for node, growth in zip(shown, growths, strict=True)
    )
    top = max(_LEAST_TOP, *map(abs, growths))
    depth = 1 + max(nodes[node].depth for node in shown)
    return FlameFigure(
        alt=f"Differential flame graph of one call in {profile.unit}: BASE "
        f"{large(nodes[0].all_base)}, HEAD {large(nodes[0].all_head)}; the table of functions "
        "says the same in numbers",
        caption="Each function stands below the one that calls it, as wide as what both revisions "
        f"count in it and below it ({profile.unit}). {_colour(growths, top)} "
        "Python functions only; compiled ones, where counted, are in the table above."
        + _left_out(profile, len(nodes) - len(shown)),
        height=min(max(_ROW * depth + _FRAME, _HEIGHTS[0]), _HEIGHTS[1]),
        flames=flames,
        most=top,
    )


def _colour(growths: Sequence[float], top: float) -> str:
    if not any(growths):
        return "None of them does more or less itself on HEAD, so all are grey."
    return (
        "Colour: what the function itself does more (orange) or less (blue) on HEAD, up to "
        f"{percent(top)} of all that BASE does."
    )


def _left_out(profile: Profile, thin: int) -> str:
    parts = [f"{thin:,} places too thin to see are left out."] if thin else []
    if profile.left_out:
        parts.append(f"{rough_percent(profile.left_out)} of all is in stacks too small to be kept.")
    return "".join(f" {part}" for part in parts)


def _tree(profile: Profile) -> list[_Node]:
    """Return the root and below it every function at every place, each after its parent."""
    nodes = [_Node(None, None, 0)]
    known: dict[tuple[int, int], int] = {}
    for stack, base, head in zip(profile.stacks, profile.base, profile.head, strict=True):
        at = 0
        for frame in stack:
            if (at, frame) not in known:
                known[at, frame] = len(nodes)
                nodes.append(_Node(profile.frames[frame], at, nodes[at].depth + 1))
            at = known[at, frame]
        nodes[at].base += base
        nodes[at].head += head
    for node in reversed(nodes):
        node.all_base += node.base
        node.all_head += node.head
        if node.parent is not None:
            nodes[node.parent].all_base += node.all_base
            nodes[node.parent].all_head += node.all_head
    return nodes


def _wide_enough(nodes: list[_Node]) -> list[int]:
    """Return the indices of the nodes to draw, in their order: a child is no wider than its parent.

    The widest are drawn where there are too many, and of equally wide ones the first.
    """
    least = _THINNEST * nodes[0].width
    wide = [index for index, node in enumerate(nodes) if node.width >= least]
    widest = sorted(wide, key=lambda index: (-nodes[index].width, index))[:_MOST_FLAMES]
    return sorted(widest)


def _text(node: _Node, unit: str) -> str:
    frame = node.frame
    lines = ["one call of the benchmark"] if frame is None else [frame.function]
    if frame is not None and frame.file is not None:
        lines.append(frame.file if frame.line is None else f"{frame.file}:{frame.line}")
    lines.append(f"with what it calls: {_change(node.all_base, node.all_head, unit)}")
    if frame is not None:
        lines.append(f"itself: {_change(node.base, node.head, unit)}")
    return "\n".join(lines)


def _change(base: float, head: float, unit: str) -> str:
    share = f" ({percent(head / base - 1, sign=True)})" if base > 0 else ""
    return f"{large(base)} → {large(head)} {unit}{share if base != head else ''}"
