"""docs/gate-how.md and docs/gate-compared.md: tables of the gate's proof, docs/gate-proof.md."""

from __future__ import annotations

from pathlib import Path

from docs.build.blocks import Blocks, table_of
from perceptron.errors import UserError

COMMAND = "make proof"
_COMPARED = {
    "false-alarms": ("False alarms", ""),
    "found-by-time": ("Found in replays by the clock alone", "| 5% |"),
    "found-by-work": ("Found in replays: more work", "| 2% |"),
}


def how(proof: Path) -> Blocks:
    """Return the targets and what was reached."""
    lines = table_of(proof, COMMAND)
    if is_outdated(proof):
        lines += ["", f"The gate's code has changed since; `{COMMAND}` measures it again."]
    return {"proof": "\n".join(lines)}


def is_outdated(proof: Path) -> bool:
    """Return whether the proof says that it is of another gate than today's."""
    return "The gate's code has changed since" in proof.read_text(encoding="utf-8")


def compared(proof: Path) -> Blocks:
    """Return what the rules of this gate and of others do with the same blocks."""
    blocks = {}
    for name, (section, start) in _COMPARED.items():
        columns, rule, *rows = table_of(proof, COMMAND, section)
        shown = [row for row in rows if row.startswith(start)]
        if not shown:
            raise UserError(f"{proof}: no row {start!r} below {section!r}; `{COMMAND}` writes it")
        blocks[name] = "\n".join([columns, rule, *shown])
    return blocks
