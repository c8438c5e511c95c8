"""The schemas of docs/schemas, with no key beside those that they declare."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from docs.build.schemas import schema


def valid(text: str, name: str) -> Any:
    """Return a document that fits the schema of this name; raises where it does not."""
    document = json.loads(text)
    Draft202012Validator(_closed(schema(name))).validate(document)
    return document


def _closed(part: Any) -> Any:
    """Return a schema whose objects have no more keys than it declares."""
    if isinstance(part, list):
        return [_closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    closed = {key: _closed(value) for key, value in part.items()}
    return closed | ({"additionalProperties": False} if "properties" in part else {})
