"""The scripts inside the workflows, run as GitHub runs them; tools check the rest of them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from perceptron.report.pull_request.comment import TAG
from tests import action
from tests.conftest import ROOT

yaml = pytest.importorskip("yaml")
needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="no jq")

FOLDER = ROOT / ".github" / "workflows"
GATE, COMMENT = FOLDER / "gate.yml", FOLDER / "gate-comment.yml"
RELEASE = FOLDER / "release.yml"


def steps(file: Path) -> list[dict[str, Any]]:
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    jobs = content["jobs"].values() if "jobs" in content else [content["runs"]]
    return [step for job in jobs for step in job["steps"]]


def script(file: Path, name: str) -> str:
    (chosen,) = (step for step in steps(file) if step.get("name") == name)
    return str(chosen["run"])


def run(
    text: str, folder: Path, programs: dict[str, str], **variables: str
) -> subprocess.CompletedProcess[str]:
    """As GitHub does: bash that stops at the first failure; programs are our own stubs."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    for name, code in programs.items():
        (tools / name).write_text(f"#!/bin/bash\n{code}")
        (tools / name).chmod(0o755)
    output = folder / "output"
    output.touch()
    return subprocess.run(
        ["bash", "-e", "-c", text],
        cwd=folder,
        env={
            "PATH": f"{tools}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(folder),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_REPOSITORY": "we/suite",
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "file", [action.FILE, *sorted(FOLDER.glob("*.yml"))], ids=lambda file: file.name
)
def test_workflow_scripts_contain_no_event_text(file: Path) -> None:
    """Titles and branches would be run. And an action is the commit that was looked at."""
    for step in steps(file):
        assert "${{" not in step.get("run", "")
        if "uses" in step and step["uses"] != "./":  # what is checked out, as everything else
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"])


def test_workflow_with_write_access_runs_no_untrusted_code() -> None:
    """The workflow of the gate can only read. Of the other one, the job that reads the artefact has
    no token to write and checks out the default branch; the job that writes takes the finished
    text, and has no checkout."""
    gate, comment = (yaml.safe_load(file.read_text("utf-8")) for file in (GATE, COMMENT))
    assert gate["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in gate["jobs"].values())
    assert comment["permissions"] == {}
    text, write = comment["jobs"]["text"], comment["jobs"]["comment"]
    assert set(text["permissions"].values()) == {"read"}
    (checkout,) = (step for step in text["steps"] if "checkout" in step.get("uses", ""))
    assert checkout["with"]["ref"] == "${{ github.event.repository.default_branch }}"
    readers = [step for step in steps(COMMENT) if "report.pull_request.post" in step.get("run", "")]
    assert readers
    assert all("env" not in step for step in readers)
    assert write["permissions"] == {"pull-requests": "write"}
    assert write["needs"] == "text"
    (download,) = (step for step in write["steps"] if "uses" in step)
    assert download["with"]["name"] == "comment"
    assert "run-id" not in download["with"]
    assert not any("python" in step.get("run", "") for step in write["steps"])


def test_workflow_gate_uses_this_action() -> None:
    """In a checkout of both revisions, without the token; elsewhere `./` would run what was found
    there."""
    checkout, gate, upload = steps(GATE)
    assert checkout["with"] == {"fetch-depth": 0, "persist-credentials": False}
    assert gate["uses"] == "./"
    assert gate["with"]["comment"] is gate["with"]["page"] is True
    assert upload["with"]["path"] == "${{ steps.gate.outputs.page }}"
    assert upload["if"].startswith("${{ !cancelled() && ")  # above all of a slower one
    assert all("./" not in step.get("uses", "") for step in steps(COMMENT))


def test_workflow_artefact_names_match_download_pattern() -> None:
    """Under a name of its own: of one name, the second upload fails."""
    (upload,) = (step for step in steps(action.FILE) if "upload-artifact" in step.get("uses", ""))
    names = {
        action.filled(
            upload["with"]["name"], {"github": {"job": job}, "strategy": {"job-index": index}}
        )
        for job in ("gate", "other")
        for index in range(3)
    }
    (download,) = (step for step in steps(COMMENT) if "run-id" in step.get("with", {}))
    assert len({name for name in names if fnmatch(name, download["with"]["pattern"])}) == 6
    assert "merge-multiple" not in download["with"]


def api_comment(number: int, login: str, kind: str, body: str) -> dict[str, Any]:
    return {"id": number, "user": {"login": login, "type": kind}, "body": body}


OTHERS = [
    api_comment(1, "octocat", "User", f"{TAG} mine"),
    api_comment(2, "github-actions[bot]", "Bot", f"about {TAG}"),
    api_comment(3, "github-actions[bot]", "User", TAG),
    api_comment(4, "other[bot]", "Bot", TAG),
]
WRITTEN = api_comment(5, "github-actions[bot]", "Bot", f"{TAG}\n\nold")


@needs_jq
@pytest.mark.parametrize(
    ("comments", "call"),
    [
        ([], "POST repos/we/suite/issues/12/comments"),
        (OTHERS, "POST repos/we/suite/issues/12/comments"),
        ([*OTHERS, WRITTEN], "PATCH repos/we/suite/issues/comments/5"),
        ([WRITTEN, {**WRITTEN, "id": 6}], "PATCH repos/we/suite/issues/comments/5"),
        (None, None),  # they cannot be listed
    ],
)
def test_workflow_comment_is_single_and_by_bot(
    tmp_path: Path, comments: list[dict[str, Any]] | None, call: str | None
) -> None:
    """Found by the tag and by its author: a person may have copied the tag."""
    if comments is not None:
        (tmp_path / "comments.json").write_text(json.dumps(comments))
    gh = (
        'if [ "$2" = --paginate ]; then\n'
        '  [ "$3" = "repos/we/suite/issues/12/comments?per_page=100" ] && [ "$4" = --jq ]\n'
        '  jq -r "$5" comments.json\n'
        'else\n  echo "$4 $5 $6 $7" >> calls\nfi\n'
    )
    text = script(COMMENT, "write it, or over the one that is there")
    process = run(text, tmp_path, {"gh": gh}, NUMBER="12")
    assert (process.returncode == 0) is (call is not None), process.stderr
    calls = tmp_path / "calls"
    written = calls.read_text().splitlines() if calls.exists() else []
    assert written == ([] if call is None else [f"{call} --field body=@{tmp_path}/comment.md"])


@pytest.mark.parametrize(
    ("tag", "changes", "error"),
    [
        ("v1.2.0", "## 1.2.0 (2026-12-01)\n\n* faster\n\n## 1.1.0\n\n* first\n", None),
        ("v1.3.0", "## 1.2.0\n\n* faster\n", "v1.3.0, but perceptron/version.py says 1.2.0"),
        ("v1.2.0", "## Unreleased\n\n* faster\n", "CHANGELOG.md has no section '## 1.2.0'"),
    ],
)
def test_release_tag_matches_version_and_notes(
    tmp_path: Path, tag: str, changes: str, error: str | None
) -> None:
    (tmp_path / "perceptron.py").write_text("__version__ = '1.2.0'\n")
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n{changes}")
    name = "the tag's version, and the changelog's section of it"
    ref = {"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": tag}
    process = run(script(RELEASE, name), tmp_path, {}, **ref)
    assert process.stdout == ("" if error is None else f"::error::{error}\n")
    assert (process.returncode == 0) == (error is None)
    if error is None:
        assert (tmp_path / "notes.md").read_text().strip() == "* faster"


def test_release_links_point_to_repository(tmp_path: Path) -> None:
    """README is shown where no file lies beside it."""
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    text = script(RELEASE, "addresses of this repository")
    process = run(text, tmp_path, {}, GITHUB_SHA="1234")
    assert process.returncode == 0, process.stderr
    assert "OWNER" not in (tmp_path / "pyproject.toml").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]*)\)", (tmp_path / "README.md").read_text(encoding="utf-8"))
    assert "https://github.com/we/suite/blob/1234/docs/perceptron-rows.svg?raw=true" in links
    assert "https://github.com/we/suite/blob/1234/docs/first-run.md#extras" in links
    assert all(link.startswith("https://") for link in links)


