from __future__ import annotations

from typing import Any

import msgspec

from perceptron.records.conditions import Conditions, Neighbour
from perceptron.records.environment import Environment
from perceptron.report.tables.doctor import cells
from tests.made import GPU_FACTS, SOUND, TIRED, diagnosed

BUSY: dict[str, Any] = {
    "neighbours": [Neighbour(name="chromium", pid=1234, share=0.93)],
    "other_cores": 1.1,
    "threads_waited": 0.3,
}
CALM: dict[str, Any] = {"neighbours": [], "other_cores": 0.02, "threads_waited": 0.001}


def test_each_verdict_is_that_of_its_condition(environment: Environment) -> None:
    """Every caution marks exactly one row, and what is not known is not called fine."""
    looked = msgspec.structs.replace(TIRED, **BUSY)
    verdicts = {what: verdict for what, _, verdict in cells(diagnosed(environment, looked))}
    assert {what for what, verdict in verdicts.items() if verdict == "warning"} == {
        "other processes",
        "threads waited",
        "power",
    }
    assert set(verdicts.values()) == {"warning", "fine"}
    unknown = cells(diagnosed(environment, Conditions(), threads=9))
    verdicts = {what: verdict for what, _, verdict in unknown}
    assert verdicts["threads"] == "warning"
    assert verdicts["equal work, repeated"] == verdicts["frequency governor"] == "not known"
    assert verdicts["other processes"] == verdicts["threads waited"] == "not known"


def test_neighbours_are_named_with_pid_and_share(environment: Environment) -> None:
    """And what all others used together; a quiet machine has nobody to name."""
    for seen, expected, verdict in (
        (BUSY, "chromium (pid 1234): 0.93 of a core, 1.10 cores in all", "warning"),
        (CALM, "0.02 cores in all", "fine"),
    ):
        rows = cells(diagnosed(environment, msgspec.structs.replace(SOUND, **seen)))
        assert ("other processes", expected, verdict) in rows
        waited = f"{100 * seen['threads_waited']:.1f} % of two seconds"
        assert ("threads waited", waited, verdict) in rows


def test_every_caution_has_its_row(environment: Environment) -> None:
    """A warning about something that the table does not show would come from nowhere."""
    slow = msgspec.structs.replace(SOUND.gpus[0], slowed_by=["heat"])
    ill = msgspec.structs.replace(
        TIRED,
        governors=["powersave"],
        quota_cores=0.5,
        loop=msgspec.structs.replace(SOUND.loop, variation=0.5),
        steal_share=0.5,
        swapped_bytes=2**30,
        clock_tick_seconds=0.01,
        gpus=[slow],
        **BUSY,
    )
    pinned = msgspec.structs.replace(environment, variables={"OPENBLAS_CORETYPE": "Haswell"})
    diagnosis = diagnosed(pinned, ill, threads=9)
    rows = cells(diagnosis)
    # The load is of the last minute; who uses the cores now is the better fact.
    fine = {what for what, _, verdict in rows if verdict != "warning"}
    assert fine == {"load, last minute"}
    # Two rows are about one thing: who uses the cores, and how long threads waited for them.
    assert len({warning.code for warning in diagnosis.warnings}) == len(rows) - 2


def test_a_locked_clock_is_shown(environment: Environment) -> None:
    """It is no fault, and explains a clock below the highest."""
    locked = msgspec.structs.replace(SOUND.gpus[0], locked=True)
    rows = cells(diagnosed(environment, msgspec.structs.replace(SOUND, gpus=[locked])))
    assert ("GPU clocks", "Slide Rule: 300 of 2,000 MHz, idle, locked", "fine") in rows


def test_clocks_that_were_not_read_are_not_those_of_no_gpu(environment: Environment) -> None:
    unread = msgspec.structs.replace(SOUND, gpus=[])
    with_gpu = msgspec.structs.replace(environment, gpus=GPU_FACTS.gpus)
    without = msgspec.structs.replace(environment, gpus=[])
    assert ("GPU clocks", "–", "not known") in cells(diagnosed(with_gpu, unread))
    assert ("GPU clocks", "no GPU", "fine") in cells(diagnosed(without, unread))
