"""An answer as the document of ``--json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perceptron.answer import Answered, ReadFromFiles


def document(told: Answered | ReadFromFiles, page: Path | None) -> dict[str, Any]:
    """Return the study's own document, and what every run has; null where files were read.

    ``page`` is the one with the answer, of which the dashboard is the first.
    """
    run = told.run if isinstance(told, Answered) else None
    return {
        **told.answer.data,
        "warnings": told.warnings,
        "budget": run and run.run.budget,
        "page": page,
        "dashboard": page and page.parent / "index.html",
        "results": run and run.folder,
    }
