"""What the proof's runs compare: a repository with an asv suite, and a HEAD of each kind.

A kind changes nothing that takes time (`NULLS`), or makes one body slower (`SLOWDOWNS`).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from perceptron.errors import UserError
from perceptron.gate.checkout.revisions import git

Language = Literal["plain", "native"]
Amounts = dict[str, float]
"""By body: how much more of what it is about takes as long as the whole body does."""

BASE, HEAD = "base", "head"
# Of each body, which constant of `amounts` says how much there is of what it is about.
CONSTANTS = {
    "work": "UNITS",
    "stride": "FAR",
    "allocation": "PAGES",
    "lock": "HELD",
    "nap": "NAP",
    "call": "BYTES",
}
LANGUAGES: tuple[Language, ...] = ("plain", "native")
LEVELS = (0.02, 0.05, 0.10, 0.20)
_PLAIN = "work/plain.py"
_AMOUNTS = "work/amounts.py"
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Kind:
    """What HEAD differs by from BASE, how that is measured, and what else runs meanwhile."""

    name: str
    summary: str
    runs: int
    languages: tuple[Language, ...] = ("plain",)
    body: str | None = None
    """The body that HEAD makes slower; None where nothing is to be found."""
    level: float = 0.0
    """By how much it takes longer, as a share."""
    counted: bool = True
    """Whether instructions are counted; else the clock judges alone."""
    neighbour: bool = False

    @property
    def key(self) -> str:
        """The kind with its conditions, as runs are named by it."""
        clock = "" if self.counted else ", clock alone"
        return f"{self.name}{clock}{', beside a neighbour' if self.neighbour else ''}"

    @property
    def is_null(self) -> bool:
        """Whether HEAD is as fast as BASE."""
        return self.body is None

    @property
    def offset(self) -> float:
        """The share of its turn that it lets others go first: always the same, spread over them."""
        return int.from_bytes(sha256(self.key.encode()).digest()[:4]) / 2**32

    def benchmark(self, number: int) -> str:
        """Return the benchmark that the run of this number measures: null runs take turns."""
        bodies = CONSTANTS if self.body is None else (self.body,)
        cases = [f"time_{language}_{body}" for body in bodies for language in self.languages]
        return cases[(number + int(self.offset * len(cases))) % len(cases)]


# By name: what differs, how many runs with counts and how many by the clock alone, quiet and beside
# a neighbour each. The clock has more: counts of the same work hardly err. The linker's order has
# the most: it moves compiled loops, where layout is known to matter. What is the same code takes
# two seconds, and is never measured.
_NULLS: dict[str, tuple[str, int, int, tuple[Language, ...]]] = {
    "comment": ("a comment", 3, 3, ("plain",)),
    "function": ("a function that is never called", 6, 14, ("plain",)),
    "order": ("definitions in another order", 6, 14, ("plain",)),
    "local": ("a local variable of another name", 6, 14, ("plain",)),
    "module": ("a module that is never imported", 6, 14, ("plain",)),
    "linked": ("the objects of a C extension linked in another order", 15, 32, ("native",)),
    "path": ("a comment, checkouts at another path", 7, 13, LANGUAGES),
}
MEASURED_ALWAYS = "path"
MOVED = ("function", "order", "local", "module", "linked")
"""Null kinds whose code lies elsewhere in memory, or is other code that is never run."""
NULLS = [
    Kind(name, summary, runs, languages, counted=counted, neighbour=neighbour)
    for name, (summary, *numbers, languages) in _NULLS.items()
    for counted, runs in zip((True, False), numbers, strict=True)
    for neighbour in (False, True)
]
# Every other one beside a neighbour: of each body and each level as many as quiet.
SLOWDOWNS = [
    Kind(
        f"{body}-{language}-{100 * level:.0f}",
        f"{100 * level:.0f}% more {body} in {'Python' if language == 'plain' else 'C'}",
        1,
        (language,),
        body,
        level,
        neighbour=(language == "native") != (index % 2 == 0),
    )
    for body in CONSTANTS
    for language in LANGUAGES
    for index, level in enumerate(LEVELS)
]
KINDS = {kind.key: kind for kind in (*NULLS, *SLOWDOWNS)}
Planned = tuple[Kind, int]
"""A kind and the number of its run, from 0."""


def planned(share: float = 1.0) -> list[Planned]:
    """Return all runs, or so large a share of each kind's, but one at least.

    In an order that mixes kinds evenly: a proof that is cut short is balanced.
    """
    turns = [
        ((number + kind.offset) / wanted, kind.key, number)
        for kind in KINDS.values()
        for wanted in [max(1, round(share * kind.runs))]
        for number in range(wanted)
    ]
    return [(KINDS[key], number) for _, key, number in sorted(turns)]


def edited(kind: Kind, number: int, amounts: Mapping[Language, Amounts]) -> dict[str, str]:
    """Return the files that HEAD changes, by path; but for the extension, which `Extension` has."""
    plain = (_HERE / "plain.py").read_text(encoding="utf-8")
    if kind.body is not None:
        text = (_HERE / "amounts.py").read_text(encoding="utf-8")
        line = re.search(rf"^{CONSTANTS[kind.body]} = (.+)$", text, re.MULTILINE)
        assert line is not None
        before = float(line[1])
        more = before if kind.body == "work" else amounts[kind.languages[0]][kind.body]
        after = before + kind.level * more
        value = f"{after:.9f}" if "e" in line[1] else f"{round(after)}"
        return {_AMOUNTS: text.replace(line[0], f"{CONSTANTS[kind.body]} = {value}")}
    if kind.name in ("comment", MEASURED_ALWAYS):
        return {_PLAIN: plain.replace("\n_READS", f"\n# Comment {number}.\n_READS")}
    if kind.name == "function":
        unused = f"def unused_{number}(values):\n    return [2 * value for value in values]\n"
        return {_PLAIN: plain.replace("def spin", f"{unused}\n\ndef spin", 1)}
    if kind.name == "order":
        return {_PLAIN: _reordered(plain, number)}
    if kind.name == "local":
        return {_PLAIN: re.sub(r"\btotal\b", f"total_{number}", plain)}
    if kind.name == "module":
        return {f"work/added_{number}.py": "LIMIT = 3\n\n\ndef double(x):\n    return 2 * x\n"}
    return {}


def _reordered(source: str, number: int) -> str:
    """Return the module with its functions rotated by 1 + ``number`` places."""
    first, *parts = source.split("\n\n\n")
    functions = [part for part in parts if part.startswith("def ")]
    turned = 1 + number % (len(functions) - 1)
    moved = iter(functions[turned:] + functions[:turned])
    return "\n\n\n".join(
        [first, *(next(moved) if part.startswith("def ") else part for part in parts)]
    )


class Extension:
    """The compiled objects of the C extension, linked in any order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        head, *parts = (_HERE / "native.c").read_text(encoding="utf-8").split("\n// --- ")
        self._names: list[str] = []
        for part in parts:
            name, code = part.split("\n", 1)
            self._names.append(f"{name}.o")
            (folder / f"{name}.c").write_text(f"{head}\n{code}", encoding="utf-8")
            _compile(folder, "-c", f"{name}.c", f"-I{sysconfig.get_path('include')}")

    def linked(self, number: int) -> bytes:
        """Return the module with its objects in the order of this number: 0 is BASE's."""
        names = self._names[number % len(self._names) :] + self._names[: number % len(self._names)]
        if number // len(self._names) % 2:
            names.reverse()
        _compile(self._folder, "-shared", "-o", "linked.so", *names, "-pthread")
        return (self._folder / "linked.so").read_bytes()


