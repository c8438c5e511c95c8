"""An answer as the document of ``--json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perceptron.answer import Answered


def document(told: Answered, page: Path | None) -> dict[str, Any]:
    """Return the study's own document, and what every run has."""
    return {
        **told.answer.data,
        "warnings": told.warnings,
        "budget": told.run.run.budget,
        "page": page,
        "results": told.run.folder,
    }
