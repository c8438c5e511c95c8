"""Rewrite the parts of README and the docs that show committed results: ``python -m docs.build``.

`make readme` runs it. It replaces the blocks of each page, and draws the pictures again.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.of_record import export
from docs.build import (
    answers,
    commands,
    evidence,
    findings,
    gate,
    readme,
    schemas,
    studies,
    tutorial,
)
from docs.build.blocks import Blocks, fill
from docs.build.shown import Shown, shown

ROOT = Path(__file__).parents[2]
PROOF = ROOT / "docs" / "gate-proof.md"
# Results published by others: no command measures into this folder.
_PUBLISHED = ROOT / "results" / "published"


def main() -> None:
    """Write the pages and the pictures."""
    gate.write(PROOF, ROOT / "results")
    with TemporaryDirectory() as folder:
        results = export(ROOT, Path(folder))
        files = built(shown(results)) | schemas.files()
    for name, text in files.items():
        (ROOT / name).parent.mkdir(exist_ok=True)
        (ROOT / name).write_text(text, encoding="utf-8")


def built(runs: Shown) -> dict[str, str]:
    """Return the text of each page and picture, by its path in the repository."""
    files = {
        page: fill((ROOT / page).read_text(encoding="utf-8"), content, page)
        for page, content in blocks(runs).items()
    }
    for module in (findings, readme, studies, tutorial):
        files |= {f"docs/{name}": svg for name, svg in module.pictures(runs).items()}
    return files | {f"docs/{name}": svg for name, svg in evidence.pictures(_PUBLISHED).items()}


def blocks(runs: Shown) -> dict[str, Blocks]:
    """Return the blocks of each page."""
    return {
        "README.md": readme.blocks(runs, ROOT / "results", PROOF, ROOT / "docs" / "truth.md"),
        "docs/reading.md": answers.blocks(),
        "docs/commands.md": commands.blocks(),
        "docs/findings.md": findings.blocks(runs, _PUBLISHED)
        | evidence.blocks(_PUBLISHED, bool(runs.gpus)),
        "docs/first-run.md": tutorial.blocks(runs),
        "docs/crossovers.md": studies.phase_map(runs),
        "docs/ladder.md": studies.ladder(runs),
        "docs/fleet.md": studies.over_processes(runs),
        "docs/many-models.md": studies.many_models(runs),
        "docs/race.md": studies.race(runs),
        "docs/gate-how.md": gate.compared(PROOF),
    }


if __name__ == "__main__":
    main()