def _compile(folder: Path, *arguments: str) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        raise UserError("cc: no such program: install a C compiler, such as gcc")
    command = [compiler, "-O2", "-fPIC", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"cc: {done.stderr.strip().splitlines()[0]}: install Python's headers")


class Repository:
    """A git repository with BASE, whose branch `HEAD` is made anew for each run."""

    def __init__(self, folder: Path) -> None:
        """Make it in an empty folder. Raises `UserError` if git or the compiler is missing."""
        objects, self.folder = folder / "objects", folder / "repository"
        for made in (objects, self.folder):
            made.mkdir()
        self._extension = Extension(objects)
        git(self.folder, "init", "--quiet", "--initial-branch", BASE)
        self._write(base_files(), 0)
        self._commit("The base")

    def make_head(self, kind: Kind, number: int, amounts: Mapping[Language, Amounts]) -> None:
        """Make HEAD what the run of this number compares BASE with."""
        git(self.folder, "checkout", "--quiet", "--force", "-B", HEAD, BASE)
        order = 1 + number % 15 if kind.name == "linked" else 0
        self._write(edited(kind, number, amounts), order)
        self._commit(kind.summary)
        git(self.folder, "checkout", "--quiet", BASE)

    def amounts(self) -> dict[Language, Amounts]:
        """Measure how much of each thing takes as long as its body does on BASE.

        Raises `UserError` where more of it seems to take less time.
        """
        git(self.folder, "checkout", "--quiet", BASE)
        command = [sys.executable, "-c", _CALIBRATION, json.dumps(CONSTANTS)]
        calibration = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=True
        )
        measured: dict[Language, Amounts] = json.loads(calibration.stdout)
        if min(amount for amounts in measured.values() for amount in amounts.values()) <= 0:
            raise UserError("proof: too busy a machine to calibrate slowdowns: use an idle one")
        return measured

    def _write(self, texts: Mapping[str, str], order: int) -> None:
        for name, text in texts.items():
            file = self.folder / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        suffix = sysconfig.get_config_var("EXT_SUFFIX")
        (self.folder / f"work/_native{suffix}").write_bytes(self._extension.linked(order))

    def _commit(self, message: str) -> None:
        who = ("-c", "user.name=perceptron proof", "-c", "user.email=proof@localhost")
        git(self.folder, "add", "--all", "--force")
        git(self.folder, *who, "-c", "commit.gpgsign=false", "commit", "--quiet", "-m", message)


