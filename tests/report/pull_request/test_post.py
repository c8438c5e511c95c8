from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from perceptron.errors import UserError
from perceptron.records.comparison import Comparison
from perceptron.report.pull_request.comment import MOST_BYTES, TAG, PullRequest, comment
from perceptron.report.pull_request.post import MOST_BYTES as BOUND
from perceptron.report.pull_request.post import MOST_JOBS, MOST_ROWS, number, post
from tests.conftest import ROOT
from tests.made_comparison import block, comparison, slower

SHA = "c" * 40
HEAD = {"sha": SHA, "ref": "topic", "repo": {"full_name": "fork/suite", "private": False}}
RUN = {"head_sha": SHA, "head_branch": "topic", "head_repository": {"full_name": "fork/suite"}}
COMPARISON = comparison(
    slower(), verdict="regression", blocks=[block("x", 0, 1.0, 1.0)], page="gate/x/index.html"
)


class Case:
    """A folder as it was downloaded, what the API says, and the event."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "gate"
        self.job = self.folder / "perceptron-gate-gate-0"
        self.job.mkdir(parents=True)
        self.pull, self.event = root / "pull.json", root / "event.json"
        self.result, self.number = self.job / "gate.json", self.job / "pull-request.txt"
        self.result.write_bytes(msgspec.json.encode(COMPARISON))
        self.number.write_text("12\n")
        self.describe()

    def describe(
        self, head: dict[str, Any] = HEAD, run: dict[str, Any] = RUN, number: int = 12
    ) -> None:
        self.pull.write_text(json.dumps({"number": number, "head": head, "title": "@all"}))
        self.event.write_text(json.dumps({"action": "completed", "workflow_run": run}))

    def post(self) -> str:
        return post(self.folder, self.pull, self.event)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_post_comment_equals_markdown_of_compare(case: Case) -> None:
    """The same that `--markdown` writes, with the commit and how to get what was measured."""
    text = case.post()
    assert text == comment(COMPARISON, PullRequest(12, SHA))
    added = [line for line in text.splitlines() if line not in comment(COMPARISON).splitlines()]
    assert added == [
        "Commit `cccccccccccc`, `main (aaaaaaaaaaaa) → HEAD (bbbbbbbbbbbb)`",
        "git fetch origin refs/pull/12/merge",
    ]


def test_post_links_trusted_pages_only(case: Case) -> None:
    """And to nothing where it names none: an unset variable is empty."""
    url = "https://we.example/suite"
    process = run(case, str(case.folder), str(case.pull), "--pages-url", url)
    assert process.returncode == 0, process.stderr
    assert f"[page with figures]({url}/gate/{'a' * 12}..{'b' * 12}/index.html)" in process.stdout
    process = run(case, str(case.folder), str(case.pull), "--pages-url", "")
    assert (process.returncode, process.stdout) == (0, case.post())
    process = run(case, str(case.folder), str(case.pull), "--pages-url", "x) [y](z")
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.startswith("error: --pages-url ")


def test_post_without_result_says_not_compared(case: Case) -> None:
    """An older table must not stand for it; and only in the pull request that it was of."""
    case.result.unlink()
    text = case.post()
    assert text.startswith(f"{TAG}\n")
    assert "**not compared**: commit `cccccccccccc`" in text
    case.describe({**HEAD, "sha": "d" * 40})
    with pytest.raises(UserError, match="is now at"):
        case.post()


def test_post_log_holds_no_runner_commands(case: Case) -> None:
    """Runners look for both forms, the second anywhere in a line."""
    for sha in ("##[error]x", "::error::x"):
        case.describe({**HEAD, "sha": sha})
        process = run(case, str(case.folder), str(case.pull))
        assert (process.returncode, process.stdout) == (2, "")
        assert "##[" not in process.stderr
        assert not process.stderr.startswith("::")


def test_post_slow_document_is_bounded(case: Case) -> None:
    """Thousands of backends on one axis, a parameter of its own for each, sizes a megabyte long."""

    def benchmark(index: int, **fields: Any) -> dict[str, Any]:
        plain = {"name": "x", "params": ["1", f"'b{index}'"], "param_names": ["size", "backend"]}
        return plain | fields

    blocks = [{**VALID["blocks"][0], "benchmark": f"x(1, 'b{index}')"} for index in range(4000)]
    for benchmarks in (
        [benchmark(index) for index in range(4000)],
        [
            benchmark(0, params=["1", "'b'", "2"], param_names=["size", "backend", f"p{index}"])
            for index in range(4000)
        ],
        [benchmark(0, params=["1" * 1_000_000 + "x", "'b'"])],
        [benchmark(0, params=["{[]: 1}", "'b'"])],
        [benchmark(0, params=["1e308", "'b'"]), benchmark(0, params=["1e307", "'b'"])],
    ):
        rows = [
            {**ROW, "benchmark": "x", "params": benchmark["params"]}
            for benchmark in benchmarks[:10]
        ]
        content = {**VALID, "benchmarks": benchmarks, "blocks": blocks, "rows": rows}
        case.result.write_text(json.dumps(content))
        begin = time.process_time()
        assert case.post().startswith(TAG)
        assert time.process_time() - begin < 20, "it was minutes"


@pytest.mark.parametrize(
    ("head", "run"),
    [
        ({**HEAD, "sha": "d" * 40}, RUN),
        (HEAD, {**RUN, "head_sha": "d" * 40}),
        ({**HEAD, "ref": "other"}, RUN),
        ({**HEAD, "repo": {"full_name": "victim/suite"}}, RUN),
        ({**HEAD, "repo": None}, {**RUN, "head_repository": None}),
        ({**HEAD, "sha": ""}, {**RUN, "head_sha": ""}),
    ],
)
def test_another_pull_request_gets_no_comment(
    case: Case, head: dict[str, Any], run: dict[str, Any]
) -> None:
    """Commit, branch and repository of the run must be the pull request's head."""
    case.describe(head, run)
    with pytest.raises(UserError, match=r"^pull request 12 is now at .* run was of"):
        case.post()
    case.describe(number=13)  # what the API says must be of the number that was asked
    with pytest.raises(UserError, match="another pull request than 12"):
        case.post()


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1 2", "12\n\n", "12; reboot", "٣", "1" * 11, "../12", "x" * 10**6]
)
def test_post_pull_request_number_is_strict(case: Case, text: str) -> None:
    """It goes into an address and into a workflow's output."""
    case.number.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"pull-request\.txt: "):
        number(case.folder)


