"""Group items by a key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from itertools import repeat
from operator import eq
from typing import TypeVar

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Return the items of each key; keys and items keep their order."""
    items = list(items)
    groups: defaultdict[Key, list[Item]] = defaultdict(list)
    for item, value in zip(items, map(key, items), strict=True):
        groups[value].append(item)
    return dict(groups)


def grouped_by(
    items: Iterable[Item], fields: Callable[[Item], Hashable], key: Callable[[Item], Key]
) -> dict[Key, list[Item]]:
    """Return the items of each key, which must depend only on the items' ``fields``.

    The key is computed once for each value of the fields: a million items have a few hundred.
    """
    items = list(items)
    # Usually all items are alike: checking that takes half as long as grouping them.
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
