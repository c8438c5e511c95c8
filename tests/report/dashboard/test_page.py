from __future__ import annotations

import pytest

from perceptron.report.dashboard.page import advice_markup


@pytest.mark.parametrize(
    ("advice", "markup"),
    [
        ("plug it in", "plug it in"),
        ("`asv run NEW`, then again", "<code>asv run NEW</code>, then again"),
        ("<b>no</b>", "&lt;b&gt;no&lt;/b&gt;"),
        ("`sudo <b>`", "<code>sudo &lt;b&gt;</code>"),
    ],
)
def test_only_commands_are_set_as_code(advice: str, markup: str) -> None:
    assert str(advice_markup(advice)) == markup
