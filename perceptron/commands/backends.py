"""`perceptron backends`: those that can run here, and the reason of the others."""

from __future__ import annotations

from perceptron.commands.shared.arguments import Json


def backends(json: Json = False) -> None:
    """List the backends that can run here, and why others cannot."""
    from perceptron.report import documents
    from perceptron.report.tables import backends as table
    from perceptron.report.tables import terminal
    from perceptron.studies.backends import survey

    facts = survey()
    if json:
        documents.write({"backends": facts})
    else:
        table.show(facts)
        terminal.show_next("perceptron bench --quick")
