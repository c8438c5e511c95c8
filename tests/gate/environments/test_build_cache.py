"""Environments are kept, used by one comparison at a time, and the oldest go."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from perceptron.gate.environments import build_cache
from perceptron.gate.environments.build_cache import Made, Place, drop_oldest
from perceptron.records.files.write import replace

COMMIT = "0123456789abcdef"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


Take = Callable[..., Place]


@pytest.fixture
def take() -> Iterator[Take]:
    """All that a test has taken is given back."""
    with ExitStack() as taken:
        yield lambda *asked, **how: taken.enter_context(closing(build_cache.take(*asked, **how)))


def make(place: Place) -> Place:
    (place.folder / "env").mkdir()
    replace(place.made_file, Made(python=sys.executable, name="py"))
    return place


@pytest.mark.parametrize("broken", ["cut short", "python gone", "written by another version"])
def test_half_an_environment_is_none(take: Take, broken: str) -> None:
    place = make(take("how", COMMIT))
    if broken == "cut short":
        place.made_file.unlink()
    elif broken == "python gone":
        replace(place.made_file, Made(python="/nowhere/python", name="py"))
    else:
        place.made_file.write_text("[]")
    place.close()
    again = take("how", COMMIT)
    assert again.made() is None
    assert not (again.folder / "env").exists()


def test_the_oldest_go_and_what_is_in_use_stays(take: Take) -> None:
    places = [make(take("how", f"{number}" * 12)) for number in range(4)]
    for age, place in enumerate(reversed(places)):
        os.utime(place.made_file, (1000 - age, 1000 - age))
    used, *others = places
    for place in others:
        place.close()
    drop_oldest(most=2)
    assert [place.folder.exists() for place in places] == [True, False, True, True]
    drop_oldest(most=0)
    assert [place.folder.exists() for place in places] == [True, False, False, False]
    used.close()
    assert [path.name for path in build_cache.home().iterdir()] == ["how"]
