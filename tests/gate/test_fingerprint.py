"""The digest of the gate's code sees what it does, and not what is written about it."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from perceptron.code_digest import sources
from perceptron.gate import fingerprint

ROOT = Path(fingerprint.__file__).parents[1]
PARTS = (*fingerprint.MEASURING, *fingerprint.JUDGING)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package that may be changed."""
    copy = tmp_path / "perceptron"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "_PACKAGE", copy)
    return copy


MEASURING = (
    "gate/blocks.py",
    "gate/checkout/worktrees.py",
    "gate/runner/*.py",
    "gate/counting/*.py",
    "gate/sampling/*.py",
    "gate/stages.py",
    "gate/verdict/outcome.py",
    "gate/verdict/work.py",
    "supervision.py",
    "waiting.py",
)
JUDGING = ("gate/verdict/*.py", "records/block.py", "trimmed_mean.py")


def test_every_module_that_measures_or_judges_counts(package: Path) -> None:
    """A change of what only judges leaves what was measured as it is: it can be judged again."""
    before, measured = fingerprint.digest(), fingerprint.digest(fingerprint.MEASURING)
    assert before == fingerprint.digest() != measured
    measuring = {file for pattern in MEASURING for file in package.glob(pattern)}
    judging = {file for pattern in JUDGING for file in package.glob(pattern)}
    assert len(measuring) >= 14
    assert len(judging - measuring) >= 7
    for file in sorted(measuring | judging):
        text = file.read_text(encoding="utf-8")
        file.write_text(text + "\nmore = 1\n", encoding="utf-8")
        assert fingerprint.digest() != before, file
        assert (fingerprint.digest(fingerprint.MEASURING) != measured) == (file in measuring), file
        file.write_text(text, encoding="utf-8")
    assert fingerprint.digest() == before


# What the stages and the judge use that can change neither a number nor what is made of it.
HARMLESS = {
    "errors",
    "gate.checkout.revisions",
    "gate.checkout.suite",
    "gate.environments",  # what is measured, as the suite says which
    "gate.journal",
    "machine",
    "records.comparison",
    "records.files",
    "records.warning",
}


def test_whatever_the_stages_and_the_judge_import_counts_or_is_known_to_be_harmless() -> None:
    """A module of ours that is moved out of the folders, or shared, is not forgotten."""
    counted = {name.removesuffix(".py").replace("/", ".") for name, _ in sources(ROOT, PARTS)}
    seen: set[str] = set()
    left = ["gate.stages", "gate.verdict.judge"]
    while left:
        name = left.pop()
        if name in seen or any(name == known or name.startswith(known + ".") for known in HARMLESS):
            continue
        seen.add(name)
        file = ROOT / (name.replace(".", "/") + ".py")
        if not file.exists():
            continue  # a folder of modules, each of which is named by itself
        assert name in counted, name
        left += imported(file)
    assert {"gate.sampling.arms", "supervision", "trimmed_mean", "records.block"} <= seen


def imported(file: Path) -> list[str]:
    """Modules of the package that a module imports, without the package's name."""
    names = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("perceptron."):
            module = str(node.module).removeprefix("perceptron.")
            names += [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return names
