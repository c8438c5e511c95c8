"""A requirement of a distribution in a file, and the notations of different tools."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

Kind = Literal["distribution", "build", "text"]
"""The purpose: for benchmarks, for building the project, or a text that may mean either."""

# Most characters of a requirement: hostile texts take long to parse.
_LONGEST = 4000
# Keys of tables of poetry and others that are not the requirement's source.
_TOLD = frozenset({"version", "markers", "optional", "extras"})
_WRITTEN = re.compile(r"(\^|~|=|)\s*v?(\d[\w.*!+]*)")


@dataclass(frozen=True, order=True)
class Declared:
    """A requirement of a distribution."""

    name: str
    """The normalized name; for a text, a description."""
    required: str = ""
    """PEP 440 specifiers, or a tool's own notation; empty for any version."""
    source: str = ""
    """The source, if not the index: an address, a commit, a build; or the text itself."""
    extras: str = ""
    marker: str = ""
    kind: Kind = "distribution"
    group: str = ""
    """The group or extra of the project that it is for; empty for all of the project."""

    def __str__(self) -> str:
        """Return the required versions in a short form: a pin is a version."""
        pin = re.fullmatch(r"==([^,]+)", self.required)
        marker = f"; {self.marker}" if self.marker else ""
        return f"{self.extras}{pin[1] if pin else self.required or 'any'}{marker}"


def requirement(text: str, kind: Kind = "distribution") -> Declared:
    """Return the requirement in a line of pip's, or an entry of a project."""
    if len(text) > _LONGEST:
        return _entry(text)
    try:
        parsed = Requirement(text)
    except InvalidRequirement:
        return addressed(text, kind)
    name, marker = canonicalize_name(parsed.name), str(parsed.marker or "")
    bounds = sorted(map(str, parsed.specifier), key=lambda bound: (bound[0] != ">", bound))
    return Declared(name, ",".join(bounds), parsed.url or "", _extras(parsed.extras), marker, kind)


def _extras(names: Iterable[str]) -> str:
    listed = ",".join(sorted(names))
    return f"[{listed}]" if listed else ""


def addressed(text: str, kind: Kind = "distribution") -> Declared:
    """Return the requirement of an address, by the name at its end; else the text itself."""
    if len(text) > _LONGEST:
        return _entry(text)
    archive = re.search(
        r"://\S*/([A-Za-z0-9][\w.-]*?)-(\d[\w.!+]*)(-[\w.-]+)?\.(whl|tar\.gz|zip|conda|tar\.bz2)",
        text,
    )
    if archive is not None:
        return Declared(canonicalize_name(archive[1]), f"=={archive[2]}", text, kind=kind)
    name = re.search(r"#egg=([\w.-]+)", text) or re.search(
        r"(?:git|hg|svn|bzr)\+\S*/([\w.-]+?)(?:\.git)?(?:@[^/]*)?(?:#.*)?$", text
    )
    if name is None:
        return _entry(text)
    return Declared(canonicalize_name(name[1]), source=text, kind=kind)


def _entry(text: str) -> Declared:
    return Declared("an entry", source=text, kind="text")


def requirements(texts: object, kind: Kind = "distribution") -> Iterator[Declared]:
    """Yield the requirements in a list of texts; nothing if it is no list."""
    for text in texts if isinstance(texts, list) else ():
        if isinstance(text, str):
            yield requirement(text, kind)


def named(table: Mapping[str, object]) -> Iterator[Declared]:
    """Yield the requirements of a table with their names as keys, as in poetry, pipenv and pixi."""
    for name, entry in table.items():
        for spelling in entry if isinstance(entry, list) else [entry]:
            facts = spelling if isinstance(spelling, dict) else {"version": spelling}
            options = {key: value for key, value in facts.items() if key not in _TOLD}
            source = json.dumps(options, sort_keys=True, default=str) if options else ""
            version = specifiers(str(facts.get("version", "*")))
            marker, extras = str(facts.get("markers", "")), facts.get("extras")
            extras_text = _extras(map(str, extras)) if isinstance(extras, list) else ""
            yield Declared(canonicalize_name(name), version, source, extras_text, marker)


def specifiers(text: str) -> str:
    """Return the notation of poetry, conda and pixi as PEP 440 specifiers; else as it is."""
    parts = [specifier for part in text.split(",") for specifier in _specifier(part.strip())]
    return ",".join(parts)


def _specifier(text: str) -> Iterator[str]:
    match = _WRITTEN.fullmatch(text)
    if match is None or text.endswith("*"):
        bare = re.fullmatch(r"=?(\d[\d.]*\.\*)", text)
        if text != "*" and text:
            yield f"=={bare[1]}" if bare else text
        return
    operator, version = match[1], match[2]
    if operator == "":
        yield f"=={version}"
        return
    if operator == "=":  # conda's: any version with this prefix
        yield f"=={version}.*"
        return
    try:
        release = list(Version(version).release)
    except InvalidVersion:
        yield text
        return
    # The last part that must not change: with ^ the first that is not 0, with ~ the second.
    stays = next((position for position, part in enumerate(release) if part), len(release) - 1)
    if operator == "~":
        stays = min(1, len(release) - 1)
    yield f">={version}"
    yield f"=={'.'.join(map(str, release[: stays + 1]))}.*"


def text_of(content: bytes) -> str:
    """Return the text of a file, in UTF-8 or marked as UTF-16."""
    is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if is_wide else "utf-8-sig", errors="replace")


def table_of(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the table of this name, empty where there is none."""
    table = content.get(key)
    return table if isinstance(table, dict) else {}


def tables_of(content: Mapping[Any, Any]) -> Iterable[dict[str, Any]]:
    """Return the tables inside a table."""
    return [table for table in content.values() if isinstance(table, dict)]
