"""The digest of the gate's code holds all that measures and judges."""

from __future__ import annotations

import ast
from pathlib import Path

from perceptron.gate import fingerprint
from perceptron.records.code_digest import code_digest, sources

ROOT = Path(fingerprint.__file__).parents[1]
PARTS = fingerprint.PARTS


# What the stages and the judge use that can change neither a number nor what is made of it.
HARMLESS = {
    "errors",
    "gate.checkout.revisions",
    "gate.checkout.suite",
    "gate.environments",  # what is measured, as the suite says which
    "gate.journal",
    "machine",
    "numbers",  # how a message shows them
    "records.comparison",
    "records.files",
    "records.warning",
    "untrusted_text",  # of what a message quotes
}


def test_whatever_the_stages_and_the_judge_import_counts_or_is_known_to_be_harmless() -> None:
    """A module of ours that is moved out of the folders, or shared, is not forgotten."""
    counted = {name.removesuffix(".py").replace("/", ".") for name, _ in sources(ROOT, PARTS)}
    seen: set[str] = set()
    unvisited = ["gate.stages", "gate.verdict.judge"]
    while unvisited:
        name = unvisited.pop()
        if name in seen or any(
            name == harmless or name.startswith(harmless + ".") for harmless in HARMLESS
        ):
            continue
        seen.add(name)
        file = ROOT / (name.replace(".", "/") + ".py")
        if not file.exists():
            continue  # a folder of modules, each of which is named by itself
        assert name in counted, name
        unvisited += imported(file)
    assert {
        "gate.sampling.sides",
        "processes.supervision",
        "processes.timed_loop",
        "statistics.trimmed_mean",
        "records.block",
    } <= seen
    assert fingerprint.digest() == code_digest(ROOT, PARTS)


def imported(file: Path) -> list[str]:
    """Modules of the package that a module imports, without the package's name."""
    names = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom):
            continue
        module = str(node.module or "")
        if node.level:
            folder = file.relative_to(ROOT).parts[: -node.level]
            module = ".".join(["perceptron", *folder, *filter(None, [module])])
        if module.startswith("perceptron."):
            module = module.removeprefix("perceptron.")
            names += [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return names