VALID = json.loads(msgspec.json.encode(COMPARISON))
ROW = VALID["rows"][0]


def valid(**fields: Any) -> str:
    return json.dumps({**VALID, **fields})


@pytest.mark.parametrize(
    "content",
    [
        "",
        "null",
        "{",
        "[" * 100_000,
        '{"rows": ' * 50_000,
        valid(unknown=0)[:-2] + "[" * 100_000,
        valid(rows=[{**ROW, "change": "1"}]),
        valid(rows=[{**ROW, "verdict": "\n::error::x"}]),
        valid(rows=[{**ROW, "change": float("nan")}]),
        valid(plan={}),
        valid().replace('"seed": 7', '"seed": ' + "9" * 5000),
        valid().replace('"seed": 7', '"seed": 1e999'),
        "\udcff",
    ],
)
def test_post_invalid_document_becomes_a_comment(case: Case, content: str) -> None:
    """Wrong types, missing fields, JSON a hundred thousand deep, numbers without end.

    An error would leave the table of an earlier run in the pull request.
    """
    case.result.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert_not_shown(case, "not what is expected: ")


def assert_not_shown(case: Case, reason: str) -> None:
    tag, _, line = case.post().splitlines()
    assert tag == TAG
    cannot = "**not shown**: the result of commit `cccccccccccc` cannot be shown: "
    assert line.startswith(f"{cannot}`gate.json: {reason}")
    assert len(line) < 600
    assert line.removeprefix(cannot).count("`") == 2


def test_large_files_are_not_even_parsed(case: Case) -> None:
    case.result.write_bytes(json.dumps(VALID).encode())
    os.truncate(case.result, BOUND + 1)
    assert_not_shown(case, f"more than {BOUND:,} bytes: choose fewer --benchmarks`")


def test_many_blocks_do_no_harm(case: Case) -> None:
    """A thousand benchmarks have tens of megabytes of them, and no comment shows one."""
    many = [{**VALID["blocks"][0], "benchmark": "x" * 1000}] * 20_000
    case.result.write_text(json.dumps({**VALID, "blocks": many}))
    assert case.result.stat().st_size > 20e6
    assert case.post() == comment(COMPARISON, PullRequest(12, SHA))


def test_post_limits_rows(case: Case) -> None:
    rows = [{**ROW, "spread": None}] * (MOST_ROWS + 1)
    case.result.write_text(json.dumps({**VALID, "rows": rows}))
    assert_not_shown(case, "5001 rows, at most 5000 are shown: ")


def test_long_texts_are_cut(case: Case) -> None:
    """A comment below its bound, in the time that a comment may take."""
    long = "x" * 10_000
    rows = [{**ROW, "benchmark": long, "reason": long}] * 100
    plan = {**VALID["plan"], "left_out": [{"benchmark": long, "reason": long}] * 100}
    case.result.write_text(json.dumps({**VALID, "rows": rows, "plan": plan, "reason": long}))
    text = case.post()
    assert len(text.encode()) < MOST_BYTES
    assert "x" * 400 not in text


