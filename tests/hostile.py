"""Results as somebody who means harm, or whose disk is broken, may have written them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from perceptron.records.environment import Environment, Gpu, ThreadPool
from perceptron.records.measurement import Measurement
from perceptron.records.race import RaceRow
from tests.made import (
    BENCH,
    LADDER,
    MAP,
    RACE,
    bench_rows,
    keep,
    keep_race,
    ladder_rows,
    map_rows,
    race_rows,
)
from tests.plenty import plenty

LONG = "n" * 10_000
NAMES = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    "\"'><svg onload=alert(3)>",
    "javascript:alert(4)",
    "{{ 7 * 7 }}{% raw %}${alert(5)}<b>$x^2$</b><a href='javascript:alert(6)'>x</a>",
    "line\u2028line\u2029\x00\x1b[2J\r\n\x7f line",
    "\u202egpj.exe\u2066\u200f\ufeff \U0001f4a9 \u4e2d\u6587 e\u0301",
    "__proto__",
    "constructor",
    "",
    " ",
    LONG,
    f"{LONG}!",
)


def hostile(results: Path) -> Path:
    """A machine of ours and one of asv's for each name, which stands wherever a name can."""
    for index, name in enumerate(NAMES):
        _ours(results, index, name)
    _asvs(results / "asv")
    for index, broken in enumerate(_BROKEN):
        folder = results / "runs" / "broken" / str(index)
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(broken)
        (folder / "measurements.jsonl").write_text(f"{broken}\n")
        (results / "asv" / "box-00" / f"{index}-broken.json").write_text(broken)
    return results


_BROKEN = (
    "",
    "null",
    "NaN",
    "[" * 100_000,
    '{"a":' * 100_000,
    '{"plan": {"study": "bench"}, "plan": {"study": "<script>alert(7)</script>"}}',
    '{"__proto__": {"x": 1}, "machine": 1e308}',
    "\ufeff{}",
    "<script>alert(8)</script>",
    '{"commit_hash": "\\ud800", "version": 2}',
    "9" * 10_000,
)


def _ours(results: Path, index: int, name: str) -> None:
    """The day tells runs apart; the first name is that of the newest."""
    facts = Environment(
        cpu=name,
        architecture=name,
        cores=2,
        memory_bytes=2**63,
        system=name,
        python=name,
        libraries={name: name},
        pools=[ThreadPool(library=name, version=name, kernel=name, threads=2)],
        gpus=[Gpu(name=name, driver=name, memory_bytes=2**63)],
        variables={name: name, "OPENBLAS_CORETYPE": name},
    )
    conditions = {
        "governors": [name],
        "load": 1e308,
        "quota_cores": 1e-308,
        "loop": {"seconds": [1e308], "variation": 1e308, "slowest_to_fastest": 1e308},
        "swap_used_bytes": 2**63,
        "swapped_bytes": 2**63,
        "clock_tick_seconds": 1e308,
        "gpus": [{"name": name, "sm_mhz": 1, "max_sm_mhz": 2**63, "slowed_by": [name]}],
    }
    ladder = LADDER | {"problem": f"{name}3", "removes": {"numpy": name, name: name}}
    race = RACE | {"problem": f"{name}4", "backends": ["numpy", name], "dtypes": ["float32"]}
    plans: list[tuple[dict[str, Any], list[Any]]] = [
        (BENCH | {"backends": ["numpy", name]}, _renamed(bench_rows(name), name)),
        (MAP | {"family": f"{name}2"}, _renamed(map_rows(f"{name}2"), name)),
        (ladder, _renamed(ladder_rows(f"{name}3"), name)),
        (race, _raced(f"{name}4", name)),
    ]
    for hour, (plan, rows) in enumerate(plans):
        folder = (keep_race if plan is race else keep)(
            results,
            plan=plan,
            rows=rows,
            machine=name,
            folder=f"box-{index}",
            started=f"2026-01-{28 - index:02d}T0{hour}:00:00Z",
            commit=name,
            facts=facts,
        )
        (folder / "conditions.json").write_text(json.dumps(conditions))
        with (folder / "measurements.jsonl").open("a") as file:
            file.writelines(f"{broken}\n" for broken in _BROKEN)


def _raced(problem: str, name: str) -> list[RaceRow]:
    return [
        replace(
            row,
            machine=name,
            problem=problem,
            commit=name,
            backend=name if row.backend == "torch-cpu" else row.backend,
            dtype=name,
            device=name,
            modules=[name],
            reason=name if row.reason else None,
        )
        for row in race_rows()
    ]


def _renamed(rows: Iterable[Measurement], name: str) -> list[Measurement]:
    return [
        replace(
            row,
            source="perceptron",
            backend=name if row.backend == "torch-cpu" else row.backend,
            device=name if row.backend == "torch-cuda" else row.device,
            dtype=row.dtype if row.family == "or-gate" else name,
            reason=name if row.reason else None,
        )
        for row in rows
    ]


def _asvs(folder: Path) -> None:
    """Names in asv's files are Python's JSON: NaN, 1e308, lone halves of characters."""
    plenty(folder, machines=len(NAMES), commits=3)
    for index, name in enumerate(NAMES):
        for number, file in enumerate(sorted((folder / f"box-{index:02d}").glob("*-*.json"))):
            content = json.loads(file.read_text())
            content["params"]["machine"] = f"{name}\ud800"
            content["commit_hash"] = f"{number}{name}"
            content["env_name"] = name
            for values in content["results"].values():
                values[1] = [["1", "1e300", "2", "4503599627370496"], [repr(name), "'b'", "'c'"]]
                _spoil(values)
            file.write_text(json.dumps(content))


def _spoil(values: list[Any]) -> None:
    """Times from nearly nothing to nearly infinity."""
    strange = (float("nan"), None, 0.0, -1.0, 5e-324, 1e308, float("inf"), "<b>", [], 1e-7, 10**400)
    for place in (0, 7):  # as many as the parameters have values
        values[place] += [1.0] * (12 - len(values[place]))
    for index, value in enumerate(strange):
        values[0][index] = value
        values[7][index] = None
