"""After measuring, every page opens on this machine, not on the committed one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.cli import app
from perceptron.machine import machine_name
from tests.made import (
    BENCH,
    LADDER,
    MAP,
    bench_rows,
    everything,
    keep,
    keep_race,
    ladder_rows,
    map_rows,
    race_rows,
)
from tests.report.reading import data


@pytest.mark.parametrize(
    ("name", "last"),
    [
        pytest.param(machine_name(), "2025-01-01T04:00:00Z", id="the host's name, all else newer"),
        pytest.param("mine", "2030-01-01T00:00:00Z", id="another name, which measured last"),
    ],
)
def test_every_page_opens_on_what_this_machine_measured(
    name: str, last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Maps, ladders and races too, of which the other machine's are newer."""
    results = everything(tmp_path / "results")
    at = "2025-01-01T0{}:00:00Z".format
    own: dict[str, Any] = {"machine": name, "folder": name}
    keep(results, MAP, map_rows(), started=at(1), **own)
    keep(results, LADDER, ladder_rows(), started=at(2), **own)
    races = [replace(row, machine=name, when=at(3)) for row in race_rows()]
    keep_race(results, races, started=at(3), **own)
    keep(results, BENCH, bench_rows(), started=last, **own)
    monkeypatch.chdir(tmp_path)
    assert not app(["dashboard"], standalone_mode=False)
    for page in ("sweeps", "map", "ladder", "race"):
        index = data(tmp_path / "html", page)
        place = [switch["label"] for switch in index["switches"]].index("Machine")
        assert index["views"][0]["is"][place] == name, page
