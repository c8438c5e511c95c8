"""A small results folder of asv: its list of benchmarks, and the results of one commit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BENCHMARKS = {
    "train.Width.time_train": {
        "type": "time",
        "param_names": ["size", "backend"],
        "params": [["2", "8"], ["'numpy'", "'torch-cuda'"]],
        "pretty_name": "width",
    },
    "memory.track_bytes": {"type": "track", "param_names": ["size", "backend"]},
    "train.time_import": {"type": "time", "param_names": []},
    "version": 2,
}
RESULTS = {
    "commit_hash": "0123456789abcdef",
    "env_name": "virtualenv-py3.11",
    "date": 1795000000000,
    "params": {"machine": "box", "num_cpu": None},
    "result_columns": ["result", "params", "version", "started_at", "duration", "stats_q_25"],
    "results": {
        "train.Width.time_train": [
            [2e-5, float("nan"), 3e-5, None],
            [["2", "8"], ["'numpy'", "'torch-cuda'"]],
            "1",
            1795537135833,
            9.0,
            [1.9e-5, None, None, None],
        ],
        "memory.track_bytes": [[1.0], [["2"], ["'numpy'"]]],
        "train.time_import": [[0.1], []],
    },
    "version": 2,
}


def write(folder: Path, benchmarks: dict[str, Any], *results: dict[str, Any]) -> Path:
    (folder / "box").mkdir(parents=True)
    (folder / "benchmarks.json").write_text(json.dumps(benchmarks))
    (folder / "box" / "machine.json").write_text("{}")
    for index, content in enumerate(results):
        (folder / "box" / f"{index}123-env.json").write_text(json.dumps(content))
    return folder
