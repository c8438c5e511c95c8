"""Everything that a folder of results holds, judged."""

from __future__ import annotations

from pathlib import Path

from perceptron.analysis.collection import Collection, judge_results
from perceptron.machine import machine_name
from perceptron.records.readers.stored_runs import read_results
from perceptron.records.row import no_search_for_cycles
from perceptron.studies.answering import judges


def collect(results: Path) -> Collection:
    """Read and judge a folder of results; one that is not there holds none. Nothing is raised."""
    with no_search_for_cycles():
        return judge_results(read_results(results), machine_name(), judges())
