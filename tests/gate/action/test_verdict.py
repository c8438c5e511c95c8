"""The exit code of the action, and the label that overrides it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import action

pytest.importorskip("yaml")
needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="no jq")
GIVEN = "gate-override: needed for #1"
AGAIN = "::error::slower: the label passes only the run that it starts"


@needs_jq
@pytest.mark.parametrize(
    ("verdict", "does", "label", "labels", "says"),
    [
        ("clean", "opened", "", [], ""),
        ("regression", "opened", "", [], "::error::slower: see"),
        (
            "regression",
            "labeled",
            GIVEN,
            ["bug", GIVEN],
            f"::notice::passed by the label '{GIVEN}'",
        ),
        ("regression", "labeled", "bug", ["bug", GIVEN], AGAIN),
        ("regression", "synchronize", "", [GIVEN], AGAIN),
        ("regression", "edited", "", [GIVEN], AGAIN),
        ("regression", "reopened", "", [GIVEN], AGAIN),
        ("regression", "unlabeled", "bug", [GIVEN], AGAIN),
        ("regression", "unlabeled", GIVEN, [], "::error::slower: see"),
        ("regression", "labeled", "gate-override: ", ["gate-override: "], "::error::slower: see"),
        ("regression", "labeled", f"not {GIVEN}", [f"not {GIVEN}"], "::error::slower: see"),
        ("regression", "labeled", "gate-override: $(touch pwned)", [], "'gate-override: $(touch"),
        ("regression", "labeled", "gate-override: 5%0A::error::x", [], "5%250A::error::x', set"),
        ("invalid", "labeled", GIVEN, [GIVEN], "::error::invalid: "),
        ("error", "labeled", GIVEN, [GIVEN], "::error::nothing was compared: error: 5%25 of it"),
        ("inconclusive", "opened", "", [], "::warning::inconclusive"),
        ("", "opened", "", [], "::error::"),
    ],
)
def test_the_exit_code_follows_the_verdict_and_the_label(
    temporary: Path,
    tools: Path,
    tmp_path: Path,
    verdict: str,
    does: str,
    label: str,
    labels: list[str],
    says: str,
) -> None:
    """A label with a reason passes the run that setting it starts, which says who set it.

    Code that is pushed later is not what anybody had looked at, and who pushes it can edit the
    title or open the pull request again as well.
    """
    ran = action.run(
        tmp_path,
        temporary,
        tools,
        event={
            "action": does,
            "label": {"name": label},
            "pull_request": {"labels": [{"name": name} for name in labels]},
            "sender": {"login": "octocat"},
        },
        only="verdict",
        compared={"verdict": verdict, "error": "error: 5% of it"},
    )
    codes = {"clean": 0, "inconclusive": 0, "regression": int(says.startswith("::error::"))}
    assert ran.code == codes.get(verdict, 2)
    assert says in ran.printed
    assert len(ran.printed.splitlines()) <= 1
    assert not (tmp_path / "pwned").exists()


def test_what_is_inconclusive_fails_where_that_is_wanted(
    temporary: Path, tools: Path, tmp_path: Path
) -> None:
    """With the command's own code, so that it is not taken for slower."""
    ran = action.run(
        tmp_path,
        temporary,
        tools,
        {"inconclusive": "fail"},
        only="verdict",
        compared={"verdict": "inconclusive"},
    )
    assert (ran.code, "::error::inconclusive" in ran.printed) == (3, True)
