"""Items by what they have in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Return the items by their key; keys and items stand in the order in which they come."""
    items = list(items)
    groups: defaultdict[Key, list[Item]] = defaultdict(list)
    for item, own in zip(items, map(key, items), strict=True):
        groups[own].append(item)
    return dict(groups)
