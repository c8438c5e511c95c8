"""Report long sentences, words to avoid, and wide lines: ``python -m docs.build.words``.

An aid for writers, and no gate: some of these sentences and words are right where they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LONG = 30
"""Words of a sentence."""
_LISTED = 6
"""A sentence with a comma for so many words, or fewer, is a list."""
_WIDE = 100
"""Columns of a line without a terminal."""
_AVOIDED = (
    r"\bdisturbed\b",
    r"\bquiet\b",
    r"what the host took",
    r"\b(not )?sure\b",
    r"(?<!rows )\bat once\b",
    r"one by one",
    r"\barms?\b",
    r"\bpreparing\b",
    r"to have the data",
    r"from cold",
    r"\bresident\b",
    r"held[- ]out",
    r"\bof record\b",
    r"\bworlds?\b",
    r"\d [%×](?! ?\d)",
)


def main() -> None:
    """Print each finding, and the number of each kind."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    counts = dict.fromkeys(("long sentences", "avoided words", "wide lines"), 0)
    for page in pages:
        text = _prose(page.read_text(encoding="utf-8"))
        long = [one for one in _sentences(text) if _is_long(one)]
        words = [m[0] for word in _AVOIDED for m in re.finditer(word, text, re.IGNORECASE)]
        counts["long sentences"] += len(long)
        counts["avoided words"] += len(words)
        for sentence in long:
            print(f"{page.name}: {len(sentence.split())} words: {sentence}")
        if words:
            print(f"{page.name}: {', '.join(words)}")
    for golden in sorted((ROOT / "tests" / "goldens" / "__snapshots__").rglob("*.txt")):
        text = golden.read_text(encoding="utf-8")
        terminal = re.findall(r"==== terminal ====\n(.*?)(?=\n==== |\Z)", text, re.S)
        lines = [line for part in terminal for line in part.splitlines()]
        # An address, behind what it is of, has no place to fold it at.
        wide = [line for line in lines if len(line) > _WIDE and len(line.split()) > 2]
        counts["wide lines"] += len(wide)
        if wide:
            print(f"{golden.name}: {len(wide)} lines, up to {max(map(len, wide))} columns")
    print(", ".join(f"{number} {kind}" for kind, number in counts.items()))


def _prose(page: str) -> str:
    """Return the page without code, comments and addresses."""
    page = re.sub(r"^```.*?^```|<!--.*?-->", "", page, flags=re.M | re.S)
    return re.sub(r"`[^`]*`", "X", re.sub(r"\]\([^)]*\)", "]", page))


def _is_long(sentence: str) -> bool:
    words = len(sentence.split())
    return words > _LONG and words > _LISTED * (sentence.count(",") + 1)


def _sentences(text: str) -> Iterator[str]:
    """Yield sentences of paragraphs and items; a cell of a table is one of its own."""
    for block in re.split(r"\n\s*\n|\n(?=\s*[*#|\d])", text):
        for cell in block.split("|"):
            yield from re.split(r"(?<=[.:;!?])\s+", " ".join(cell.split()))


if __name__ == "__main__":
    main()
