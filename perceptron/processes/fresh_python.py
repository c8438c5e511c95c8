"""Fresh Python processes that run modules of this package, and their search path for modules.

``python -m`` searches the current folder first, then ``PYTHONPATH``: a user's ``random.py`` would
replace the standard library's, and another checkout would be timed instead of this one. So this
file is also the program that every fresh process runs first.
"""

import os
import sys

_PROGRAM = os.path.abspath(__file__)
_PACKAGE = os.path.dirname(os.path.dirname(_PROGRAM))
_LIBRARY = os.path.dirname(os.__file__)
_STANDARD = {
    _LIBRARY,
    os.path.join(_LIBRARY, "lib-dynload"),
    os.path.join(sys.base_exec_prefix, "DLLs"),  # of Windows
    f"{os.path.dirname(_LIBRARY)}/python{sys.version_info[0]}{sys.version_info[1]}.zip",
}


def command(module: str, *arguments: str, last: str = "") -> tuple[str, ...]:
    """Return the command line of a fresh process that runs a module as ``python -m`` does.

    The folder ``last`` is searched after all others.
    """
    return (sys.executable, "-P", _PROGRAM, last and os.path.abspath(last), module, *arguments)


def standard_first(paths: list[str]) -> list[str]:
    """Return ``paths`` with the standard library's folders first, otherwise in order.

    If there are several copies of this package, the running one is found.
    """
    standard = [path for path in dict.fromkeys(paths) if path in _STANDARD]
    others = [path for path in dict.fromkeys(paths) if path not in _STANDARD]
    folder = next(filter(_has_package, others), "")
    # Without any, Python would search the current folder, which may be the checkout itself.
    found_package = folder and os.path.realpath(os.path.join(folder, "perceptron"))
    if found_package != os.path.realpath(_PACKAGE):
        others.insert(0, os.path.dirname(_PACKAGE))
    return standard + others


def without_current_folder() -> None:
    """Move the current folder, or that of the script, to the end of this process's search path."""
    first = [] if sys.flags.safe_path else sys.path[:1]
    sys.path[:] = standard_first([*sys.path[len(first) :], *first])


def _has_package(path: str) -> bool:
    ends = (os.path.join("perceptron", "__init__.py"), "perceptron.py")
    return any(os.path.exists(os.path.join(path, end)) for end in ends)


if __name__ == "__main__":
    sys.path[:] = standard_first([*sys.path, *filter(None, sys.argv[1:2])])
    del sys.argv[:2]
    import runpy

    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
