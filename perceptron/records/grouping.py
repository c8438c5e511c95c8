"""Items by what they have in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from itertools import repeat
from operator import eq
from typing import TypeVar

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Return the items by their key; keys and items stand in the order in which they come."""
    items = list(items)
    groups: defaultdict[Key, list[Item]] = defaultdict(list)
    for item, value in zip(items, map(key, items), strict=True):
        groups[value].append(item)
    return dict(groups)


def grouped_by(
    items: Iterable[Item], fields: Callable[[Item], Hashable], key: Callable[[Item], Key]
) -> dict[Key, list[Item]]:
    """Return the items by their key, which depends on these of their fields and on nothing else.

    Of a million items the fields have a few hundred values: the key is made once for each.
    """
    items = list(items)
    # Where all are alike, as most often, looking through them takes half as long as sharing out.
    if (
        items
        and fields(items[0]) == fields(items[-1])
        and all(map(eq, map(fields, items), repeat(fields(items[0]))))
    ):
        return {key(items[0]): items}
    groups: dict[Key, list[Item]] = {}
    group_of: dict[Hashable, list[Item]] = {}
    for item, values in zip(items, map(fields, items), strict=True):
        group = group_of.get(values)
        if group is None:
            group = group_of[values] = groups.setdefault(key(item), [])
        group.append(item)
    return groups
