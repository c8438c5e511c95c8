from __future__ import annotations

from perceptron.records.readers.shared.parameter_roles import ParameterRoles


def test_parameters_of_their_names_say_how_a_row_was_trained() -> None:
    roles = ParameterRoles()
    known = {"size": 1, "backend": "a", "optimizer": "adam", "feed": "host", "dtype": "float32"}
    fields = roles.ground(known)
    assert fields == {"optimizer": "adam", "feed": "host", "dtype": "float32"}


def test_what_holds_the_backend_is_compared_and_keeps_nothing_apart() -> None:
    """`--by optimizer` asks which optimizer is faster."""
    assert ParameterRoles(by=("optimizer",)).ground({"size": 1, "optimizer": "adam"}) == {}
