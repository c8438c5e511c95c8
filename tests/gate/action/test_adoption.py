"""The steps that the docs give to an asv suite, a pytest suite and a compiled project, run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from perceptron.report.pull_request.post import number
from tests import action
from tests.conftest import ROOT
from tests.gate import test_built_compare as built
from tests.gate.conftest import COUNTED, SHORT, Repository
from tests.test_workflows import check, fenced, yaml

PAGE = (ROOT / "docs" / "adopt-the-gate.md").read_text(encoding="utf-8")
SLOWER = COUNTED.replace("amount * 1e-6", "amount * (1.05e-6 if amount == 100 else 1e-6)")
ASV = f"""{SHORT}
import toy

class Suite:
    timer = staticmethod(toy.clock)

    def time_total(self):
        toy.work(100)

    def time_words(self):
        toy.work(200)
"""
PYTEST = """
import pytest
import toy

pytestmark = pytest.mark.benchmark(timer=toy.clock)

def test_total(benchmark):
    benchmark(toy.work, 100)

def test_words(benchmark):
    benchmark(toy.work, 200)
"""
COMPILED = {
    "setup.py": built.SETUP,
    "fastsum/__init__.py": "from fastsum._core import clock, work\n",
    "benchmarks/suite.py": built.SUITE.partition("    def time_two")[0],
    "asv.conf.json": json.dumps(built.CONFIG),
}
# Of each kind: its files, then the one that a pull request changes, before and after.
KINDS = {
    "asv": ({"benchmarks/suite.py": ASV}, "toy/__init__.py", COUNTED, SLOWER),
    "pytest": ({"tests/benchmarks/test_toy.py": PYTEST}, "toy/__init__.py", COUNTED, SLOWER),
    "compiled": (COMPILED, "fastsum/_core.c", built.SOURCE.replace("EXTRA", "0"), built.SLOWER),
}


def workflow(kind: str) -> str:
    """The whole file, as a maintainer puts it together."""
    (steps,) = re.findall(rf"<!-- steps: {kind} -->\n```yaml\n(.*?)^```", PAGE, re.M | re.S)
    before, found, _ = fenced("workflow").partition("      - uses: OWNER/perceptron")
    assert found
    return before + steps.replace("@REVISION", f"@{'1234567890' * 4}")


def test_only_the_default_branch_saves_what_was_built(tmp_path: Path) -> None:
    """What a pull request builds could write into the BASE that its next push is compared with."""
    (text,) = re.findall(r"<!-- workflow: built -->\n```yaml\n(.*?)^```", PAGE, re.M | re.S)
    file = tmp_path / ".github" / "workflows" / "gate-built.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text.replace("@REVISION", f"@{'1234567890' * 4}"))
    check("zizmor", "--offline", "--quiet", str(file))
    check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(file))
    builds, compares = yaml.safe_load(file.read_text()), yaml.safe_load(workflow("compiled"))
    assert [*builds[True]] == ["push"]
    assert [*compares[True]] == ["pull_request"]
    (own,), (other,) = (caching(one) for one in (builds, compares))
    assert own["uses"].startswith("actions/cache/save@")
    assert other["uses"].startswith("actions/cache/restore@")
    assert own["with"]["path"] == other["with"]["path"]
    assert own["with"]["key"].startswith(other["with"]["restore-keys"])


def caching(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    (job,) = workflow["jobs"].values()
    return [step for step in job["steps"] if step["uses"].startswith("actions/cache")]


def shape(line: str) -> str:
    """Without the numbers and names that the next run has others of."""
    return re.sub(r"`[^`]*`", "name", re.sub(r"\d[\d.]*", "1", line)).lstrip("> ")


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        "asv",
        "pytest",
        pytest.param("compiled", marks=built.pytestmark),
    ],
)
def test_a_project_that_copies_the_steps_is_told_what_became_slower(
    kind: str, toy: Repository, temporary: Path, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the line that the page says it prints; without a network, nothing is installed.

    The outputs are there although the step failed. The workflow that comments is handed the
    document and the number: not a text, for it makes its own.
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    files, changed, before, after = KINDS[kind]
    for name, text in files.items():
        toy.write(name, text)
    toy.write(".github/workflows/gate.yml", workflow(kind))
    toy.write(changed, before)
    toy.commit("base")
    toy.write(changed, after)
    toy.commit("head")
    file = toy.folder / ".github" / "workflows" / "gate.yml"
    check("zizmor", "--offline", "--quiet", str(file))
    check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(file))
    (job,) = yaml.safe_load(file.read_text())["jobs"].values()
    (step,) = (one for one in job["steps"] if one["uses"].startswith("OWNER/perceptron@"))
    inputs = {name: json.dumps(v) if v is True else v for name, v in step["with"].items()}
    inputs |= {"count": "never", "options": "--seed 3", "comment": "true", "page": "true"}
    ran = action.run(toy.folder, temporary, tools, inputs, {"number": 12, "action": "opened"})
    assert (ran.code, ran.outputs["verdict"]) == (1, "regression"), ran.printed
    (printed,) = re.findall(rf"<!-- prints: {kind} -->\n(.*)", PAGE)
    comment = Path(ran.outputs["markdown"]).read_text()
    for text in (comment, ran.summary):
        assert shape(printed) in {shape(line) for line in text.splitlines()}
    assert "::error::slower" in ran.printed
    document = json.loads(Path(ran.outputs["json"]).read_text())
    assert document["verdict"] == "regression"
    assert (Path(ran.outputs["page"]) / document["page"]).is_file()
    assert ran.steps[-2:] == ["compare", "actions/upload-artifact"]
    handed = Path(ran.outputs["json"]).parent
    assert sorted(one.name for one in handed.iterdir()) == ["gate.json", "pull-request.txt"]
    assert number(handed) == 12
    (upload,) = (own for own in action.action()["runs"]["steps"] if "upload" in own.get("uses", ""))
    assert upload["with"]["path"] == "${{ steps.own.outputs.folder }}/gate"


@pytest.mark.slow
def test_the_lines_for_gitlab_do_the_same(toy: Repository, tools: Path) -> None:
    toy.write("benchmarks/suite.py", ASV)
    toy.commit("base")
    toy.write("toy/__init__.py", SLOWER)
    toy.commit("head")
    (tools / "pip").write_text('#!/bin/bash\necho "$@" > pip\n')
    (tools / "pip").chmod(0o755)
    (job,) = yaml.safe_load(fenced("gitlab")).values()
    process = subprocess.run(
        ["bash", "-e", "-c", "\n".join(job["script"])],
        cwd=toy.folder,
        env={
            **os.environ,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(tools),
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": toy.git("rev-parse", "base").strip(),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1, process.stdout + process.stderr
    assert "perceptron-bench @ git+" in (toy.folder / "pip").read_text()
    (artifact,) = job["artifacts"]["paths"]
    assert "**slower**: `suite.Suite.time_total` takes" in (toy.folder / artifact).read_text()