@pytest.mark.parametrize("name", ["gate.json", "pull-request.txt"])
def test_post_reads_regular_files_only(case: Case, name: str, tmp_path: Path) -> None:
    """No link out of the folder, no pipe that never ends, no folder."""
    secret = tmp_path / "secret"
    secret.write_bytes((case.job / name).read_bytes())
    for make in (
        lambda file: file.symlink_to(secret),
        os.mkfifo,
        lambda file: file.mkdir(),
        *([] if name == "gate.json" else [lambda file: None]),
    ):
        file = case.job / name
        file.unlink(missing_ok=True)
        make(file)
        with pytest.raises(UserError, match=rf"{name}: (cannot be read|not a plain file)"):
            case.post()
        if file.is_dir():
            file.rmdir()


def test_post_reads_no_other_file_of_folder(case: Case) -> None:
    """Not even a module of ours that lies there: the comment is the same."""
    wanted = case.post()
    (case.job / "msgspec.py").write_text("raise SystemExit('read')")
    (case.job / "other.json").write_text("x")
    (case.job / "other.json").chmod(0)
    process = run(case, str(case.folder), str(case.pull))
    assert (process.returncode, process.stdout) == (0, wanted)
    assert process.stdout.startswith(TAG)


def test_post_prints_number_or_one_line(case: Case) -> None:
    """Exit code 2 and nothing on standard output where something is wrong."""
    assert run(case, str(case.folder)).stdout == "12\n"
    for arguments in ([], ["a", "b", "c"], [str(case.folder / "no")]):
        process = run(case, *arguments)
        assert (process.returncode, process.stdout) == (2, "")
        assert len(process.stderr.splitlines()) == 1
        assert process.stderr.startswith("error: ")


def run(case: Case, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "perceptron.report.pull_request.post", *arguments],
        cwd=ROOT,
        env={**os.environ, "GITHUB_EVENT_PATH": str(case.event), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_post_imports_only_installed_packages() -> None:
    """Of all that the package depends on."""
    code = "import sys, perceptron.report.pull_request.post; print(*sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    workflow = (ROOT / ".github" / "workflows" / "gate-comment.yml").read_text(encoding="utf-8")
    installed = re.search(r"pip install --only-binary=:all: (.*)\"", workflow)
    assert installed is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.split(r"[>=<]", dependency)[0] for dependency in project["dependencies"]}
    assert needed & set(process.stdout.split()) == set(installed[1].split())


def test_jobs_of_a_matrix_have_one_comment_with_a_row_each(case: Case) -> None:
    """The worst first, by the name that GitHub gives it; a clean one has its row alone."""
    clean = comparison(reason="the same code: nothing differs")
    add(case, "gate-1", clean, {"job": "gate", "matrix": {"python": "3.12", "os": {"x": 1}}})
    add(case, "gate-2", None, {"job": "gate", "matrix": {"python": 3.13}})
    (case.job / "job.json").write_text('{"job": "gate", "matrix": {"python": "3.11"}}')
    text = case.post()
    assert text.startswith(f"{TAG}\n\n**regression** in 1 of 3 jobs\n")
    assert re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", text, re.M)[:3] == [
        ("`gate (3.11)`", "slower"),
        ("`gate (3.13)`", "not compared"),
        ('`gate (3.12, {"x":1})`', "clean"),
    ]
    assert re.findall(r"^#### (.*)", text, re.M) == ["`gate (3.11)`", "`gate (3.13)`"]
    assert comment(COMPARISON, PullRequest(12, SHA)).removeprefix(TAG).strip() in text
    assert run(case, str(case.folder)).stdout == "12\n"


def test_jobs_are_untrusted_too(case: Case) -> None:
    """Their names, how many there are, how much they say, and whose they say to be."""
    evil = "|`\n# @all <!-- "
    for index in range(MOST_JOBS - 1):
        rows = [slower(benchmark=f"{evil}{'x' * 300}{number}", reason=evil) for number in range(99)]
        add(case, f"gate-{index + 1}", comparison(*rows, verdict="regression"), {"job": evil * 99})
    (case.job / "job.json").write_text("[" * 100_000)
    text = case.post()
    assert len(text.encode()) < MOST_BYTES
    assert text.count("\n| `perceptron-gate-gate-0` | slower | ") == 1
    assert not re.search(r"^# |^[^`]*(@all|<!-- (?!perceptron))", text, re.M)
    add(case, "gate-999", None, {})
    with pytest.raises(UserError, match=f"at most {MOST_JOBS}"):
        case.post()
    (case.folder / "perceptron-gate-gate-999" / "pull-request.txt").unlink()
    (case.folder / "perceptron-gate-gate-999").rename(case.folder.parent / "elsewhere")
    (case.folder / "perceptron-gate-gate-3" / "pull-request.txt").write_text("13\n")
    with pytest.raises(UserError, match="different pull requests"):
        number(case.folder)


def add(case: Case, name: str, result: Comparison | None, job: object) -> None:
    """Another job of the run, as its artefact was downloaded."""
    folder = case.folder / f"perceptron-gate-{name}"
    folder.mkdir()
    (folder / "pull-request.txt").write_text("12\n")
    (folder / "job.json").write_text(json.dumps(job))
    if result is not None:
        (folder / "gate.json").write_bytes(msgspec.json.encode(result))
