"""Count docstrings, titles of tests and pages that break the rules of style: ``make words``.

An aid for writers, and no gate: it always exits with 0.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from benchmarks.shared import ROOT

MOST_WORDS = 1200
FOLDERS = ("perceptron", "tests", "benchmarks", "docs")
VAGUE = ("what", "one", "it", "a", "an", "the")


def main() -> None:
    """Print the count of each kind, and below it where these are."""
    kinds: dict[str, list[str]] = {
        'docstrings with "Return what"': [],
        'docstrings with "so many"': [],
        f"test titles that begin with {', '.join(VAGUE)}": [],
        f"pages above {MOST_WORDS:,} words": [],
    }
    return_what, so_many, titles, pages = kinds.values()
    vague = re.compile(rf"test_({'|'.join(VAGUE)})_")
    for place, node in definitions():
        docstring = ast.get_docstring(node) or ""
        if docstring.startswith("Return what "):
            return_what.append(place)
        if re.search(r"\bso many\b", docstring):
            so_many.append(place)
        if isinstance(node, ast.FunctionDef) and vague.match(node.name):
            titles.append(f"{place} {node.name}")
    for page in sorted((ROOT / "docs").glob("*.md")):
        words = count_words(page.read_text(encoding="utf-8"))
        if words > MOST_WORDS:
            pages.append(f"docs/{page.name}: {words:,}")
    for kind, places in kinds.items():
        print(f"{len(places):5,} {kind}", *places, sep="\n        ")


def definitions() -> Iterator[tuple[str, ast.Module | ast.ClassDef | ast.FunctionDef]]:
    """Yield the modules, classes and functions of the project, with ``file:line`` of each."""
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_bytes())):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                    yield f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}", node


def count_words(page: str) -> int:
    """Return the number of words of a page's prose: without code, tables and comments."""
    return len(re.sub(r"^```.*?^```|<!--.*?-->|^\|.*?$", "", page, flags=re.M | re.S).split())


if __name__ == "__main__":
    main()
