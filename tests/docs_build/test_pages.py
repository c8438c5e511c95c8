"""README and the docs say what the committed results say."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from docs.build import gate
from docs.build.__main__ import ROOT, blocks, built
from docs.build.blocks import fill, table_of
from docs.build.shown import Shown, shown
from perceptron.errors import UserError
from tests.made import (
    BACKENDS,
    GPU_FACTS,
    GPU_LADDER,
    GPU_NAME,
    MAP,
    SEVERAL,
    WHOLE,
    gpu_ladder_rows,
    gpu_rows,
    keep,
    keep_race,
    line,
    map_rows,
    race_row,
    race_rows,
)


@pytest.fixture(scope="module")
def runs(results_of_record: Path) -> Shown:
    return shown(results_of_record)


def test_pages_blocks_equal_committed_results(runs: Shown) -> None:
    """No number in a block was typed by hand: `make readme` would change nothing."""
    files = built(runs)
    for name, text in files.items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, name
    pages = "".join(text for name, text in files.items() if name.endswith(".md"))
    for name in files:
        assert name.endswith(".md") or re.search(rf"\]\((docs/)?{Path(name).name}\)", pages), name


def test_pages_have_no_unfilled_block(runs: Shown) -> None:
    """One more is written by the command that measures it."""
    filled = {page: {*block} for page, block in blocks(runs).items()}
    filled["docs/fastest-validation.md"] = {"regret"}
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        names = re.findall(r"<!-- begin: (\S+) -->", page.read_text(encoding="utf-8"))
        name = page.relative_to(ROOT).as_posix()
        assert sorted(names) == sorted(filled.get(name, ())), name


def test_pages_newer_gpu_run_adds_its_block_only(
    results_of_record: Path, runs: Shown, tmp_path: Path
) -> None:
    """The CPU's answers and pictures stay, byte for byte."""
    results = tmp_path / "results"
    shutil.copytree(results_of_record, results)
    about: dict[str, Any] = {"machine": "gpu-box", "folder": "gpu-box", "facts": GPU_FACTS}
    keep(results, WHOLE, gpu_rows(), started="2999-01-01T00:00:00Z", **about)
    keep(results, MAP, map_rows(backends=BACKENDS), started="2999-01-02T00:00:00Z", **about)
    pair = ("numpy", "torch-cuda-graph")
    search = SEVERAL | {"families": ["mlp-width"], "pairs": [[*pair]]}
    keep(results, search, line(backends=pair), started="2999-01-03T00:00:00Z", **about)
    ladder = [replace(row, gpu=None) for row in gpu_ladder_rows()]
    keep(results, GPU_LADDER, ladder, started="2999-01-04T00:00:00Z", **about)
    raced = [*race_rows()[:-1], *(race_row(seed, "torch-cuda", device="cuda") for seed in range(7))]
    keep_race(results, raced, started="2999-01-05T00:00:00Z", **about)
    before, after = built(runs), built(shown(results))

    def without_gpus(files: dict[str, str]) -> dict[str, str]:
        return {
            name: re.sub(r"(?s)<!-- begin: gpus.*?<!-- end: gpus", "", text)
            for name, text in files.items()
        }

    drawn = "docs/map-slide-rule-9000.svg"
    assert without_gpus(before) == {
        name: text for name, text in without_gpus(after).items() if name != drawn
    }
    assert "torch-cuda" in after[drawn]
    assert f"On {GPU_NAME}: torch-cuda overtakes numpy at width " in after["README.md"]
    full = after["docs/findings.md"]
    assert f"### {GPU_NAME}\n\n| backend | dtype |" in full
    assert "| torch-cuda | float32 | 23.1 s (13.6×) | 1.51" in full
    assert "`results/runs/gpu-box/2999-01-01T000000Z`" in full
    assert "](map-slide-rule-9000.svg)" in full
    section = full[full.index(f"### {GPU_NAME}") : full.index("<!-- end: gpus-in-full -->")]
    assert "torch-cuda-graph overtakes numpy at width " in section
    assert re.search(r"\| torch-cuda \| cuda \| .* \| 12\.5 mJ \|", section)
    assert re.search(r"The race: cold start: .*; warm: .*2999-01-05T000000Z", section)


def test_pages_missing_place_or_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"docs/gate\.md: no place for 'proof'"):
        fill("nothing", {"proof": "x"}, "docs/gate.md")
    page = tmp_path / "gate-proof.md"
    with pytest.raises(UserError, match="`make proof` writes it"):
        table_of(page, "make proof")
    page.write_text("# Title\n\ntext\n")
    with pytest.raises(UserError, match="holds no table"):
        table_of(page, "make proof")
    page.write_text("# Title\n\n## Two\n\n| a |\n|---|\n| 1 |\n\n| b |\n|---|\n")
    assert table_of(page, "make proof") == ["| a |", "|---|", "| 1 |"]
    with pytest.raises(UserError, match=r"gate-proof/false-alarms\.csv: .*`make proof` writes it"):
        gate.compared(page)
