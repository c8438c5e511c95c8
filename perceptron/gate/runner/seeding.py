"""Equal random numbers in all sides of a block.

A suite that makes random inputs without a seed compares two draws instead of two revisions: one may
need twice the work of the other. So the generators of the standard library, of NumPy and of torch
are seeded when they are first imported and before each benchmark. NumPy's generators that ask the
system for a seed get a fixed one.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any
from zlib import crc32

# Modules with a generator of their own, or that make generators.
_MODULES = ("numpy.random", "numpy.random.bit_generator", "torch")


class Seeding:
    """Seeds loaded modules and those imported later, with 32 bits.

    It delegates to the other finders, and seeds a module with a generator once it is loaded.
    """

    def __init__(self, seed: int) -> None:
        self._first = self._seed = seed
        self._entropy = random.Random(seed)

    def install(self) -> None:
        """Seed modules imported later as soon as they are loaded."""
        sys.meta_path.insert(0, self)
        self.seed_all()

    def seed_all(self, purpose: str = "") -> None:
        """Seed every loaded generator; each ``purpose`` has its own numbers."""
        self._seed = self._first ^ crc32(purpose.encode())
        random.seed(self._seed)
        self._entropy = random.Random(self._seed)
        for name in _MODULES:
            module = sys.modules.get(name)
            if module is not None:
                self._seed_module(module)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the first result of the other finders."""
        if name not in _MODULES:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader, self._seed_module)
                return spec
        return None

    def _seed_module(self, module: ModuleType) -> None:
        """Seed the generator of the module."""
        if module.__name__ == "numpy.random.bit_generator":
            # Replace `secrets.randbits` by a repeatable version.
            vars(module)["randbits"] = lambda bits: self._entropy.getrandbits(bits)
            return
        # Another object may have this name.
        seed = getattr(module, "manual_seed" if module.__name__ == "torch" else "seed", None)
        if callable(seed):
            seed(self._seed)


class _Loader(Loader):
    """Loads as the module's loader does, which may be shared or read-only, and seeds the module."""

    def __init__(self, loader: Any, seed: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._seed = seed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._seed(module)
