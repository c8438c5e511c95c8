"""Compiled code that was not built: without it, the trees run less than users install.

A project may fall back to pure Python where its extension modules are absent, as in a checkout.
Signs of compiled code are read from files; no code of the project is executed.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.gate.checkout.request import Case
from perceptron.gate.checkout.same_code import Trees, bounded
from perceptron.records.comparison import Comparison
from perceptron.records.warning import MeasurementWarning
from perceptron.untrusted_text import label, read_toml

# Source files of a compiler, by suffix; templates of such files; build files.
_SOURCE = re.compile(
    r"\.(asm|s|c|cc|cpp|cppm|cxx|c\+\+|h|hh|hpp|hxx|h\+\+|inc|inl|ipp|tpp|cu|cuh|hip|rs|i|swg"
    r"|f|for|ftn|f77|f90|f95|f03|f08|pyf|pyx|pxd|pxi|cmake|go|mm|nim|zig)",
    re.IGNORECASE,
)
_TEMPLATES = frozenset({".in", ".j2", ".src", ".tmpl", ".tp"})
_BUILD_FILE = re.compile(
    r"CMakeLists\.txt|Cargo\.(lock|toml)|meson\.build|meson\.options|meson_options\.txt|setup\.py"
)
_CARGO = ".cargo"
_SETUP = "setup.py"
# Folders of code that no user's program runs.
_ASIDE = frozenset({"bench", "benchmarks", "doc", "docs", "test", "tests"})
# In pyproject.toml: compilers, by their module's or distribution's name.
_COMPILER = re.compile(
    r"cffi|cython|hatch-(cython|mypyc)|maturin|meson-?py(thon)?|mypy|nanobind|numpy"
    r"|oldest-supported-numpy|py-build-cmake|pybind11|pythran|scikit-build(-core)?"
    r"|setuptools-rust|sipbuild|skbuild"
)
# In setup.py, outside of comments.
_EXTENSION = re.compile(
    r"^[^#\n]*\b(\w{0,20}Extension|ext_modules|cffi_modules|rust_extensions|cythonize|mypycify)\b",
    re.MULTILINE,
)


NotBuilt = tuple[Sequence[str], str | None]
"""Compiled code that the trees lack: its files that differ between the revisions, and the sign that
the project has some."""


def not_built(names: Sequence[str], trees: Trees, case: Case) -> NotBuilt:
    """Return the compiled code of the trees' project; ``names`` differ between them."""
    if case.installed:
        return [], None
    sign = next(filter(None, (_declared(tree / case.suite.code) for tree in trees)), None)
    changed = [name for name in names if _is_compiled(PurePosixPath(name))]
    if sign is None:  # otherwise setup.py says how it is compiled
        changed = [name for name in changed if PurePosixPath(name).name != _SETUP]
    return changed, sign


def with_warning(comparison: Comparison, unbuilt: NotBuilt) -> Comparison:
    """Return the comparison with a warning; it is not clean where compiled code changed."""
    changed, sign = unbuilt
    if not changed and sign is None:
        return comparison
    message = f"compiled code was not built: {sign}, and both sides ran without it"
    if changed:
        more = f" and {len(changed) - 1} more" if changed[1:] else ""
        message = f"compiled code changed ({label(changed[0])}{more}) and was not built"
        if comparison.verdict == "clean":
            reason = f"{message}: compare with --build or --installed"
            return replace(comparison, verdict="inconclusive", reason=reason)
    warning = MeasurementWarning(
        code="not built",
        message=message,
        advice="compare with --build or --installed to measure what users run",
    )
    return replace(comparison, warnings=[*comparison.warnings, warning])


def _is_compiled(path: PurePosixPath) -> bool:
    folders = path.parts[:-1]
    while path.suffix in _TEMPLATES:
        path = path.with_suffix("")
    compiles = _SOURCE.fullmatch(path.suffix) or _BUILD_FILE.fullmatch(path.name)
    return bool(compiles or _CARGO in folders) and not _ASIDE.intersection(folders)


def _declared(folder: Path) -> str | None:
    """Return the sign of compiled code in the project's files, if any."""
    with contextlib.suppress(UserError):
        build = read_toml(folder / "pyproject.toml").get("build-system")
        section = build if isinstance(build, dict) else {}
        requires = section.get("requires")
        names = [section.get("build-backend"), *(requires if isinstance(requires, list) else [])]
        for word in (_first_word(text) for text in names if isinstance(text, str)):
            if _COMPILER.fullmatch(word):
                return f"pyproject.toml builds with {word}"
    declares = _EXTENSION.search((bounded(folder / _SETUP) or b"").decode(errors="replace"))
    return None if declares is None else f"setup.py names {declares[1]}"


def _first_word(requirement: str) -> str:
    match = re.match(r"\s*([\w-]+)", requirement)
    return match[1].lower().replace("_", "-") if match else ""
