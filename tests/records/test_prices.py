from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.records.prices import Prices, read_prices
from tests.made_fleet import TOML


def read(folder: Path, text: str) -> Prices:
    file = folder / "prices.toml"
    file.write_text(text, encoding="utf-8")
    return read_prices(file)


def test_a_name_goes_before_a_pattern_and_a_pattern_before_a_later_one(tmp_path: Path) -> None:
    prices = read(tmp_path, f'{TOML}"*" = 99\n')
    assert prices.currency == "USD"
    assert prices.of("epyc-64") == 2.40
    assert prices.of("epyc-128") == 4.80
    assert prices.of("laptop") == 0
    assert prices.of("anything") == 99


def test_a_machine_that_the_file_does_not_name_has_no_price(tmp_path: Path) -> None:
    assert read(tmp_path, TOML).of("graviton-16") is None


def test_names_of_no_machine_are_told(tmp_path: Path) -> None:
    unknown = read(tmp_path, TOML).unknown(["epyc-64", "laptopp", "xeon-2core"])
    assert unknown == [
        "per_hour: no machine is called 'h100-*': check its name on the Machines page",
        "per_hour: no machine is called 'laptop': did you mean 'laptopp'?",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "missing required field `currency`"),
        ('currency = "USD"', "missing required field `per_hour`"),
        ('currency = "USD"\n[per_hour]\n', "per_hour: Expected `object` of length >= 1"),
        ('currency = "dollars"\n[per_hour]\na = 1', "currency: 'dollars' is no code such as USD"),
        ('currency = "usd"\n[per_hour]\na = 1', "currency: Expected `str` matching regex"),
        ('currency = "USD"\n[per_hour]\na = "1"', "per_hour.'a': a number is wanted, got a str"),
        ('currency = "USD"\n[per_hour]\na = true', "per_hour.'a': a number is wanted, got a bool"),
        ('currency = "USD"\n[per_hour]\na = -1', "per_hour.'a': -1 is no price"),
        ('currency = "USD"\n[per_hour]\na = nan', "per_hour.'a': nan is no price"),
        ('currency = "USD"\n[per_hour]\na = inf', "per_hour.'a': inf is no price"),
        (f'currency = "USD"\n[per_hour]\na = 0x{"f" * 9_999}', "'a': a number that long is no"),
        ('currency = "USD"\n[per_hour]\n"" = 1', "per_hour"),
        ('currency = "USD"\nper_hour = 2', "per_hour: Expected `object`, got `int`"),
        ('currency = "USD"\nhour = 2\n[per_hour]\na = 1', "unknown field `hour`"),
        ("a" * 10_000, "not TOML"),
        ("[" * 100_000, "not TOML"),
        (f'currency = "USD"\n[per_hour]\n"{"n" * 10_000}" = -1', "is no price"),
    ],
)
def test_a_mistake_is_one_line_that_names_file_and_key(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    line = str(caught.value)
    assert line.startswith(f"{tmp_path / 'prices.toml'}: ")
    assert message in line
    assert "\n" not in line
    assert len(line) < 400 + len(str(tmp_path))


def test_a_file_that_is_not_there_or_no_text_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.toml: cannot be read: No such file"):
        read_prices(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    with pytest.raises(UserError, match="not UTF-8 text: byte 0"):
        read_prices(tmp_path / "bytes.toml")
