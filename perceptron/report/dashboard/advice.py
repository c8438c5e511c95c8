"""Advice and complaints as the pages show them: prose, and commands that can be copied."""

from __future__ import annotations

import re

from markupsafe import Markup

from perceptron.untrusted_text import shortened

# What of our own advice is typed into a terminal.
_COMMAND = re.compile(
    r"sudo .+|env(?: -u \S+)+|nvidia-smi(?: -\w| [A-Z,]+)+|--threads \d+|--budget [\d.]+"
    r"|perceptron compare \S+ \.|`[^`]+`"
)


def advice_markup(text: str) -> Markup:
    """Return the text with its commands, and nothing else, set as code."""
    text = shortened(text, 400)
    parts = []
    end = 0
    for match in _COMMAND.finditer(text):
        parts += [
            Markup.escape(text[end : match.start()]),
            Markup("<code>{}</code>").format(match[0].strip("`")),
        ]
        end = match.end()
    return Markup("").join([*parts, Markup.escape(text[end:])])
