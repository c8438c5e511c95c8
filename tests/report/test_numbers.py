from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.analysis.crossover.judge import Crossover
from perceptron.report.charts.palette import stroke, strokes
from perceptron.report.numbers import digits, duration, duration_interval, interval, missing


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.7, "1.70 s"),
        (0.0123, "12.3 ms"),
        (6.2e-6, "6.20 µs"),
        (3e-10, "0.300 ns"),
        (2310.0, "2,310 s"),
    ],
)
def test_durations_have_three_digits_and_a_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.floats(1e-12, 1e12))
def test_digits_are_right_to_half_a_percent(value: float) -> None:
    """Three significant digits, never an exponent."""
    text = digits(value)
    assert "e" not in text
    assert float(text.replace(",", "")) == pytest.approx(value, rel=0.0051)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1.5e-20, "1.5e-20"), (-2e300, "-2e+300"), (5e-324, "4.94e-324")],
)
def test_nobody_has_to_count_zeros(value: float, text: str) -> None:
    assert digits(value) == text


def test_an_interval_has_one_unit() -> None:
    assert duration_interval(0.0123, 0.0119, 0.0131) == "12.3 [11.9, 13.1] ms"
    assert duration_interval(0.0123, None, None) == "12.3 [one value] ms"
    assert interval(400.0, 350.0, None) == "400 [350, …]"


def test_a_reason_names_its_families_unless_it_is_that_of_all() -> None:
    """Once each: a GPU that is not there, and a model of one's own that stands still."""

    def absent(family: str, reason: str) -> Crossover:
        return Crossover(
            family=family,
            incumbent="numpy",
            challenger="torch-cuda",
            status="not measured",
            machine="box",
            dtype="float32",
            threads=2,
            reason=reason,
        )

    gpu, still = "torch-cuda: no CUDA device found", "numpy: it stands still"
    found = [absent("one", gpu), absent("two", f"{still}; {gpu}"), absent("two", gpu)]
    assert missing(found) == [gpu, f"{still} (in two)"]


def test_a_backend_keeps_its_look() -> None:
    """Ours differ from each other; another's follows from its name alone, in every process."""
    ours = [stroke(name) for name in ("numpy", "numpy-published", "torch-cpu", "torch-cuda")]
    assert len({look.colour for look in ours}) == len({look.dash for look in ours}) == 4
    assert stroke("somebody-elses").marker == "^"
    beside = strokes(["another", "numpy", "somebody-elses"])
    assert beside["somebody-elses"] == stroke("somebody-elses")
