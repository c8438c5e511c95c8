from __future__ import annotations

from pathlib import Path

from msgspec import json
from msgspec.structs import replace

from perceptron.analysis.stored.collection import collect
from perceptron.records.environment import Gpu
from perceptron.report.dashboard.machines import machines
from perceptron.report.tables.doctor import cells
from tests.made import FACTS, LADDER, SOUND, diagnosed, keep, ladder_rows


def test_a_gpu_has_its_driver_memory_and_versions(tmp_path: Path) -> None:
    facts = replace(
        FACTS,
        gpus=[Gpu(name="Slide Rule", driver="575.1", memory_bytes=80 * 2**30), Gpu(name="Abacus")],
        libraries={"torch": "2.11", "cuda": "13.0"},
    )
    keep(tmp_path, LADDER, ladder_rows(), facts=facts)
    shown = dict(machines(collect(tmp_path))["facts"])
    assert shown["GPU"] == ["Slide Rule, driver 575.1, 80.0 GiB memory; Abacus, driver not known"]
    assert shown["libraries"] == ["torch 2.11, cuda 13.0"]


def test_a_load_has_the_verdict_that_the_doctor_gives_it(tmp_path: Path) -> None:
    busy = replace(SOUND, load=13.06, neighbours=[], other_cores=1.9)
    run = keep(tmp_path, LADDER, ladder_rows())
    (run / "conditions.json").write_bytes(json.encode(busy))
    shown = machines(collect(tmp_path))
    assert dict(shown["checks"])["load, last minute"] == [("13.06 processes", "warning")]
    diagnosis = diagnosed(FACTS, busy)
    assert ("load, last minute", "13.06 processes", "warning") in cells(diagnosis)
    assert shown["warnings"][0][1] == diagnosis.warnings
    over = diagnosed(FACTS, replace(busy, other_cores=0.01))
    assert ("load, last minute", "13.06 processes, over: the cores are idle", "fine") in cells(over)


def test_no_gpu_is_none(tmp_path: Path) -> None:
    keep(tmp_path, LADDER, ladder_rows())
    assert dict(machines(collect(tmp_path))["facts"])["GPU"] == ["none"]