def test_release_publishes_tested_files_by_tag() -> None:
    """The job that proves who publishes runs nothing of ours; the other one gets no such proof."""
    jobs = yaml.safe_load(RELEASE.read_text(encoding="utf-8"))["jobs"]
    publish, announce = jobs["publish"], jobs["announce"]
    assert (jobs["try"]["needs"], publish["needs"], announce["needs"]) == (
        "build",
        "try",
        "publish",
    )
    assert publish["if"] == "github.event_name == 'push'"
    assert not any("run" in step for step in publish["steps"])
    writers = {name for name, job in jobs.items() if "write" in job.get("permissions", {}).values()}
    assert writers == {"publish", "announce"}
    assert announce["permissions"] == {"contents": "write"}


PAGE = ROOT / "docs" / "gate.md"


def fenced(marker: str) -> str:
    """The file below a marker of the gate's page, with a commit where a reader fills one in."""
    page = PAGE.read_text(encoding="utf-8")
    match = re.search(rf"<!-- {marker} -->\n```yaml\n(.*?)^```", page, re.M | re.S)
    assert match is not None
    return match[1].replace("@REVISION", f"@{'1234567890' * 4}")


def test_workflow_of_docs_has_four_lines_of_steps(tmp_path: Path) -> None:
    """For any other project; test_adoption.py has it checked by the tools that check ours."""
    text = fenced("workflow")
    assert len(text.split("steps:\n")[1].splitlines()) == 4
    file = tmp_path / ".github" / "workflows" / "gate.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    (_, ours) = steps(file)
    assert ours["with"].keys() <= action.action()["inputs"].keys()
    # The other workflow waits for this name, and a label for this event.
    written, commented = (yaml.safe_load(source.read_text("utf-8")) for source in (file, COMMENT))
    assert written["name"] in commented[True]["workflow_run"]["workflows"]
    assert {"labeled", "synchronize"} <= set(written[True]["pull_request"]["types"])
    # What spares ours a run in vain spares theirs too.
    own = yaml.safe_load(GATE.read_text("utf-8"))
    assert written["concurrency"] == own["concurrency"]
    (job,), (our_job,) = written["jobs"].values(), own["jobs"].values()
    for limit in ("if", "timeout-minutes"):
        assert job[limit] == our_job[limit]


def test_workflow_comment_copy_installs_text_dependencies() -> None:
    """The page names the line to replace as it stands in ours, and one that installs a commit."""
    ours, theirs = fenced("comment-install").splitlines()
    assert COMMENT.read_text(encoding="utf-8").splitlines().count(ours) == 1
    ((step,), (replaced,)) = (yaml.safe_load(line) for line in (theirs, ours))
    installs, what = shlex.split(step["run"]), "perceptron-bench @ git+https://github.com/OWNER/"
    assert installs[:-1] == shlex.split(replaced["run"])[: len(installs) - 1]
    assert installs[-1] == f"{what}perceptron@{'1234567890' * 4}"
    assert f'"{installs[-1]}"' in fenced("gitlab")


def test_action_inputs_and_outputs_match_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = page.split("| input | default | meaning |")[1].split("\n\n")[0]
    first = [line.split("|")[1] for line in table.splitlines()[2:]]
    inputs = {name for cell in first for name in re.findall(r"`([\w-]+)`", cell)}
    assert inputs == action.action()["inputs"].keys()
    outputs = page.split("Its outputs are set")[1].split("\n\n")[0]
    for name in action.action()["outputs"]:
        assert f"`{name}` (" in outputs
