"""A digest of code sees what it does, and not what is written about it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import perceptron
from perceptron.code_digest import code_digest, sources, without_words

SOURCE = '''"""A module."""

LIMIT = 3
"""What it is for."""


def more(number: int) -> int:
    """Add."""
    # why
    return number + LIMIT
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A module.", "Another\nword."),
        ("What it is for", "What it is"),
        ("Add.", "Add to it."),
        ("# why", "# because"),
        ("    # why\n", ""),
        ("\n\n\n", "\n"),
    ],
)
def test_words_make_no_difference(old: str, new: str) -> None:
    assert without_words(SOURCE.replace(old, new)) == without_words(SOURCE)


@pytest.mark.parametrize(("old", "new"), [("3", "4"), ("number +", "number -"), ("more", "less")])
def test_what_it_does_makes_one(old: str, new: str) -> None:
    assert without_words(SOURCE.replace(old, new)) != without_words(SOURCE)


TRICKY = '''"""Not # a comment, nor (a bracket, nor \\""" an end."""
one = ("a",
    "no statement: brackets are open",
)
two = 1 + \\
    0
three = "(" # "quoted in a comment
def four():
    r"""Raw \\n."""
    "chained".upper()
    return f"""{one}
    {two}"""
'''


def test_a_docstring_is_a_text_that_is_a_statement() -> None:
    """As Python itself sees it, in all of the package, whose digests must not depend on luck."""
    package = Path(perceptron.__file__).parent
    texts = [text for _, text in sources(package, ["."])]
    assert len(texts) > 100
    for text in [*texts, TRICKY]:
        lines = text.splitlines()
        dropped = {number for node in docstrings(text) for number in lines_of(node)}
        kept = [line for number, line in enumerate(lines, start=1) if number not in dropped]
        code = [line for line in kept if line.strip() and not line.lstrip().startswith("#")]
        assert without_words(text) == "\n".join(code)


def docstrings(text: str) -> list[ast.Expr]:
    return [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]


def lines_of(node: ast.Expr) -> range:
    assert node.end_lineno is not None
    return range(node.lineno, node.end_lineno + 1)


def test_the_digest_of_a_copy_is_the_same(tmp_path: Path) -> None:
    """Wherever it lies and whatever ends its lines; a module that moves or comes is another one."""
    for name, end in (("checkout", "\n"), ("wheel", "\r\n")):
        (tmp_path / name / "measure").mkdir(parents=True)
        (tmp_path / name / "measure" / "loop.py").write_bytes(SOURCE.replace("\n", end).encode())
        (tmp_path / name / "measure" / "notes.txt").write_text(name)
    digest = code_digest(tmp_path / "checkout", ["measure"])
    assert digest == code_digest(tmp_path / "wheel", ["measure"])
    module = tmp_path / "wheel" / "measure" / "loop.py"
    assert code_digest(tmp_path / "wheel", ["measure"], without=["measure/loop.py"]) != digest
    module.rename(module.with_name("clock.py"))
    assert code_digest(tmp_path / "wheel", ["measure"]) != digest
