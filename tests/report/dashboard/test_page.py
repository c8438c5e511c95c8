from __future__ import annotations

import pytest

from perceptron.report.dashboard.page import advice_markup


@pytest.mark.parametrize(
    ("advice", "markup"),
    [
        ("plug it in", "plug it in"),
        (
            "sudo cpupower frequency-set --governor performance",
            "<code>sudo cpupower frequency-set --governor performance</code>",
        ),
        (
            "run again with env -u OMP_NUM_THREADS -u MKL_NUM_THREADS",
            "run again with <code>env -u OMP_NUM_THREADS -u MKL_NUM_THREADS</code>",
        ),
        ("use --threads 4 or fewer", "use <code>--threads 4</code> or fewer"),
        (
            "let it cool down; nvidia-smi -q -d CLOCK,PERFORMANCE tells more",
            "let it cool down; <code>nvidia-smi -q -d CLOCK,PERFORMANCE</code> tells more",
        ),
        ("--budget 0.667 continues", "<code>--budget 0.667</code> continues"),
        ("<b>no</b>", "&lt;b&gt;no&lt;/b&gt;"),
        ("sudo <b>", "<code>sudo &lt;b&gt;</code>"),
    ],
)
def test_only_commands_are_set_as_code(advice: str, markup: str) -> None:
    assert str(advice_markup(advice)) == markup
