"""Two machines that claim one name get two, and each the same one whenever it comes."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.records.environment import Gpu, facts_of
from perceptron.studies.fleet.collect import name_by_facts
from tests.made import BENCH, FACTS, bench_rows, keep

OTHERS = {
    "cpu": replace(FACTS, cpu="Abacus 5000"),
    "architecture": replace(FACTS, architecture="aarch64"),
    "cores": replace(FACTS, cores=4),
    "memory": replace(FACTS, memory_bytes=2 * FACTS.memory_bytes),
    "gpus": replace(FACTS, gpus=[Gpu(name="Slide Rule")]),
}
SAME = {
    "python": replace(FACTS, python="CPython 3.13"),
    "libraries": replace(FACTS, libraries={"numpy": "3.0"}),
    "pools": replace(FACTS, pools=[]),
    "variables": replace(FACTS, variables={"OMP_NUM_THREADS": "1"}),
    "a kernel's memory": replace(FACTS, memory_bytes=FACTS.memory_bytes - 2**26),
    "driver": replace(FACTS, gpus=[]),
}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """One run of a machine called box."""
    keep(tmp_path, BENCH, bench_rows())
    return tmp_path / "runs"


def test_a_name_that_nobody_has_is_free(runs: Path) -> None:
    assert name_by_facts(runs, "other", facts_of(FACTS)) == "other"
    (runs / "empty").mkdir()
    assert name_by_facts(runs, "empty", facts_of(FACTS)) == "empty"


def test_other_hardware_is_another_machine_and_other_software_is_not(runs: Path) -> None:
    for what, same in SAME.items():
        assert name_by_facts(runs, "box", facts_of(same)) == "box", what
    for what, other in OTHERS.items():
        facts = facts_of(other)
        assert name_by_facts(runs, "box", facts) == f"box-{facts.digest}", what
        assert len(facts.digest) == 6


def test_it_is_found_again_under_its_second_name(runs: Path) -> None:
    """Though its memory is not the same to the byte: the name has the first time's digest."""
    other = OTHERS["cpu"]
    name = name_by_facts(runs, "box", facts_of(other))
    keep(runs.parent, BENCH, bench_rows(), folder=name, machine=name, facts=other)
    later = replace(other, memory_bytes=other.memory_bytes - 4096)
    assert facts_of(later).digest != facts_of(other).digest
    assert name_by_facts(runs, "box", facts_of(later)) == name
