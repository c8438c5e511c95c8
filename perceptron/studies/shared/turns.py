"""In which order tasks are measured: groups, some problems at a time, backends side by side."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from perceptron.studies.shared.task import Task

# Problems that are checked and timed before it is asked again for how many more there is time.
_SOME = 8


def groups(tasks: Iterable[Task], shuffle: random.Random) -> Iterator[list[Task]]:
    """Yield the tasks of each process and group, the groups of a process in random order."""
    rounds: dict[int, dict[str, list[Task]]] = {}
    for task in tasks:
        rounds.setdefault(task.process, {}).setdefault(task.group, []).append(task)
    for process in sorted(rounds):
        in_random_order = list(rounds[process].values())
        shuffle.shuffle(in_random_order)
        yield from in_random_order


def some_problems(tasks: list[Task], shuffle: random.Random) -> list[Task]:
    """Return the tasks of some of the problems, drawn at random."""
    names = list(dict.fromkeys(task.problem.reference for task in tasks))
    drawn = set(shuffle.sample(names, min(_SOME, len(names))))
    return [task for task in tasks if task.problem.reference in drawn]


def side_by_side(tasks: Iterable[Task], shuffle: random.Random) -> Iterator[Task]:
    """Yield problems in random order, and each on its backends one after the other.

    A shared machine changes its speed from one second to the next. With turns at each problem the
    log-ratios of 24 rounds spread by 7 to 15 % at four of five sizes, and by 15 to 23 % where each
    backend measured all five before the other did.
    """
    problems: dict[str, list[Task]] = {}
    for task in tasks:
        problems.setdefault(task.problem.reference, []).append(task)
    in_random_order = list(problems.values())
    shuffle.shuffle(in_random_order)
    for members in in_random_order:
        shuffle.shuffle(members)
        yield from members


def by_worker(tasks: Iterable[Task]) -> list[list[Task]]:
    """Return the tasks of each worker."""
    batches: dict[object, list[Task]] = {}
    for task in tasks:
        batches.setdefault(task.worker, []).append(task)
    return list(batches.values())
