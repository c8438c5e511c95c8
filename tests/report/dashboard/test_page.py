from __future__ import annotations

import pytest

from perceptron.report.dashboard.page import advice_markup, script, script_parts


@pytest.mark.parametrize(
    ("advice", "markup"),
    [
        ("plug it in", "plug it in"),
        ("`asv run NEW`, then again", "<code>asv run NEW</code>, then again"),
        ("<b>no</b>", "&lt;b&gt;no&lt;/b&gt;"),
        ("`sudo <b>`", "<code>sudo &lt;b&gt;</code>"),
    ],
)
def test_page_advice_marks_commands_as_code(advice: str, markup: str) -> None:
    assert str(advice_markup(advice)) == markup


@pytest.mark.parametrize("number", [0, 1, 1000, 1001, 2500])
def test_page_script_parts_equal_whole_script(number: int) -> None:
    rows = [[f"<{at}'\\\u2028\n", at, None, at / 3] for at in range(number)]
    about = {"title": "a </script> 'title'", "columns": ["a", "b"]}
    parts = list(script_parts("raw/0", dict(about), "rows", iter(rows)))
    assert "".join(parts) == script("raw/0", {**about, "rows": rows})
    assert max(map(len, parts)) < 100_000
