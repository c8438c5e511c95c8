"""docs/answers.md: an example of every answer about a pair, from the tests' goldens."""

from __future__ import annotations

from pathlib import Path

from docs.build.blocks import Blocks
from perceptron.report.tables import markdown

_GOLDENS = Path(__file__).parents[2] / "tests" / "goldens" / "__snapshots__" / "test_answers"
_STATUSES = {
    "crosses": "crosses",
    "reverses": "reverses",
    "always": "always",
    "never": "never",
    "end-undecided": "never, an end undecided",
    "multiple": "multiple",
    "tie": "tie",
    "undecided": "undecided",
    "suspect": "suspect",
}
_COLUMNS = ("status", "two backends", "processes", "models")
_HEAD = "decided  answer"


def blocks() -> Blocks:
    """Return a row for each status: what is said of backends, of processes and of models."""
    processes, models = (
        _told(_part(_GOLDENS / f"test_crossover_over[{axis}].txt", "every"))
        for axis in ("processes", "models")
    )
    rows = []
    for status, name in _STATUSES.items():
        terminal = _part(_GOLDENS / f"test_crossover[{status}].txt", "terminal")
        backends = _told(terminal).popitem()[1]
        rows.append((name, backends, processes.get(status, "same"), models.get(status, "same")))
    return {"answers": "\n".join(markdown.table(_COLUMNS, rows))}


def _part(file: Path, name: str) -> list[str]:
    _, _, rest = file.read_text(encoding="utf-8").partition(f"==== {name} ====\n")
    return rest.partition("\n==== ")[0].splitlines()


def _told(lines: list[str]) -> dict[str, str]:
    """Return the verdicts of a terminal by their subject: whether decided, the line, its notes."""
    told: dict[str, str] = {}
    subject, at = "", -1
    for line in lines:
        if line.endswith(_HEAD):
            at = line.index(_HEAD)
        elif not line.strip():
            at = -1
        elif at >= 0:
            decided, words = line[at : at + len("decided")].strip(), line[at + 9 :].strip()
            if line[:at].strip():
                subject = line[:at].strip()
                told[subject] = f"**{decided}**: {words}"
            elif words.partition(":")[0] in ("closest", "leaning", "undecided", "why", "caution"):
                told[subject] += f"<br>{words}"
            else:  # the line before was too long
                told[subject] += f" {words}"
    return told
