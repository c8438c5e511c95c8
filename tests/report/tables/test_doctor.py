from __future__ import annotations

import msgspec

from perceptron.records.environment import Environment
from perceptron.report.tables.doctor import cells
from tests.made import GPU_FACTS, SOUND, diagnosed


def test_clocks_that_were_not_read_are_not_those_of_no_gpu(environment: Environment) -> None:
    unread = msgspec.structs.replace(SOUND, gpus=[])
    with_gpu = msgspec.structs.replace(environment, gpus=GPU_FACTS.gpus)
    without = msgspec.structs.replace(environment, gpus=[])
    assert ("GPU clocks", "–", "unknown") in cells(diagnosed(with_gpu, unread))
    assert ("GPU clocks", "no GPU", "fine") in cells(diagnosed(without, unread))
