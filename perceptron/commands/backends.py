"""`perceptron backends`: those that can run here, and the reason of the others."""

from __future__ import annotations

from perceptron.commands.shared.arguments import Json


def backends(json: Json = False) -> None:
    """List the backends that can run here, and why others cannot."""
    from perceptron.report import documents
    from perceptron.report.tables import terminal
    from perceptron.studies.backends import survey

    facts = survey()
    if json:
        documents.write({"backends": facts})
        return
    rows = [
        (
            one.name,
            one.device,
            "yes" if one.reason is None else f"no: {one.reason}",
            f"{one.summary}; {one.name}@2 over two processes, and so on"
            if one.distributed
            else one.summary,
        )
        for one in facts
    ]
    terminal.table("Backends", ("name", "device", "here", "description"), rows)
    terminal.show_next("perceptron bench --quick")
