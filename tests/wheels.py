"""Wheels for builds without a network: of what is installed here, and made up."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest

# What an installer has added.
_ADDED = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json"}


def pack_installed(folder: Path, name: str) -> None:
    """Pack a distribution of this environment as a wheel, as good as that which it came from."""
    own = distribution(name)
    tags = [line for line in (own.read_text("WHEEL") or "").splitlines() if line[:4] == "Tag:"]
    files = {
        str(file): Path(str(own.locate_file(file))).read_bytes()
        for file in own.files or ()
        if ".." not in file.parts and file.suffix != ".pyc" and file.name not in _ADDED
    }
    _pack(folder, name, own.version, tags[0].split()[1], files)


def make_up(folder: Path, name: str, version: str = "1.0", code: str | None = None) -> None:
    """Pack a module of this name; without code, a distribution that has none."""
    info = f"{name}-{version}.dist-info"
    files = {
        **({} if code is None else {f"{name}.py": code}),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    of_bytes = {place: text.encode() for place, text in files.items()}
    _pack(folder, name, version, "py3-none-any", of_bytes)


def _pack(folder: Path, name: str, version: str, tag: str, files: Mapping[str, bytes]) -> None:
    record = f"{name}-{version}.dist-info/RECORD"
    with ZipFile(folder / f"{name}-{version}-{tag}.whl", "w") as wheel:
        for place, content in files.items():
            wheel.writestr(place, content)
        wheel.writestr(record, "".join(f"{place},,\n" for place in (*files, record)))


def offer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pip and uv find what lies in the folder, and nothing else."""
    for name, value in {
        "PIP_FIND_LINKS": folder.as_uri(),
        "PIP_NO_INDEX": "1",
        "UV_FIND_LINKS": folder.as_uri(),
        "UV_NO_INDEX": "1",
        "UV_OFFLINE": "1",
    }.items():
        monkeypatch.setenv(name, value)
