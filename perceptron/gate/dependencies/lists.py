"""Requirements in lists and locks of pip, uv, poetry, pdm, pipenv, conda and pixi."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from packaging.utils import canonicalize_name

from perceptron.gate.dependencies.declared import (
    Declared,
    addressed,
    named,
    requirement,
    specifiers,
    table_of,
    text_of,
)
from perceptron.untrusted_text import toml

_FIELD = re.compile(r"^([\w-]+)[ \t]*=[ \t]*(.+)$", re.M)
# Keys of a package's source, in locks of poetry and pdm, and in pylock.toml.
_PLACES = frozenset({"source", "vcs", "archive", "directory", "git", "revision", "ref", "url"}) | {
    "reference",
    "resolved_reference",
    "commit-id",
    "path",
    "type",
}


def of_list(content: bytes) -> Iterator[Declared]:
    """Yield the requirements in a list of pip's, without hashes, which versions imply."""
    for line in text_of(content).replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        line = re.split(r"\s--(?:hash|config-settings|global-option)\b", line)[0].strip()
        line = re.sub(r"^(-e|--editable)[ =]\s*", "", line)
        option = re.match(r"--?\w[\w-]*", line)
        if option is not None:
            if option[0] not in ("-r", "-c", "--requirement", "--constraint"):
                yield Declared(option[0], source=line, kind="text")
        elif line:
            yield requirement(line)


def of_lock(content: bytes) -> Iterator[Declared]:
    """Yield the packages of a lock of uv's, poetry's or pdm's, or of pylock.toml.

    It is read line by line: decoding all of a large lock takes many seconds.
    """
    head, *blocks = re.split(r"^\[\[packages?\]\]\s*?$", text_of(content), flags=re.M)
    toml(head.encode())
    for block in blocks:
        facts, *tables = re.split(r"^\[", block, flags=re.M)
        fields = dict(_FIELD.findall(facts))
        for table in tables:
            if re.match(r"(package\.source|packages\.(vcs|archive|directory))\]", table):
                fields |= {key: text for key, text in _FIELD.findall(table) if key != "version"}
        if "name" not in fields:
            raise ValueError("a package without a name")
        places = [f"{key}={fields[key]}" for key in sorted(_PLACES & fields.keys())]
        source = ", ".join(text for text in places if "://pypi.org/" not in text)
        if re.search(r"\b(editable|virtual)\s*=", source):
            continue  # the project itself
        version = fields.get("version", "").strip("\"' ")
        yield Declared(
            canonicalize_name(fields["name"].strip("\"' ")),
            f"=={version}" if version else "",
            source,
        )


def of_pipfile(content: bytes) -> Iterator[Declared]:
    """Yield the requirements of a Pipfile, in every category."""
    for key, table in toml(content).items():
        if isinstance(table, dict) and key not in ("requires", "scripts", "pipenv"):
            yield from named(table)


def of_pipfile_lock(content: bytes) -> Iterator[Declared]:
    """Yield the packages of a Pipfile.lock."""
    whole = json.loads(content or b"{}")
    for key in whole:
        if key != "_meta":
            for name, package in table_of(whole, key).items():
                facts = {field: package[field] for field in package.keys() - {"hashes", "index"}}
                yield from named({name: facts})


def of_conda(content: bytes) -> Iterator[Declared]:
    """Yield the packages of a conda environment, with those of pip inside."""
    section = ""
    for line in text_of(content).splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).rstrip()
        key = re.match(r"([A-Za-z_-]+):[ \t]*(.*)", line)
        if key is not None:
            section, line = key[1], key[2]
            inline = re.fullmatch(r"\[(.*)\]", line)
            items = inline[1].split(",") if inline else [line]
        else:
            items = [re.sub(r"^[ \t]*-[ \t]+", "", line)]
        for item in filter(None, (text.strip().strip("\"'") for text in items)):
            if section == "dependencies" and not item.endswith(":"):
                yield _conda_package(item)
            elif section == "channels":
                yield Declared("channels", source=item, kind="text")


def _conda_package(text: str) -> Declared:
    match = re.fullmatch(r"(?:[\w./-]+::)?([A-Za-z0-9_][\w.-]*)\s*((?:[=<>!~]|\s\d|$).*)", text)
    if match is None or ";" in text:
        return requirement(text)
    built = re.fullmatch(r"(={0,2}\s*[\w.*]+)(?:=|\s+)([\w.*]+)", match[2].strip())
    version, build = (built[1], built[2]) if built else (match[2].strip(), "")
    return Declared(canonicalize_name(match[1]), specifiers(version.replace(" ", "")), build)


def of_conda_lock(content: bytes) -> Iterator[Declared]:
    """Yield the packages of a conda-lock.yml."""
    for block in re.split(r"^[ \t]*- name:", text_of(content), flags=re.M)[1:]:
        facts = dict(re.findall(r"^[ \t]+(version|url):[ \t]*(.*)$", block, re.M))
        name, version = block.split("\n", 1)[0].strip(), facts.get("version", "").strip("'\" ")
        yield Declared(canonicalize_name(name), f"=={version}", facts.get("url", ""))


def of_addresses(content: bytes) -> Iterator[Declared]:
    """Yield the packages of a lock that holds only addresses of files, such as conda's explicit
    ones."""
    for address in re.findall(r"https?://[^\s#]+", text_of(content)):
        if re.search(r"\.(whl|conda|tar\.bz2|tar\.gz)$", address):
            yield addressed(address)