# Each body with more of its own, in turns: of the times the lowest decile. A second of sleep takes
# a second. As many bytes far away as the highest level adds: of more, each takes less time.
_CALIBRATION = """
import importlib, json, statistics, sys, time
sys.path.insert(0, ".")
constants = json.loads(sys.argv[1])
more = {"FAR": 1000, "PAGES": 400, "HELD": 400e-6, "NAP": 400e-6, "BYTES": 65536}
def timed(function):
    begin = time.perf_counter()
    for _ in range(10):
        function()
    return (time.perf_counter() - begin) / 10
found = {}
for language in ("plain", "native"):
    module = importlib.import_module("work." + language)
    getattr(module, "Place", module).fill()
    if language == "plain":
        module.Holder.start()
    found[language] = {}
    for body, constant in constants.items():
        if constant not in more:
            continue
        base, times = getattr(module, constant), {False: [], True: []}
        for number in range(60):
            is_more = bool(number % 2)
            setattr(module, constant, base + more[constant] * is_more)
            times[is_more].append(timed(getattr(module, body)))
        setattr(module, constant, base)
        before, after = (statistics.quantiles(times[key], n=10)[0] for key in (False, True))
        slope = 1.0 if body in ("lock", "nap") else (after - before) / more[constant]
        found[language][body] = before / slope
print(json.dumps(found))
"""


def base_files() -> dict[str, str]:
    """Return the files of BASE by path, but for the extension."""
    settings = {"version": 1, "project": "work", "repo": ".", "benchmark_dir": "benchmarks"}
    return {
        "asv.conf.json": json.dumps(settings) + "\n",
        "benchmarks/__init__.py": "",
        "benchmarks/bodies.py": "\n".join(_benchmarks()) + "\n",
        "work/__init__.py": "",
        **{
            f"work/{name}.py": (_HERE / f"{name}.py").read_text("utf-8")
            for name in ("amounts", *LANGUAGES)
        },
    }


def _benchmarks() -> Iterator[str]:
    """Yield a module with a benchmark for each body; asv reads the source of each setup, so that
    these stand here and not in what HEAD changes."""
    yield "from work import native, plain"
    setups = {"plain_stride": "plain.Place.fill", "plain_lock": "plain.Holder.start"}
    setups["native_stride"] = "native.fill"
    for name in (f"{language}_{body}" for language in LANGUAGES for body in CONSTANTS):
        yield f"\n\ndef time_{name}():\n    {name.replace('_', '.')}()"
        if name in setups:
            yield f"\n\ndef setup_{name}():\n    {setups[name]}()"
            yield f"\n\ntime_{name}.setup = setup_{name}"


def digest() -> str:
    """Digest all that is measured: runs of another suite are no part of the same proof."""
    files = sorted(base_files().items()), (_HERE / "native.c").read_text(encoding="utf-8")
    code = Path(__file__).read_text(encoding="utf-8")
    return sha256(json.dumps([*files, code]).encode()).hexdigest()[:12]
