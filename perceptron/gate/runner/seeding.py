"""Random numbers drawn alike in all arms of a block.

A suite that makes random inputs without a seed compares two draws instead of two revisions: one may
be twice the work of the other. So the generators of the standard library, of NumPy and of torch are
seeded where they are first imported and before each benchmark, and NumPy's generators that ask the
system for a seed get theirs from here.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any
from zlib import crc32

# Modules with a generator of their own, or that make generators.
_MODULES = ("numpy.random", "numpy.random.bit_generator", "torch")


class Seeding:
    """Seeds what is imported now and what will be, with 32 bits.

    It finds what other finders find, and seeds the modules that draw once they are loaded.
    """

    def __init__(self, seed: int) -> None:
        self._first = self._seed = seed
        self._entropy = random.Random(seed)

    def install(self) -> None:
        """Seed what comes later as soon as it is imported."""
        sys.meta_path.insert(0, self)
        self.seed_all()

    def seed_all(self, purpose: str = "") -> None:
        """Seed every generator that is there; for each ``purpose`` they draw other numbers."""
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
        """Return what the first of the other finders finds."""
        if name not in _MODULES:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    self._seed_when_loaded(spec.loader)
                return spec
        return None

    def _seed_when_loaded(self, loader: Any) -> None:
        load = loader.exec_module

        def load_and_seed(module: ModuleType) -> None:
            load(module)
            if module.__name__ in _MODULES:
                self._seed_module(module)

        loader.exec_module = load_and_seed

    def _seed_module(self, module: ModuleType) -> None:
        """Seed the generator of one of the modules."""
        if module.__name__ == "numpy.random.bit_generator":
            # Be `secrets.randbits`, repeatably.
            vars(module)["randbits"] = lambda bits: self._entropy.getrandbits(bits)
            return
        # Something else may be called so.
        seed = getattr(module, "manual_seed" if module.__name__ == "torch" else "seed", None)
        if callable(seed):
            seed(self._seed)
