from __future__ import annotations

import pytest

from perceptron.questions.shared.training import training_words
from tests.made import measured

PLAIN = {"optimizer": "sgd", "feed": "resident", "outputs": 1}
ADAM = {"optimizer": "adam", "feed": "host", "outputs": 10, "batch": 128}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ""),
        (PLAIN, ""),
        ({**PLAIN, "batch": 1024}, "sgd, batches of 1,024"),
        (ADAM, "adam, batches of 128, fed from the host, 10 outputs"),
        ({**ADAM, "size": 128, "axes": ("batch",)}, "adam, fed from the host, 10 outputs"),
    ],
    ids=["unknown", "plain", "batches", "adam", "along the batch"],
)
def test_words_say_what_is_not_plain(fields: dict[str, object], words: str) -> None:
    assert training_words(measured(**fields)) == words
