from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.records.conditions import Conditions, GpuState, Steadiness
from perceptron.records.environment import Environment
from perceptron.records.warning import MeasurementWarning
from perceptron.statistics.trust import warnings_about
from tests.made import SOUND

LITTLE = 1e-9
FAST = "performance"


def warnings_for(
    environment: Environment, threads: int = 2, **changed: object
) -> list[MeasurementWarning]:
    return warnings_about(environment, threads, replace(SOUND, **changed))


def loop(variation: float, ratio: float) -> Steadiness:
    return Steadiness(seconds=[0.01] * 10, variation=variation, slowest_to_fastest=ratio)


def gpu(clock: int, *slowed_by: str, idle: bool = False) -> list[GpuState]:
    return [
        GpuState(
            name="Slide Rule", sm_mhz=clock, max_sm_mhz=2000, idle=idle, slowed_by=[*slowed_by]
        )
    ]


SHARED, SOLE = ([GpuState(name="Sole", exclusive=exclusive)] for exclusive in (False, True))


def test_trust_warns_about_pinned_blas(environment: Environment) -> None:
    """Numbers of a slowed NumPy must not pass for the machine's."""
    pinned = replace(environment, variables={"OPENBLAS_CORETYPE": "Haswell"})
    (warning,) = warnings_about(pinned, threads=2)
    assert "OPENBLAS_CORETYPE=Haswell" in warning.message
    assert warning.advice == "run again with env -u OPENBLAS_CORETYPE"


def test_trust_unknown_conditions_do_not_warn(environment: Environment) -> None:
    assert warnings_about(environment, 2, Conditions()) == []


@pytest.mark.parametrize(
    ("code", "field", "below", "beyond", "text"),
    [
        ("cpu-quota", "quota_cores", 2.0, 1.5, "limits CPU time to 1.5 cores"),
        ("other-load", "load", 0.5, 0.5 + LITTLE, "a load of 0.50"),
        ("stolen-cpu", "steal_share", 0.02, 0.02 + LITTLE, "took 2.0% of the CPU time"),
        ("unsteady-cpu", "loop", loop(0.05, 1.25), loop(0.05 + LITTLE, 1.0), "spread 5.0%"),
        ("unsteady-cpu", "loop", loop(0.05, 1.25), loop(0.0, 1.6), "slowest 1.60 times the"),
        ("swapping", "swapped_bytes", 2**20, 3 * 2**20, "3.0 MiB moved"),
        ("swapping", "swap_used_bytes", int(0.1 * 2**34), 2**33, "8.0 GiB are swapped out"),
        ("gpu-slowed", "gpus", gpu(1900), gpu(1899), "1,899 of 2,000 MHz"),
        ("gpu-exclusive", "gpus", SHARED, SOLE, "Sole is in an exclusive compute mode"),
        ("gpu-slowed", "gpus", gpu(200, idle=True), gpu(2000, "heat"), "by heat"),
        ("on-battery", "on_battery", False, True, "battery"),
        ("frequency-governor", "governors", [FAST], [FAST, "powersave"], "governor powersave"),
        ("coarse-clock", "clock_tick_seconds", 5e-6, 1e-5, "steps of 10 µs"),
        ("coarse-clock", "clock_resolution_seconds", 5e-6, 0.0156, "steps of 1.56e+04 µs"),
    ],
)
def test_trust_warns_beyond_threshold_only(
    environment: Environment, code: str, field: str, below: object, beyond: object, text: str
) -> None:
    """Alone, with its number and with something to do."""
    assert warnings_for(environment, **{field: below}) == []
    (warning,) = warnings_for(environment, **{field: beyond})
    assert warning.code == code
    assert text in warning.message
    assert warning.advice


def test_cores_left_over_may_be_busy(environment: Environment) -> None:
    """A load is only in the way of threads that have no other core to go to."""
    roomy = replace(environment, cores=8)
    assert warnings_for(roomy, threads=2, load=6.5, quota_cores=None) == []
    (warning,) = warnings_for(roomy, threads=8, load=6.5, quota_cores=None)
    assert warning.code == "other-load"


def test_trust_warns_about_oversubscription_beside_load(environment: Environment) -> None:
    """Threads that share a core wait for each other; cores that there are not take no load."""
    threads, load = warnings_for(environment, threads=9, load=1.0, quota_cores=None)
    assert (threads.code, load.code) == ("too-many-threads", "other-load")
    assert "9 threads share 2 cores" in threads.message


def test_advice_on_a_quota_is_a_number_of_threads_that_it_grants(environment: Environment) -> None:
    """Or, where that would be none, that the container needs more."""
    (some,) = warnings_for(environment, quota_cores=1.5)
    assert some.advice.startswith("use --threads 1 or fewer")
    (none,) = warnings_for(environment, quota_cores=0.5)
    assert "--threads" not in none.advice


def test_trust_warns_about_each_gpu_by_name(environment: Environment) -> None:
    """Of two, the one that is cool is left alone; an unknown clock gives no warning."""
    hot = GpuState(name="Abacus", slowed_by=["heat", "power cap"])
    (warning,) = warnings_for(environment, gpus=[*gpu(2000), hot, GpuState(name="Silent")])
    assert warning.message == "Abacus runs at an unknown clock, lowered by heat, power cap"
