"""Check that backends keep the contract, for their authors before a release."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from perceptron.backends import registry
from perceptron.backends.contract import checks
from perceptron.backends.contract.agreement import TOLERANCE, Refused
from perceptron.backends.contract.problems import problems as small_problems
from perceptron.backends.protocol import Backend, Unsupported
from perceptron.errors import UserError
from perceptron.measure.budget import Progress
from perceptron.problems.problem import DTYPES, Problem


class CheckResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of one check of the contract over all problems and dtypes.

    ``broken`` holds a line for each failure; ``skipped`` counts the problems that the backend does
    not train. ``note`` is a limitation of a check that passed.
    """

    name: str
    passed: int
    skipped: int
    broken: list[str]
    note: str | None = None

    @property
    def holds(self) -> bool:
        return not self.broken and self.passed > 0


def check(
    names: Sequence[str], progress: Progress, given: Sequence[Problem] | None = None
) -> dict[str, list[CheckResult]]:
    """Run every check of the contract in both dtypes, in this process; return results by backend.

    The problems are those ``given``, else small ones of every kind. Raises `UserError` before the
    first check if a backend is unknown or cannot run here, and for a given problem on which
    agreement cannot be shown.
    """
    for name in names:
        reason = registry.reason_unavailable(name)
        if reason is not None:
            raise UserError(f"{name}: {reason}")
    problems = small_problems() if given is None else given
    for problem in problems:
        problem.parts()  # raises `UserError` for data that do not fit the model
    return {name: _check(registry.load(name), progress, problems, given) for name in names}


def _check(
    backend: Backend,
    progress: Progress,
    problems: Sequence[Problem],
    given: Sequence[Problem] | None,
) -> list[CheckResult]:
    total = len(checks.CHECKS) * len(problems) * len(DTYPES)
    done, results = 0, []
    for promise, keeps in checks.CHECKS.items():
        passed, skipped, broken = [], 0, []
        for problem in problems:
            for dtype in DTYPES:
                progress(done, total, f"{promise}: {problem.name}, {dtype}")
                done += 1
                try:
                    keeps(backend, problem, dtype)
                    passed.append(dtype)
                except Unsupported:
                    skipped += 1
                except Refused as error:
                    if given is not None:
                        raise UserError(
                            f"{problem.reference}: agreement in {dtype} cannot be shown: {error}"
                        ) from None
                    broken.append(f"{problem.name}, {dtype}: {error}")
                except checks.Broken as error:
                    broken.append(f"{problem.name}, {dtype}: {error}")
                except Exception as error:  # noqa: BLE001 the author wants to see them all
                    broken.append(f"{problem.name}, {dtype}: {type(error).__name__}: {error}")
        note = None
        if promise == checks.AGREES and passed and "float64" not in passed:
            note = f"shown in float32 alone, to {TOLERANCE['float32']:g}: no float64 here"
        results.append(
            CheckResult(name=promise, passed=len(passed), skipped=skipped, broken=broken, note=note)
        )
    progress(total, total, "done")
    return results
