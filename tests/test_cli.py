"""The command contract, kept by real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from perceptron.backends import registry
from perceptron.report.numbers import duration_interval
from tests.conftest import ROOT, Perceptron

HEAVY = ("numpy", "torch", "pandas", "matplotlib", "scipy", "rich")
QUICK = ("bench", "--quick", "--families", "mlp-depth", "--machine", "box", "--threads", "1")

CROSSOVER = {
    "family",
    "incumbent",
    "challenger",
    "status",
    "size",
    "low",
    "high",
    "bracket",
    "crossings",
    "sizes_measured",
    "sure",
    "unsure",
    "machine",
    "dtype",
    "threads",
    "reason",
}


def test_help_imports_nothing_heavy() -> None:
    """The first answer must not cost a second: neither our modules nor typer pull them in."""
    code = (
        "import sys\nfrom perceptron.cli import main\nsys.argv = ['perceptron', '--help']\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "walkthrough" in found.stdout
    assert not set(HEAVY) & set(found.stderr.split())


@pytest.mark.parametrize(
    "command",
    [
        "walkthrough",
        "backends",
        "check",
        "bench",
        "crossover",
        "map",
        "compare",
        "proof",
        "truth",
        "dashboard",
        "doctor",
    ],
)
def test_every_command_has_help_in_one_screen(perceptron: Perceptron, command: str) -> None:
    found = perceptron(command, "--help")
    assert found.returncode == 0
    assert len(found.stdout.splitlines()) < 40


def test_the_version_is_told(perceptron: Perceptron) -> None:
    import perceptron as package

    assert perceptron("--version").stdout == f"perceptron {package.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["walkthrouhg"], "error: No such command 'walkthrouhg'"),
        (["walkthrough", "or-gat"], "error: unknown problem 'or-gat': did you mean 'or-gate'?"),
        (["walkthrough", "--actviation", "tanh"], "error: No such option: --actviation"),
        (
            ["walkthrough", "--backend", "nunpy"],
            "error: unknown backend 'nunpy': did you mean 'numpy'?",
        ),
        (
            ["bench", "--families", "mlp-wdith"],
            "error: unknown family 'mlp-wdith': did you mean 'mlp-width'?",
        ),
        (
            ["bench", "--problem", "no.toml"],
            "error: {folder}/no.toml: cannot be read: No such file",
        ),
        (["bench", "--problem", "or-gate"], "error: 'or-gate' is no model of your own: name a"),
        (["bench", "--problem", ","], "error: --problem is empty"),
        (["bench", "--threads", "many"], "error: --threads takes whole numbers from 1"),
        (["bench", "--dtype", "half"], "error: unknown --dtype 'half'"),
        (["bench", "--results", "/proc/no"], "error: /proc/no: cannot write results"),
        (["check", "torch-gpu"], "error: unknown backend 'torch-gpu': did you mean 'torch-c"),
        (["check"], "error: Missing argument"),
        (["bench", "--machine", "../../x"], "error: --machine takes letters, digits"),
        (["bench", "--threads", ""], "error: --threads is empty"),
        (["bench", "--backends", ","], "error: --backends is empty"),
        (["check", ""], "error: NAME is empty"),
        (["bench", "--machine", ""], "error: --machine takes letters, digits"),
        (["bench", "--html", "/proc/no"], "error: /proc/no/index.html: cannot write the page"),
        (["crossover", "--by", "backend"], "error: --by and --size name parameters of files"),
        (["crossover", "--size", "n"], "error: --by and --size name parameters of files"),
        (["crossover", "--pair", "numpy"], "error: --pair takes INCUMBENT:CHALLENGER"),
        (
            ["crossover", "--pair", "nunpy:torch-cpu"],
            "error: unknown backend in --pair 'nunpy': did you mean 'numpy'?",
        ),
        (["crossover", "--pair", "numpy:numpy"], "error: --pair 'numpy:numpy' names one backend"),
        (["crossover", "--pair", ""], "error: --pair is empty"),
        (
            ["crossover", "--family", "mlp-map"],
            "error: family 'mlp-map' varies along 2 axes: `perceptron map --family mlp-map` draws",
        ),
        (["crossover", "--family", "mlp-wdith"], "error: unknown family 'mlp-wdith': did you mean"),
        (["crossover", "--from", "no.csv"], "error: no.csv: no such results"),
        (["crossover", "--iterations", "0"], "error: Invalid value for '--iterations'"),
        (["crossover", "--backends", "numpy"], "error: a crossover needs two backends"),
        (["crossover", "--problem", "no.toml"], "error: {folder}/no.toml: cannot be read"),
        (["crossover", "--html", "/proc/no"], "error: /proc/no/crossover.html: cannot write the"),
        (["map", "--family", "mlp-width"], "error: family 'mlp-width' varies along 1 axis and a"),
        (
            ["compare", "a", "b", "--markdown", "/proc/no"],
            "error: /proc/no: cannot be written: No such file or directory; choose another",
        ),
        (["truth", "--worlds", "0"], "error: Invalid value for '--worlds'"),
        (["proof", "--runs", "0"], "error: Invalid value for '--runs'"),
        (["proof", "--machine", "a/b"], "error: --machine takes letters, digits"),
        (["proof", "--save", "/proc/no/p.md"], "error: /proc/no/p.md: cannot be written"),
        (
            ["proof", "--report", "--machine", "box"],
            "error: {folder}/results/proof/box: no run yet",
        ),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    here: Perceptron, tmp_path: Path, arguments: list[str], message: str
) -> None:
    """On standard error, naming the option or name; no traceback, nothing on standard output."""
    found = here(*arguments)
    assert found.returncode == 2
    assert found.stdout == ""
    assert found.stderr.startswith(message.replace("{folder}", str(tmp_path)))
    assert len(found.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["walkthrough", "--actviation", "tanh"], "error: No such option: --actviation"),
        (["bench", "--threads", "many"], "error: --threads takes whole numbers from 1"),
    ],
)
def test_a_shell_sees_wrong_usage_as_the_tests_in_this_process_do(
    perceptron: Perceptron, here: Perceptron, arguments: list[str], message: str
) -> None:
    """The parser's complaints and ours: the same code and the same words from a real process."""
    seen, told = perceptron(*arguments), here(*arguments)
    assert seen.stderr.startswith(message)
    assert (seen.returncode, seen.stdout, seen.stderr) == (2, told.stdout, told.stderr)


