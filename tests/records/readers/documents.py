"""Documents of every tool, and of nobody: what readers make of them is in the golden beside.

Each has a name that says what somebody relies on, the file or the files in a folder, and what a
user types. Where a tool's document has been changed, the change stands here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.asv_documents import BENCHMARKS, RESULTS
from tests.foreign_documents import (
    CRITERION_BENCHMARK,
    DOCUMENTS,
    GOOGLE_CONTEXT,
    action_page,
    action_run,
    dotnet_benchmark,
    estimate,
    google_aggregate,
    google_row,
    hyperfine_result,
)

Files = Mapping[str, Any]
"""What is in a file of a name: a JSON document, or its text or bytes."""
NAN, INFINITY = float("nan"), float("inf")


class Case:
    """What somebody relies on, the files, and the options; ``source`` is what is named of them."""

    def __init__(self, name: str, files: Files, source: str = ".", **options: Any) -> None:
        self.name, self.files, self.source, self.options = name, files, source, options

    def write(self, folder: Path) -> Path:
        """Write the files; return what a user names."""
        for name, content in self.files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                file.write_bytes(content)
            else:
                text = content if isinstance(content, str) else json.dumps(content)
                file.write_text(text, encoding="utf-8")
        return folder / self.source


# hyperfine


def hyperfine(name: str, *results: dict[str, Any], **options: Any) -> Case:
    return Case(name, {"sorting.json": {"results": results}}, "sorting.json", **options)


def ran(command: str, times: Any = (0.5,), **more: Any) -> dict[str, Any]:
    return {**hyperfine_result(command, [0.5, 0.25, 0.75]), "times": times, **more}


QUICK = {"tool": "quick", "n": "10", "seed": "3"}
HYPERFINE = [
    hyperfine("each run is a process of its own", *DOCUMENTS["hyperfine"]["results"]),
    hyperfine(
        "a parameter that is the size is no part of the backend",
        ran("sort-a -n 10 --fast", parameters={"n": "10"}),
        ran("sort-b -n 10 --10x", parameters={"n": "10"}),
    ),
    hyperfine("parameters by name", ran("x quick 10 3", parameters=QUICK), by="tool", size="n"),
    hyperfine("a run that ended with an error", ran("a 1", [0.5, 0.25], exit_codes=[0, 137])),
    hyperfine("what is no time", ran("sort 10", [NAN, "1", [], 1e308])),
    hyperfine("a name without a size is left out", ran("sort"), ran("sort 1")),
    hyperfine("no name with a size", ran("sort")),
    hyperfine("a size of 0", ran("sort 0"), ran("sort 1")),
    hyperfine("another family", ran("sort 1"), families=("other",)),
    hyperfine("a parameter that nobody has", ran("a 1", parameters=QUICK), by="tol"),
]

# Google Benchmark


def google(name: str, *rows: dict[str, Any], context: Any = None, **options: Any) -> Case:
    document = {"context": GOOGLE_CONTEXT | (context or {}), "benchmarks": rows}
    return Case(name, {"results.json": document}, "results.json", **options)


GOOGLE_NAMES = (
    *("BM_a/64/process_time/real_time/threads:8", "BM_a/64/iterations:100/repeats:3/manual_time"),
    *("BM_a<std::vector<int>>/64", "BM_a/sorted/64", "BM_a/-1", "BM_a"),
)
GOOGLE = [
    google(
        "repetitions are samples of one process, with an interval from quartiles",
        *(google_row("BM_a/64", time, at) for at, time in enumerate((103, 101, 105, 104, 102))),
    ),
    google("the tool's own document", *DOCUMENTS["Google Benchmark"]["benchmarks"]),
    google("one repetition has no interval", google_row("BM_a/64", 1.5, time_unit="ms")),
    google("aggregates alone", google_aggregate("BM_sort/64", "mean", 130.0)),
    google("an error", google_row("BM_a/1", 7, error_occurred=True, error_message="no\nGPU")),
    google("a skipped one", google_row("BM_a/1", 7, skipped=True, skip_message="no GPU")),
    *(google(f"the name {name}", google_row(name, 7.0)) for name in GOOGLE_NAMES),
    google(
        "arguments have names and numbers to choose by",
        *(google_row(f"BM_a/kind:{kind}/64", 7) for kind in (2, 3)),
        by="kind",
        size="arg2",
    ),
    google("nobody's host", google_row("BM_a/8", 7), context={"host_name": "", "date": "today"}),
    google("times that are none", *(google_row("BM_a/8", time) for time in (0, -1, None, NAN))),
]

# github-action-benchmark


def action(name: str, tool: str, *benches: dict[str, Any], **options: Any) -> Case:
    script = f"window.BENCHMARK_DATA = {json.dumps(action_page(action_run(tool, *benches)))};\n"
    return Case(name, {"data.js": script}, "data.js", **options)


def bench(value: Any = 100, unit: str = "ns/iter", name: str = "sum_100", **more: Any) -> Any:
    return {"name": name, "value": value, "unit": unit, **more}


SMALLER, BIGGER = "customSmallerIsBetter", "customBiggerIsBetter"
TWO_SUITES: Any = action_page(action_run("cargo", bench()))
TWO_SUITES["entries"]["Other"] = TWO_SUITES["entries"]["Suite"]
TWO_RUNS = action_page(*(action_run("cargo", bench(day), day=day) for day in (1, 2)))
ACTION = [
    Case("the tool's own document", {"data.js": DOCUMENTS["github-action-benchmark"]}),
    Case("each commit is a run", {"data.js": TWO_RUNS}),
    Case("only the suite asked for", {"data.js": TWO_SUITES}, families=("Other",)),
    action("a reach in the unit of the value", "cargo", bench(range="± 25")),
    action("a rate and its ends", BIGGER, bench(unit="ops/s", range="± 20%")),
    action(
        "the deviation that pytest-benchmark gives a rate is in seconds",
        "pytest",
        bench(4, "iter/sec", range="stddev: 0.02"),
    ),
    action(
        "of what go reports the time is read",
        "go",
        bench(42, "ns/op\t 64 B/op", "BenchmarkSum/8", extra="9 times"),
        bench(42, "ns/op", "BenchmarkSum/8 - ns/op"),
        bench(64, "B/op", "BenchmarkSum/8 - B/op"),
    ),
    action(
        "a deviation is no time of a benchmark",
        "googlecpp",
        *(bench(5, name=name) for name in ("BM_a/64", "BM_a/64_stddev", "BM_a/64_cv")),
        size_regex=r"/(\d+)",
    ),
    action("what is in no unit of time", SMALLER, bench(5, "ms"), bench(5, "MB"), bench(5, "")),
    action("names without a size", "cargo", bench(name="sum"), bench(name="sum_n"), bench()),
    action(
        "size and backend in an expression",
        "cargo",
        bench(name="sum_64_rust_f4"),
        by="language",
        size_regex=r"_(?P<size>\d+)_(?P<language>\w+?)_",
    ),
]

# BenchmarkDotNet


def dotnet(name: str, *benchmarks: dict[str, Any], host: Any = None, **options: Any) -> Case:
    document = DOCUMENTS["BenchmarkDotNet"] | {"Benchmarks": benchmarks}
    document["HostEnvironmentInfo"] = document["HostEnvironmentInfo"] if host is None else host
    return Case(name, {"Demo-report-full.json": document}, **options)


def method(statistics: Any, parameters: str = "N=1000") -> dict[str, Any]:
    return dotnet_benchmark("Quick", parameters, 500.0) | {"Statistics": statistics}


DOTNET = [
    dotnet(
        "methods are compared at the number among the parameters, with an interval from quartiles",
        *DOCUMENTS["BenchmarkDotNet"]["Benchmarks"],
        dotnet_benchmark("Merge", "Kind=sorted&N=1000", 600.0),
    ),
    dotnet("parameters by name", method({}, "Kind=random&N=8&M=3"), by="Kind", size="N"),
    dotnet("no statistics", method(None)),
    dotnet("statistics that are none", method({"Median": "", "Mean": -1.0})),
    dotnet("dtype and device are the ground", method({"Median": 5}, "dtype=f4&device=cuda&N=8")),
]

# criterion


def criterion(name: str, estimates: Any = None, **benchmark: Any) -> Case:
    estimates = DOCUMENTS["criterion"] if estimates is None else estimates
    files = {"estimates.json": estimates, "benchmark.json": CRITERION_BENCHMARK | benchmark}
    return Case(name, {f"new/{file}": content for file, content in files.items()})


CRITERION = [
    criterion("the standard error becomes an interval of 99 %"),
    criterion("no function", value_str=None, function_id=None, full_id="Sum/64"),
    criterion("no time", DOCUMENTS["criterion"] | {"median": estimate(0.0, 1.0)}),
    criterion("no errors", {"median": {"point_estimate": 5.0}, "median_abs_dev": None}),
    Case("no benchmark beside", {"estimates.json": DOCUMENTS["criterion"]}, "estimates.json"),
]

# pytest-benchmark

STATS = {"min": 0.5, "mean": 1.5, "median": 1.25, "q1": 1.0, "stddev": 0.25, "data": [1.0, 1.5]}
OWN = {"problem": "p:2", "family": "p", "size": 2, "backend": "numpy", "iterations": 4}
OBJECT = "UNSERIALIZABLE[<class 'a.Fast'> at 0x7f]"


def benchmark(
    test_id: str | None = None, /, test: str = "test_sum", **fields: Any
) -> dict[str, Any]:
    """As pytest-benchmark writes it, by default without parameters."""
    name = f"{test}[{test_id}]" if test_id else test
    return {
        "group": None,
        "name": name,
        "fullname": f"tests/test_bench.py::{name}",
        "params": None,
        "param": test_id,
        "extra_info": {},
        "options": {"timer": "perf_counter"},
        "stats": STATS,
        **fields,
    }


def of(library: object, size: object, test_id: str = "x", **more: object) -> dict[str, Any]:
    return benchmark(test_id, params={"lib": library, "n": size, **more})


def saved(*benchmarks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return DOCUMENTS["pytest-benchmark"] | {"benchmarks": benchmarks} | more


def pytests(name: str, *benchmarks: dict[str, Any], **options: Any) -> Case:
    options = options or {"by": "lib", "size": "n"}
    return Case(name, {"benchmark.json": saved(*benchmarks)}, "benchmark.json", **options)


MACHINE = {"node": "bus", "python_implementation": "CPython", "python_version": "3.11.2"}
COMMIT = {"id": "0123456789abcdef", "time": "2026-01-01T02:00:00+02:00", "dirty": True}
MOVED = of("torch", 1) | {"fullname": "test_bench.py::test_sum[x]"}
OTHER = of("numpy", 1) | {"fullname": "tests/test_other.py::test_sum[x]"}
GRID = [
    of(library, size, dtype=dtype, loops=1000 // size, seed=0)
    for library in ("numpy", "torch")
    for size in (10, 100)
    for dtype in ("float32", "float64")
]
NOTED = [of("numpy", 10) | {"extra_info": {"seed": seed}, "group": f"g{seed}"} for seed in (1, 2)]
GROUPED = [
    benchmark(test=f"test_{name}", group="sum", extra_info={"elements": 10})
    for name in ("np", "torch")
]
PYTEST = [
    Case(
        "machine, commit and interpreter are the row's",
        {"1.json": saved(of("numpy", 1000), machine_info=MACHINE, commit_info=COMMIT)},
        by="lib",
        size="n",
    ),
    pytests(
        "quartiles become an interval", of("a", 1) | {"stats": {**STATS, "q3": 2, "rounds": 9}}
    ),
    pytests("without a time", of("a", 1) | {"stats": {"q1": NAN}}),
    pytests("data that is none", of("a", 1) | {"stats": {"median": 1, "data": [1, "x", -1, NAN]}}),
    pytests("our own is per iteration", benchmark(extra_info=OWN), of("numpy", 1)),
    pytests("our own of another family", benchmark(extra_info=OWN), families=("q",)),
    pytests("our own that is none", benchmark(extra_info=OWN | {"size": "big"})),
    pytests("our own of any name", benchmark(extra_info=OWN | {"family": "a\x1b[2J\nb"})),
    pytests("parameters that tell rows apart make families", *GRID),
    pytests("what a test notes makes none", *NOTED),
    pytests("how it was trained is the ground", of("np", 1, optimizer="adam", feed="host")),
    pytests("but not what is compared", of("np", 1, optimizer="adam"), by="optimizer", size="n"),
    pytests("two tests of one name are two families", of("numpy", 1), OTHER),
    Case(
        "one test in two places is one family",
        {"1.json": saved(of("numpy", 1)), "2.json": saved(MOVED)},
        by="lib",
        size="n",
    ),
    Case(
        "of a folder of saved runs each is more processes",
        {f"Linux/{n}.json": saved(of("a", 1), of("b", 1), datetime=f"day {n}") for n in (1, 2)},
        by="lib",
        size="n",
    ),
    pytests("backends are names", *GROUPED, by="name", size="elements"),
    pytests("backends are groups", *GROUPED, by="group", size="elements"),
    pytests("what lacks the parameters is left out", benchmark(), of("numpy", 1)),
    pytests("a parameter that nobody has", of("numpy", 1), by="libs", size="n"),
    pytests("a size that is no number", of("a", [3, 1000], "a-shape0")),
    pytests("an object is its piece of the id", of(OBJECT, 1000, "Fast-1000")),
    pytests(
        "an object is what is left of an id with more hyphens",
        benchmark("10-x-y-a-b", params={"n": 10, "lib": OBJECT, "mode": "a-b"}),
    ),
    pytests(
        "two objects are the whole of an id with more hyphens",
        benchmark("a-b-c-1", params={"lib": OBJECT, "kind": OBJECT, "n": 1}),
    ),
    pytests("an object without an id", benchmark(params={"lib": OBJECT, "n": 10})),
    pytests("names are one line that can be written", of("num\npy\ud800\x1b", 1)),
    pytests("a size in the name", benchmark(test="test_numpy_64"), by="name", size_regex=r"_(\d+)"),
]

# asv


def asv(name: str, content: Any, listed: Any = None, source: str = ".", **options: Any) -> Case:
    files = {"box/0123-env.json": content, "box/machine.json": {}}
    if listed is not False:
        files["benchmarks.json"] = BENCHMARKS if listed is None else listed
    return Case(name, files, source, **options)


def sums(name: str, params: dict[str, list[str]], result: Any, **options: Any) -> Case:
    """One benchmark of another suite."""
    listed = {"bench.Sum.time_sum": {"type": "time", "param_names": list(params)}}
    values = {"bench.Sum.time_sum": [result, list(params.values())]}
    return asv(name, RESULTS | {"results": values}, listed, **options)


TRAIN = "train.Width.time_train"
FULL_COLUMNS = ["result", "params", "version", "started_at", "stats_ci_99_a", "stats_ci_99_b"]
FULL_COLUMNS += ["stats_q_25", "stats_q_75", "stats_repeat", "samples"]
FULL = [[2.0, 3.0], [["1"], ["'a'", "'b'"]], "1" * 64, 1e15, [1.5, None], [INFINITY, None]]
FULL += [[1.0, 2.5], [3.0, 3.5], [9, 9], [[1.0, 2.0, None], None]]
MODULES = [f"{module}.time_{name}_{n}" for module in ("a", "b") for name in "xy" for n in (1, 10)]
POINTS = {"n": ["10", "20"], "lib": ["'np'"], "device": ["'cpu'", "'gpu'"], "order": ["'C'"]}
ONE = {"size": ["1"], "backend": ["'np'"]}
TWO = {"size": ["1", "2"], "backend": ["'np'"]}
SIZES = ["1000", "1e3", "'1000'", "np.int64(1000)"]
NO_SIZES = ["(1000, 10)", "True", "0", "1e999", "9" * 5000, "None"]
WORDS = ["<class 'numpy.float32'>", "<function f at 0x7f>", "__import__('os').abort()", "1.5", "''"]
ONE_TIME = RESULTS | {"results": {TRAIN: [[2e-5], [["2"], ["'numpy'"]], "1", 1795537135833]}}
NO_START_VALUES = [[1.0], [["2"], ["'numpy'"]], "1", None]
NO_START = RESULTS | {"results": {TRAIN: NO_START_VALUES}}
OTHER_VALUES = [[1.0], [["2", "8"], ["'a'"]]]
WIDTH = {"type": "time", "param_names": ["size", "backend"]}
WRONG_REVISION = copy.deepcopy(BENCHMARKS)
WRONG_REVISION[TRAIN]["param_names"] = ["size", "backend", "dtype"]


ASV = [
    asv("format 2", RESULTS),
    asv("one file", ONE_TIME, source="box/0123-env.json"),
    asv("a machine's folder", ONE_TIME, source="box"),
    asv(
        "the interval that is stated, else one from quartiles",
        RESULTS | {"result_columns": FULL_COLUMNS, "results": {TRAIN: FULL}},
    ),
    asv("without a start, of the commit's date", NO_START),
    sums("parameters are named by the user", POINTS, [1.0, 2.0, 3.0, 4.0], by="lib", size="n"),
    sums(
        "several hold the backend",
        {**POINTS, "n": ["10"]},
        [1.0] * 2,
        by=("lib", "device"),
        size="n",
    ),
    sums("sizes as Python writes them", {**ONE, "size": SIZES}, [1.0] * len(SIZES)),
    sums("sizes that are none", {**ONE, "size": ["7", *NO_SIZES]}, [1.0] * (1 + len(NO_SIZES))),
    sums("no size at all", {**ONE, "size": ["(1000, 10)"]}, [1.0]),
    sums("nothing is executed", {**ONE, "backend": WORDS}, [1.0] * len(WORDS)),
    sums("a dtype is the ground", {**ONE, "dtype": WORDS[:1]}, [1.0]),
    sums("what is no time", {**ONE, "backend": list("abcde")}, [0.0, -1, INFINITY, "1.5", True]),
    sums("failed as a whole", TWO, None),
    asv("a parameter that nobody has", RESULTS, by="bakend"),
    asv("without a list parameters have asv's names", ONE_TIME, False, by="param2", size="param1"),
    asv("without a list, and without names", RESULTS, False),
    asv("a list of another revision", RESULTS, WRONG_REVISION),
    asv("a list that is no JSON", ONE_TIME, "[" * 99_999, by="param2", size="param1"),
    asv(
        "the family of a name is its module",
        RESULTS | {"results": {name: [[1.0], []] for name in MODULES}},
        {name: {"type": "time", "param_names": []} for name in MODULES},
        size_regex=r"_(\d+)$",
        families=("a",),
    ),
    asv("no JSON", "not json"),
    asv("another format", RESULTS | {"version": 1}),
    asv("without the columns' names", RESULTS | {"result_columns": []}),
    asv(
        "values that are none, or for other parameters, hide no others",
        RESULTS | {"results": {TRAIN: [1.0], "time_a": OTHER_VALUES, "time_b": NO_START_VALUES}},
        {TRAIN: BENCHMARKS[TRAIN], "time_a": WIDTH, "time_b": WIDTH},
    ),
    asv(
        "more combinations than anybody has",
        RESULTS | {"results": {TRAIN: [None, [["1"] * 999] * 5]}},
    ),
    Case(
        "commits do not share processes",
        {
            "benchmarks.json": BENCHMARKS,
            "box/machine.json": {},
            "box/1-env.json": ONE_TIME,
            "box/2-env.json": ONE_TIME | {"commit_hash": "f" * 40},
            "box/3-cut.json": json.dumps(RESULTS)[:200],
        },
    ),
]

# Tables

NAMED: dict[str, Any] = {"by": ("lib", "kind"), "size": "n"}
HEADER = "case,size,backend,seconds\n"


def table(name: str, text: str | bytes, **options: Any) -> Case:
    return Case(name, {"times.csv": text}, "times.csv", **options)


def line(row: str, **options: Any) -> Case:
    """A table whose third line this is."""
    return table(f"the line {ascii(row)[:40]}", f"{HEADER}\n{row}\n", **options)


EVERY_COLUMN = (
    "case,size,backend,device,seconds,stdev,dtype,machine,threads,commit,environment,version,batch,"
    "optimizer,feed,outputs,models\n"
)
TRAINED = "case,size,backend,seconds,batch,optimizer,feed,outputs,models\n"
DEVICES = "case,size,backend,device,seconds\n"
SEMICOLONS = "case;size;backend;seconds;stdev;threads\n"
TABLES = [
    table(
        "every column fills its field",
        EVERY_COLUMN + "svd,1e3,np,CPU,2.5e-3,1e-4,f4,box,4,"
        "0123456789abcdef,py,main,64,Adam,Host,10,8\nsvd,1000,np,,1" + "," * 12 + "\n",
    ),
    table("a byte order mark", "\ufeff" + HEADER.replace("\n", "\r\n") + "svd,10,np,0.5\r\n"),
    table("semicolons", HEADER.replace(",", ";") + "svd;10;np;0.5"),
    table("untidy", " Seconds , CASE , note , Size, Backend \n\n 0.5 , a , no , 1 , np \n,,,,\n"),
    table("quotes, and old ends of lines", HEADER.replace("\n", "\r") + '"svd","10",np,.5\r'),
    table("shorter and longer lines", HEADER.strip() + ",stdev\nsvd,10,np,1\nsvd,20,np,1,,,\n"),
    table("a separator that is named", HEADER.replace(",", "|") + "svd|1|np|2\n", sep="|"),
    *(line(f"svd,10,magma,{field}") for field in ("", "nan", "OOM", "out of memory (24 GB)")),
    *(
        line(f"svd,10,magma,{field}")
        for field in ("12 ms", '"0,5"', "1_000", "-1", "0.0", "٣", "inf", "1e999")
    ),
    *(line(f"svd,{field},magma,1") for field in ("big", "0", "")),
    *(map(line, (",10,magma,1", "svd,10", "svd,10,magma,1,2", 'svd,10,"magma,1'))),
    line(f"svd,10,{'x' * 200_000},1"),
    line("sv\0d,10,magma,1"),
    line("add\x1b[2J,10,a\x07\u202e,1"),
    *(
        table(f"{column} of {value}", f"{HEADER.strip()},{column}\nsvd,10,magma,1,{value}\n")
        for column, value in (
            *(("stdev", "0"), ("stdev", "-1"), ("stdev", "1 ms"), ("threads", "2.5")),
        )
    ),
    table("nothing", ""),
    table("a header alone", HEADER),
    table("no size", "case,n,backend,seconds\n"),
    table("two sizes", "\ncase,size,Size,backend,seconds\n"),
    table("no UTF-8", HEADER.encode() + b"\nsvd,\xff\xfe,x,1\n"),
    table("a row is where it begins", f'{HEADER}"a\nb",1,a,1\n\n"a\nb",2,a,soon 1\nc,0,a,1\n'),
    table("equal rows are processes", HEADER + "f,1,a,1\nf,1,a,2\nf,1,b,3\nf,2,a,4\nf,1,b,5\n"),
    table("two devices are two backends", DEVICES + "f,1,a,gpu,2\nf,1,a,cpu,1\nf,1,b,cpu,1\n"),
    table("some rows without a device", DEVICES + "f,1,a,cuda,1\nf,1,a,,2\nf,1,b,,3\nf,1,a,,4\n"),
    table(
        "two trainings", TRAINED + "f,1,a,1,,x,,,\nf,1,a,2,,x,,,\nf,1,a,1,,y,,,\nf,1,a,2,,,,,8\n"
    ),
    table(
        "a size that is the batch",
        TRAINED + "f,32,a,1,32,,,,\nf,64,a,1,64,,,,\ng,32,a,1,64,,,,\ng,64,a,1,64,,,,\n",
    ),
    table("a size that is the models", TRAINED + "f,1,np,1,,,,,1\nf,8,np,1,,,,,8\n"),
    table("others' families", HEADER + "f,1,a,1\ng,what,,3 ms\ng[x],1,a,1\nh,1\n", families=("f",)),
    table("a point may stand between thousands", SEMICOLONS + "svd;1.024;b;0.5;;\n"),
    table("unless the separator is named", SEMICOLONS + "svd;1.024;b;1.500;;\n", sep=";"),
    table("points between commas", HEADER + "svd,1.024,b,12.500\n"),
    table("options of benchmarks", HEADER + "f,1,a,1\n", by="library"),
    table("columns by name", "N,Lib,Kind,time\n8,np,f32,2\n9,jax,f32,3\n", **NAMED, unit="us"),
    table("empty columns by name", "n,lib,kind,seconds\n8,np,f32,1\n9,,f32,3\n", **NAMED),
    table("no such columns", "n,lib,seconds\n8,np,1\n", **NAMED),
    table("a time of no unit", "size,backend,time\n8,np,1\n"),
    table("another unit", HEADER.strip() + ",stdev\nsvd,10,np,12,1\n", unit="ms"),
    table("times of 0", HEADER + "f,1,a,0\nf,1,b,0.0\nf,2,a,1\nf,2,b,2\n"),
]

# Files of nobody's, and of several

ROW = (
    '{"kind":"time","source":"x","machine":"m","when":"","family":"f","size":1,'
    '"backend":"b","seconds":2.0}\n'
)
DEEP = "[" * 100_000
ANY = [
    Case("a row of ours whatever its file is called", {"rows.txt": ROW}, "rows.txt"),
    Case("a table whatever its file is called", {"a.dat": HEADER + "f,1,b,2\n"}, "a.dat"),
    Case("a damaged row of ours", {"runs/m/1/measurements.jsonl": f"{ROW}garbage\n{ROW}"}),
    Case("a row that is being written", {"a.jsonl": ROW + ROW.strip()}, "a.jsonl"),
    Case("a family of ours", {"a.jsonl": ROW + ROW.replace('"f"', '"g"')}, families=("g",)),
    Case("a script of one assignment", {"a.js": "\ufeff\n var data\n=\n{} ;\n"}, "a.js"),
    Case("JSON of none", {"a.json": "{}"}, "a.json"),
    Case("JSON that is nested without end", {"a.json": DEEP}, "a.json"),
    Case("what is packed", {"a.csv.gz": b"\x1f\x8b\x08 more"}, "a.csv.gz"),
    Case("nothing of that name", {}, "nowhere"),
    Case("a folder without results", {"notes.json": {"a": 1}}),
    Case(
        "tables of a folder are processes",
        {**{f"{n}.csv": f"{HEADER}f,1,b,{n}\n" for n in (1, 2)}, "readme.txt": "no results"},
    ),
    Case("a copy counts once", {f"{n}.csv": f"{HEADER}f,1,b,2\n" for n in (1, 2)}),
    Case("a damaged file of a folder", {"bad.csv": "no table", "good.csv": HEADER + "f,1,b,2\n"}),
    Case(
        "several tools in a folder",
        {
            "a.csv": HEADER + "test_f,1,b,2\n",
            "b.json": {"benchmarks": [{**of("c", 1), "params": {"backend": "c", "size": 1}}]},
            "c.json": {"results": [ran("sort 1")]},
        },
    ),
    *(
        Case(f"the expression {expression}", {"a.csv": HEADER + "f,1,a,1\n"}, size_regex=expression)
        for expression in ("(", r"\d+")
    ),
]

GROUPS: dict[str, list[Case]] = {
    "hyperfine": HYPERFINE,
    "google-benchmark": GOOGLE,
    "github-action-benchmark": ACTION,
    "benchmark-dotnet": DOTNET,
    "criterion": CRITERION,
    "pytest-benchmark": PYTEST,
    "asv": ASV,
    "tables": TABLES,
    "any": ANY,
}
