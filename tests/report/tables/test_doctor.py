from __future__ import annotations

import msgspec

from perceptron.records.conditions import Conditions
from perceptron.records.environment import Environment
from perceptron.report.tables.doctor import cells
from tests.made import SOUND, TIRED, diagnosed


def test_each_verdict_is_that_of_its_condition(environment: Environment) -> None:
    """Every caution marks exactly one row, and what is not known is not called fine."""
    verdicts = {what: verdict for what, _, verdict in cells(diagnosed(environment, TIRED))}
    assert {what for what, verdict in verdicts.items() if verdict == "warning"} == {
        "load, last minute",
        "power",
    }
    assert set(verdicts.values()) == {"warning", "fine"}
    unknown = cells(diagnosed(environment, Conditions(), threads=9))
    verdicts = {what: verdict for what, _, verdict in unknown}
    assert verdicts["threads"] == "warning"
    assert verdicts["equal work, repeated"] == verdicts["frequency governor"] == "not known"


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
    )
    pinned = msgspec.structs.replace(environment, variables={"OPENBLAS_CORETYPE": "Haswell"})
    diagnosis = diagnosed(pinned, ill, threads=9)
    rows = cells(diagnosis)
    assert {verdict for _, _, verdict in rows} == {"warning"}
    assert len({warning.code for warning in diagnosis.warnings}) == len(rows)