def test_a_terminal_without_greek_letters_loses_no_report(tmp_path: Path) -> None:
    """µ and × become marks; the command still answers."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    found = subprocess.run(
        [sys.executable, "-m", "perceptron", "walkthrough", "--backend", "numpy"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=True,
    )
    assert b"10,000 iterations took" in found.stdout


def test_a_full_disk_behind_standard_output_is_one_line(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        found = subprocess.run(
            [sys.executable, "-m", "perceptron", "backends", "--json"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert found.returncode == 2
    assert found.stderr.splitlines()[0] == "error: cannot write the answer: No space left on device"


def test_backends_say_what_can_run(perceptron: Perceptron) -> None:
    found = {
        each["name"]: each
        for each in json.loads(perceptron("backends", "--json").stdout)["backends"]
    }
    assert list(found) == registry.names()
    assert found["numpy"]["available"] is True
    for name, each in found.items():
        assert each["reason"] == registry.reason_unavailable(name)
    table = perceptron("backends").stdout
    assert all(name in table for name in found)


def test_the_walk_through_prints_the_contract(perceptron: Perceptron) -> None:
    """Ten errors at steps 0 … 9000, weights, bias, predictions and seconds for each backend."""
    found = perceptron("walkthrough", "or-gate", "--json")
    assert found.returncode == 0
    document = json.loads(found.stdout)
    assert document["problem"] == "or-gate"
    runs = {each["backend"]: each for each in document["runs"]}
    numpy = runs["numpy"]
    assert numpy["dtype"] == "float64"
    assert [step for step, _ in numpy["errors"]] == list(range(0, 10_000, 1000))
    assert [f"{weight:.8f}" for weight in numpy["weights"]] == ["9.98578506", "9.98589032"]
    assert numpy["bias"] == pytest.approx(-4.52752860008788, abs=1e-11)
    assert [f"{each:.6f}" for each in numpy["predictions"]] == [
        "0.010692",
        "0.995758",
        "0.995757",
        "1.000000",
    ]
    assert numpy["seconds"] > 0
    if "torch-cpu" in runs:
        torch = runs["torch-cpu"]
        assert torch["dtype"] == "float32"
        assert torch["weights"] == pytest.approx([9.985788, 9.985894], abs=1e-5)
        assert torch["bias"] == pytest.approx(-4.52752685546875, abs=1e-5)
    reasons = {each["backend"]: each["reason"] for each in document["skipped"]}
    assert set(reasons) | set(runs) == {"numpy", "torch-cpu", "torch-cuda"}


def test_figures_are_saved_where_asked_for(perceptron: Perceptron, tmp_path: Path) -> None:
    found = perceptron("walkthrough", "xor-hidden", "--backend", "numpy", "--save", "figures")
    assert found.returncode == 0
    assert (tmp_path / "figures" / "xor-hidden-decision.png").exists()


def test_a_walk_through_without_any_run_still_saves_what_it_can(
    perceptron: Perceptron, tmp_path: Path
) -> None:
    """No GPU: the data, the reason, and the figure of the activation."""
    if registry.reason_unavailable("torch-cuda") is None:
        pytest.skip("there is a GPU here")
    found = perceptron("walkthrough", "--backend", "torch-cuda", "--save", "figures")
    assert found.returncode == 0
    assert "torch-cuda: skipped" in found.stdout
    assert (tmp_path / "figures" / "sigmoid.png").exists()


def test_check_passes_ours_and_exits_1_for_none(perceptron: Perceptron) -> None:
    found = perceptron("check", "numpy", "--json")
    assert found.returncode == 0
    checks = json.loads(found.stdout)["backends"]["numpy"]
    assert all(not each["broken"] and each["passed"] for each in checks)


def test_bench_prints_the_contract_and_names_page_and_results(
    perceptron: Perceptron, tmp_path: Path
) -> None:
    """One document on standard output, progress on standard error, rows and page on disk."""
    found = perceptron(*QUICK, "--json")
    assert found.returncode == 0, found.stderr
    document = json.loads(found.stdout)
    assert document["machine"] == "box"
    finding = {each["backend"]: each for each in document["finding"]}
    assert finding["numpy"]["ratio_to_numpy"] == 1.0
    if finding["torch-cpu"]["seconds"] is not None:
        assert finding["torch-cpu"]["ratio_to_numpy"] > 2
    if registry.reason_unavailable("torch-cuda") is not None:
        assert finding["torch-cuda"]["seconds"] is None
        assert finding["torch-cuda"]["reason"] == registry.reason_unavailable("torch-cuda")
    assert len(document["crossovers"]) == 3
    assert all(set(each) == CROSSOVER for each in document["crossovers"])
    assert document["dashboard"] == "html/index.html"
    page = " ".join((tmp_path / document["dashboard"]).read_text(encoding="utf-8").split())
    assert '<p class="lead">On <a href="machines.html">box</a>' in page
    numpy = finding["numpy"]
    assert duration_interval(numpy["seconds"], numpy["low"], numpy["high"]) in page
    assert (tmp_path / document["results"] / "measurements.jsonl").is_file()
    assert "measuring:" in found.stderr


TABLE = """case,size,backend,seconds
svd,1,numpy,1
svd,100,numpy,100
svd,1,jax-gpu,30
svd,100,jax-gpu,31
"""


def test_a_strangers_table_is_judged_in_the_form_of_the_contract(
    perceptron: Perceptron, tmp_path: Path
) -> None:
    """One document on standard output, nothing else; the page is where it says."""
    (tmp_path / "times.csv").write_text(TABLE)
    found = perceptron("crossover", "--from", "times.csv", "--json")
    assert (found.returncode, found.stderr) == (0, "")
    document = json.loads(found.stdout)
    assert set(document) == {
        "crossovers",
        "from_cold",
        "what_if",
        "what_if_checks",
        "amortisation",
        "warnings",
        "page",
        "results",
    }
    (crossover,) = document["crossovers"]
    assert set(crossover) == CROSSOVER
    assert (crossover["incumbent"], crossover["challenger"]) == ("numpy", "jax-gpu")
    assert (crossover["status"], crossover["bracket"]) == ("crosses", [1, 100])
    assert crossover["crossings"] == [{"size": crossover["size"], "direction": "challenger"}]
    assert 1 < crossover["size"] < 100
    assert (crossover["low"], crossover["high"]) == (None, None)
    assert document["results"] is None
    assert "svd" in (tmp_path / document["page"]).read_text(encoding="utf-8")


def test_a_strangers_table_is_judged_in_words(perceptron: Perceptron, tmp_path: Path) -> None:
    (tmp_path / "times.csv").write_text(TABLE)
    found = perceptron("crossover", "--from", "times.csv", "--pair", "jax-gpu:numpy")
    assert found.returncode == 0
    assert "jax-gpu → numpy" in found.stdout
    assert "jax-gpu from" in found.stdout or "numpy first" in found.stdout
    assert "page:  html/crossover.html" in found.stdout
    wrong = perceptron("crossover", "--from", "times.csv", "--pair", "numpy:torch")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: unknown backend in --pair 'torch'")


def test_wrong_usage_leaves_nothing_behind(here: Perceptron, tmp_path: Path) -> None:
    assert here("crossover", "--by", "backend").returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_truth_tells_how_often_it_is_right(perceptron: Perceptron, tmp_path: Path) -> None:
    """The same worlds for the same seed; date, version and machine beside the shares."""
    found = perceptron("truth", "--worlds", "5", "--json", "--save", "truth.md")
    assert found.returncode == 0, found.stderr
    document = json.loads(found.stdout)
    assert set(document) == {"when", "machine", "version", "seconds", "locator", "map"}
    locator = document["locator"]
    assert (locator["worlds"], locator["seed"]) == (5, 1)
    assert [row["worlds"] for row in locator["rows"]] == ["all", "clear", "others"]
    every, clear, others = (row["right"] for row in locator["rows"])
    assert every["trials"] == clear["trials"] + others["trials"] == 5
    for row in locator["rows"]:
        for share in (row["right"], row["sure"], row["covered"]):
            assert set(share) == {"hits", "trials", "value", "low", "high"}
            if share["trials"]:
                assert 0 <= share["low"] <= share["value"] <= share["high"] <= 1
    assert document["map"]["worlds"] == 1
    assert "--worlds 5 --seed 1" in (tmp_path / "truth.md").read_text(encoding="utf-8")
    assert found.stderr.splitlines()[-1] == "wrote truth.md"


def test_a_file_that_cannot_be_written_is_told_first(perceptron: Perceptron) -> None:
    found = perceptron("truth", "--worlds", "1", "--save", "/proc/no/truth.md")
    assert found.returncode == 2
    assert found.stderr.splitlines()[-1].startswith("error: /proc/no/truth.md: cannot be written")
    assert found.stdout == ""


def test_killed_half_way_and_started_again_nothing_is_lost_or_measured_twice(
    perceptron: Perceptron, tmp_path: Path
) -> None:
    """SIGKILL at a row in the middle; the second run keeps every line and adds the rest."""
    process = subprocess.Popen(
        [sys.executable, "-m", "perceptron", *QUICK, "--backends", "numpy"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    before: list[str] = []
    deadline = time.monotonic() + 60
    while len(before) < 7 and time.monotonic() < deadline:
        files = list(tmp_path.glob("results/runs/box/*/measurements.jsonl"))
        before = files[0].read_text().splitlines() if files else []
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (file,) = tmp_path.glob("results/runs/box/*/measurements.jsonl")
    kept = file.read_text()
    kept = kept[: kept.rfind("\n") + 1]
    assert perceptron(*QUICK, "--backends", "numpy").returncode == 0
    (file,) = tmp_path.glob("results/runs/box/*/measurements.jsonl")
    assert file.read_text().startswith(kept)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    keys = [(row["problem"], row["backend"], row["process"]) for row in rows]
    assert len(keys) == len(set(keys))
    # depths 2, 8 and 32 and two trainings of the OR gate, in four processes
    assert len(keys) == 4 * (3 + 2)
    assert len(kept.splitlines()) < len(keys)


def test_ctrl_c_is_one_line_and_keeps_what_was_measured(tmp_path: Path) -> None:
    # A shell that starts the tests in the background has them ignore ctrl-C.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    process = subprocess.Popen(
        [sys.executable, "-c", f"{heed}from perceptron.cli import main; main()", *QUICK],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while (
        not list(tmp_path.glob("results/runs/box/*/measurements.jsonl"))
        and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.splitlines()[-1].startswith("error: interrupted; rows already measured are kept")
    assert "Traceback" not in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ("-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder))
    if subprocess.run(["mount", *options], check=False, capture_output=True).returncode:
        pytest.skip("a full disk: this user may not mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up_ends_the_run_with_one_line_and_keeps_its_rows(
    perceptron: Perceptron, small_disk: Path
) -> None:
    """What was measured before is still read; nothing is half a row."""
    options = (*QUICK, "--backends", "numpy", "--results", str(small_disk))
    (small_disk / "ballast").write_bytes(b"x" * 48 * 1024)
    found = perceptron(*options)
    assert found.returncode == 2
    assert found.stderr.splitlines()[-1].startswith("error: ")
    assert "cannot write results: No space left on device" in found.stderr.splitlines()[-1]
    import perceptron as package

    kept = len(package.load_results(small_disk))
    (small_disk / "ballast").unlink()
    assert perceptron(*options).returncode == 0
    assert len(package.load_results(small_disk)) == 4 * (3 + 2) >= kept


def test_overhead_prints_the_documents_of_the_contract(perceptron: Perceptron) -> None:
    """Rungs with everything that the contract names, and phases of the eager one."""
    found = perceptron(
        *("overhead", "--quick", "--backends", "torch-cpu", "python", "torch-cuda"),
        *("--threads", "1", "--json"),
    )
    assert found.returncode == 0, found.stderr
    document = json.loads(found.stdout)
    assert document["problem"] == "or-gate"
    rungs = {rung["backend"]: rung for rung in document["rungs"]}
    wanted = {"backend", "seconds_per_iteration", "low", "high", "ratio_to_floor", "removes"}
    assert wanted | {"kernels_per_iteration", "reason"} <= set(rungs["python"])
    assert rungs["python"]["ratio_to_floor"] == 1
    assert rungs["torch-cpu"]["ratio_to_floor"] > 20
    assert rungs["torch-cpu"]["kernels_per_iteration"] >= 10
    if rungs["torch-cuda"]["seconds_per_iteration"] is None:
        assert rungs["torch-cuda"]["reason"]
    phases = [phase for phase in document["phases"] if phase["backend"] == "torch-cpu"]
    assert {phase["phase"] for phase in phases} >= {"forward", "loss", "backward"}
    (whole,) = [each for each in document["phases_of_whole"] if each["backend"] == "torch-cpu"]
    assert whole["phases_seconds"] == pytest.approx(
        sum(phase["seconds_per_iteration"] for phase in phases)
    )
    # The same unit and the same work; other processes measured it, at another time of a busy day.
    assert 1 / 3 < whole["phases_seconds"] / whole["seconds_per_iteration"] < 3


def test_advise_answers_in_one_sentence(perceptron: Perceptron) -> None:
    """On one document: the sentence, what stands behind it, and an estimate that says it is one."""
    found = perceptron(
        *("advise", "--rows", "40", "--features", "3", "--hidden", "2,2", "--seconds", "3"),
        *("--what-if", "h100", "--threads", "1", "--json"),
    )
    assert found.returncode == 0, found.stderr
    document = json.loads(found.stdout)
    assert document["problem"] == "mlp:40x3x2x2"
    assert document["use"] in {"numpy", "torch-cpu", "torch-cuda"}
    assert document["sentence"].startswith("Use ")
    assert document["what_if"]["sentence"].startswith("Estimated, not measured, on a h100")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["crossover", "--from", "x.csv", "--threads", "2"], "--threads says what to measure"),
        (["crossover", "--from", "x.csv", "--dtype", "float64"], "--dtype says what to measure"),
        (["advise", "--rows", "3"], "give --rows and --features"),
        (["advise", "--rows", "3", "--problem", "xor"], "not both"),
        (["advise", "--problem", "xor", "--what-if", "h10"], "unknown device 'h10'"),
        (["overhead", "--problem", "nothing"], "unknown problem 'nothing'"),
        (["overhead", "--threads", "1,2"], "--threads takes one number here"),
        (["map", "--family", "mlp-width"], "varies along 1 axis and a map needs two"),
    ],
)
def test_wrong_usage_of_the_new_commands_is_one_line(
    here: Perceptron, arguments: list[str], message: str
) -> None:
    found = here(*arguments)
    assert found.returncode == 2
    assert found.stderr.startswith("error: ")
    assert found.stderr.count("\n") == 1
    assert message in found.stderr
    assert found.stdout == ""
