"""A digest of code is that of its modules, wherever they lie."""

from __future__ import annotations

from pathlib import Path

from perceptron.records.code_digest import code_digest


def test_code_digest_of_copy_is_equal(tmp_path: Path) -> None:
    """Wherever it lies and whatever ends its lines; a module that moves or comes is another one."""
    for name, end in (("checkout", "\n"), ("wheel", "\r\n")):
        (tmp_path / name / "measure").mkdir(parents=True)
        (tmp_path / name / "measure" / "loop.py").write_bytes(f"LIMIT = 3{end}".encode())
        (tmp_path / name / "measure" / "notes.txt").write_text(name)
    digest = code_digest(tmp_path / "checkout", ["measure"])
    assert digest == code_digest(tmp_path / "wheel", ["measure"])
    module = tmp_path / "wheel" / "measure" / "loop.py"
    module.rename(module.with_name("clock.py"))
    assert code_digest(tmp_path / "wheel", ["measure"]) != digest
