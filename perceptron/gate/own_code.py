"""Whose code the arms have run: a comparison must be of the two that were named."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from perceptron.errors import UserError
from perceptron.gate.journal import ComparisonJournal
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.discovery import CannotImport
from perceptron.records.block import Arm
from perceptron.records.comparison import ComparisonEnvironment

_PAIR: tuple[Arm, ...] = ("base", "head")


def assert_own_code(
    arms: Arms, journal: ComparisonJournal, base_error: CannotImport | None
) -> None:
    """Raise `UserError` unless each arm has run code of its own: else nothing is compared.

    With two interpreters, what is installed in them may be compared instead. The journal keeps
    what is known: a suite may import late, and a comparison that resumes runs it no more.
    """
    ran = {arm for block in journal.blocks for arm in _PAIR if getattr(block, arm).status == "ok"}
    if base_error is not None and "base" not in ran:
        raise base_error
    if arms.installed:
        _assert_installed(arms, journal, ran)
        return
    if arms.pythons["base"] != arms.pythons["head"]:
        return
    own = {*journal.run.own, *(arm for arm in _PAIR if arms.own.get(arm, False))}
    journal.update_run(msgspec.structs.replace(journal.run, own=sorted(own)))
    for arm in _PAIR:
        if arm in ran and arm not in own:
            raise UserError(
                f"{arm.upper()}: the benchmarks import no module of its tree, so both revisions "
                "would run the same code: uninstall the project here, or check benchmark_dir"
            )


def with_code(environment: ComparisonEnvironment, code: Mapping[Arm, str]) -> ComparisonEnvironment:
    """Return the environment with where each arm imported the project from, if that is no tree."""
    return msgspec.structs.replace(
        environment, base_code=code.get("base"), head_code=code.get("head")
    )


def _assert_installed(arms: Arms, journal: ComparisonJournal, ran: set[Arm]) -> None:
    known = journal.run.code
    code = {**known, **{arm: str(own) for arm, own in arms.code.items()}}
    for arm in known:
        if known[arm] != code[arm]:
            raise UserError(
                f"{arms.how}: what {arm.upper()} imports was installed again since, and "
                f"{journal.folder} holds blocks of both: remove it to start again"
            )
    journal.update_run(msgspec.structs.replace(journal.run, code=code))
    for arm in _PAIR:
        if arm in ran and arm not in code:
            raise UserError(
                f"{arms.how}: the benchmarks of {arm.upper()} import no installed project: "
                f"install it in {arms.interpreters.where(arm)}, or give its name as project"
            )
    both = [arms.code[arm].place for arm in _PAIR if arm in arms.code]
    if len(both) > 1 and both[0] == both[1]:
        raise UserError(
            f"--installed: BASE and HEAD import the same files, {code['head']}: install each "
            "version in an environment of its own"
        )
