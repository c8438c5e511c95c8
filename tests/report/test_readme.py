from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.records.speeds import Speeds, newest_speeds
from perceptron.report import readme


def test_the_pages_show_what_the_committed_results_say(results_of_record: Path) -> None:
    """No number in a block was typed by hand: `make readme` would change nothing."""
    results = results_of_record
    bench, drawn = readme.newest(results), readme.newest_map(results)
    climbed = readme.newest_ladder(results)
    pages = readme.filled(bench, drawn, climbed, newest_speeds(results))
    assert pages.keys() == readme.PAGES.keys()
    for page, text in pages.items():
        assert (readme.ROOT / page).read_text(encoding="utf-8") == text
    shown = "".join(pages.values())
    for name in readme.pictures(bench, drawn, climbed):
        assert f"]({name})" in shown or f"](docs/{name})" in shown
        assert (readme.ROOT / "docs" / name).is_file()


def test_no_page_has_a_block_that_nothing_fills() -> None:
    for page in (readme.ROOT / "README.md", *(readme.ROOT / "docs").glob("*.md")):
        blocks = re.findall(r"<!-- begin: (\S+) -->", page.read_text(encoding="utf-8"))
        name = page.relative_to(readme.ROOT).as_posix()
        assert sorted(blocks) == sorted(readme.PAGES.get(name, ())), name


def test_a_missing_place_is_named() -> None:
    with pytest.raises(UserError, match=r"README\.md: no place for 'finding'"):
        readme.fill("nothing", {"finding": "x"})
    with pytest.raises(UserError, match=r"docs/gate\.md: no place for 'proof'"):
        readme.fill("nothing", {"proof": "x"}, "docs/gate.md")


def test_no_run_is_told_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="`perceptron bench` makes one"):
        readme.newest(tmp_path)
    with pytest.raises(UserError, match="`perceptron map` makes one"):
        readme.newest_map(tmp_path)
    with pytest.raises(UserError, match="`perceptron overhead` makes one"):
        readme.newest_ladder(tmp_path)
    page = tmp_path / "gate-proof.md"
    with pytest.raises(UserError, match="`make proof` writes it"):
        readme.proof_blocks(page)
    page.write_text("# Nothing yet\n")
    with pytest.raises(UserError, match="holds no table"):
        readme.proof_blocks(page)


def test_the_map_and_the_ladder_are_of_the_machine_of_the_whole_run(
    results_of_record: Path, tmp_path: Path
) -> None:
    """A map that was measured elsewhere since is of another story."""
    results = tmp_path / "results"
    shutil.copytree(results_of_record, results)
    bench = readme.newest(results)
    shown = {
        str(readme.newest_map(results).results),
        str(readme.newest_ladder(results).results),
    }
    for run in shown:
        elsewhere = results / "runs" / "elsewhere"
        shutil.copytree(tmp_path / run, elsewhere / f"{Path(run).name}-later")
        for file in (tmp_path / run).parent.glob("environment-*.json"):
            shutil.copy(file, elsewhere)
        file = elsewhere / f"{Path(run).name}-later" / "run.json"
        later = {"machine": "elsewhere", "started": "2999-01-01T00:00:00Z"}
        file.write_text(json.dumps(json.loads(file.read_text()) | later))
    assert {
        str(readme.newest_map(results).results),
        str(readme.newest_ladder(results).results),
    } == shown
    assert readme.newest(results).machine == bench.machine


def test_speeds_are_shown_as_soon_as_there_are_any() -> None:
    assert readme.speeds_blocks(None) == {"speeds": "Not measured yet: `make targets` does."}
    speeds = Speeds(machine="box", cpu="", cores=2, code="", when="", command="it")
    assert readme.speeds_blocks(speeds)["speeds"].startswith("`it`,")


def test_the_gate_is_told_by_the_first_table_of_its_proof(tmp_path: Path) -> None:
    page = tmp_path / "gate-proof.md"
    page.write_text("# Title\n\n| a |\n|---|\n| 1 |\n\ntext\n\n| b |\n|---|\n")
    assert readme.proof_blocks(page) == {"proof": "| a |\n|---|\n| 1 |"}


def test_the_comparison_with_other_tools_shows_rows_of_the_proof(tmp_path: Path) -> None:
    """False alarms of every rule, and what each finds of one slowdown: whatever else is there."""
    page = tmp_path / "gate-proof.md"
    head = "| a | b |\n|---|---|\n"
    sections = {
        "False alarms: runs": "| quiet | 0 % |\n| busy | 1 % |\n",
        "Found in replays by the clock alone: slowdowns": "| 3 % | 40 % |\n| 5 % | 99 % |\n",
        "Found in replays: more work put in": "| 2 % | 100 % |\n| 5 % | 100 % |\n",
    }
    page.write_text(
        f"# Title\n\n{head}| 1 | 2 |\n"
        + "".join(f"\n## {title}\n\n{head}{rows}" for title, rows in sections.items())
    )
    assert readme.rule_blocks(page) == {
        "false-alarms": f"{head}| quiet | 0 % |\n| busy | 1 % |",
        "found-by-time": f"{head}| 5 % | 99 % |",
        "found-by-work": f"{head}| 2 % | 100 % |",
    }


def test_a_proof_that_lacks_what_is_compared_is_told_with_the_command(tmp_path: Path) -> None:
    page = tmp_path / "gate-proof.md"
    page.write_text("# Title\n\n## False alarms\n\nnone yet\n\n## Other\n\n| a |\n|---|\n")
    with pytest.raises(UserError, match="no table below 'False alarms'; `make proof`"):
        readme.rule_blocks(page)
    table = "| a |\n|---|\n| 10 % |\n"
    titles = ("False alarms", "Found in replays by the clock alone", "Found in replays: more work")
    page.write_text("".join(f"## {title}\n\n{table}\n" for title in titles))
    with pytest.raises(UserError, match=r"no row '\| 5 % \|' below 'Found in replays by"):
        readme.rule_blocks(page)
