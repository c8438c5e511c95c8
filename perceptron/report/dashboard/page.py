"""Parts of all pages: templates, their folder, names, commands in prose, and data as scripts.

A page opened from disk may load a script but read no file. So data is a script: one call with one
text, which holds JSON. No part of a name can be executed: the text contains no ``<``, and no quote
or backslash that would end it early.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from markupsafe import Markup

from perceptron.errors import UserError
from perceptron.numbers import cell_text, cell_value
from perceptron.records.files.write import replace, replace_by_parts
from perceptron.report.text_file import without_trace
from perceptron.untrusted_text import shortened

if TYPE_CHECKING:
    from jinja2 import Environment as Templates

OPENING = "perceptron.receive("
"""The beginning of every data file."""
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)")
# Items of a long list that are written together.
_AT_ONCE = 1000
_ESCAPES = {
    "\\": "\\\\",  # first: the others add backslashes
    "'": "\\'",
    "\n": "\\n",
    "\r": "\\r",
    "<": "\\x3c",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


@cache  # compiled once, not for each page
def templates() -> Templates:
    """Return the environment of all templates, with their filters."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("perceptron.report.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "short": shortened,
        "advice": advice_markup,
        "dates": _dates_markup,
        "text": cell_text,
        "value": cell_value,
    }
    return environment


def reserve(folder: Path) -> None:
    """Make a folder of pages, before minutes of measuring, and leave no new file in it.

    Raises `UserError` if no page can be written there.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        without_trace(folder / "index.html")


@contextmanager
def writing(html: Path) -> Iterator[None]:
    """Raise `UserError` naming a file of the pages that cannot be written."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{error.filename or html}: cannot write the page: {error.strerror}; choose another "
            "--html"
        ) from None


def put(file: Path, content: bytes | Iterator[bytes]) -> None:
    """Replace the file in one step, unless it has this content already."""
    if not isinstance(content, bytes):
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_by_parts(file, content)
    elif not file.is_file() or file.read_bytes() != content:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace(file, content)


def remove_older(folder: Path, current: Collection[Path]) -> None:
    """Remove data files of earlier pages that are not ``current``; files of other programs stay."""
    for file in sorted((folder / "data").rglob("*.js")):
        if file not in current and _is_data(file):
            file.unlink()


def _is_data(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(len(OPENING)) == OPENING.encode()


def advice_markup(text: str) -> Markup:
    """Return the text with only the parts between backticks set as code."""
    return _every_second(Markup("<code>{}</code>"), shortened(text, 400).split("`"))


def _dates_markup(text: str) -> Markup:
    """Return the text with its dates as ``<time>``, in which the style sheet breaks no line."""
    return _every_second(Markup("<time>{}</time>"), _DATE.split(text))


def _every_second(element: Markup, parts: Iterable[str]) -> Markup:
    """Return the escaped parts joined, the second, fourth … of them in the element."""
    return Markup("").join(
        element.format(part) if at % 2 else Markup.escape(part) for at, part in enumerate(parts)
    )


def script(name: str, document: object) -> str:
    """Return the script that passes a document to the page under this name."""
    text = msgspec.json.encode(document).decode()
    return f"{OPENING}{_quoted(name)}, JSON.parse({_quoted(text)}));\n"


def script_parts(
    name: str, document: dict[str, object], last: str, items: Iterable[object]
) -> Iterator[str]:
    """Yield the script of a document in parts: its ``last`` value may be too large for memory."""
    head = msgspec.json.encode(document).decode().removesuffix("}")
    begin = f"{head}{',' if document else ''}{msgspec.json.encode(last).decode()}:["
    yield f"{OPENING}{_quoted(name)}, JSON.parse('{_escaped(begin)}"
    text, items = "", iter(items)
    while chunk := list(islice(items, _AT_ONCE)):
        yield text + _escaped(msgspec.json.encode(chunk)[1:-1].decode())
        text = ","
    yield "]}'));\n"


def _quoted(text: str) -> str:
    return f"'{_escaped(text)}'"


def _escaped(text: str) -> str:
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text
