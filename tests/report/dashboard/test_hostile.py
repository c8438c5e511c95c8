from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.questions.answering import collect
from perceptron.questions.collection import Collection
from perceptron.questions.registry import STUDIES
from perceptron.questions.shared.published import SOURCE
from perceptron.report.dashboard.answers import link
from perceptron.report.dashboard.machines import SIDE_BY_SIDE
from perceptron.report.dashboard.write import write_site
from perceptron.statistics.sizes import size_axis
from tests.hostile import NAMES, hostile
from tests.report.reading import PAGES, data, read, tables, views


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return collect(hostile(tmp_path_factory.mktemp("results")))


@pytest.fixture(scope="module")
def html(collection: Collection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_site(folder, collection, f"<script>{'no ' * 1000}</script>")
    return folder


def test_hostile_names_give_one_short_error_line(collection: Collection) -> None:
    """And names change no number."""
    benches = collection.studies["bench"]
    assert len(benches) == len(collection.studies["race"]) == len(NAMES)
    assert all(bench.answer.data["crossovers"][0].size is not None for bench in benches)
    assert collection.errors
    assert all(line.isprintable() and len(line) <= 400 for line in collection.errors)


@pytest.mark.parametrize("file", [file for file, *_ in PAGES])
def test_hostile_name_is_never_markup(html: Path, file: str) -> None:
    """No script, handler or link but those of a dashboard of honest names."""
    page = read(html / file)
    assert page.handlers == []
    assert all(link == "data:," or link.partition("#")[0] in _OURS for link in page.links)
    assert page.scripts == sum(link.endswith(".js") for link in page.links)


_OURS = {
    *(file for file, *_ in PAGES),
    SOURCE.address,
    "assets/site.css",
    "assets/strokes.css",
    *(f"assets/{name}.js" for name in ("page", "views", "large_table")),
    *(f"data/{name}.js" for name in ("crossover", *STUDIES, "raw")),
    "data/machines.js",
}


def test_hostile_text_cannot_close_data_script(html: Path) -> None:
    """Whatever stands in it: no end of a script, no end of a text, no number that is none."""
    files = sorted((html / "data").rglob("*.js"))
    assert len(files) > 2 * len(NAMES)
    for file in files:
        name = str(file.relative_to(html / "data").with_suffix(""))
        data(html, name)
        script = file.read_bytes().decode("utf-8")
        assert "<" not in script
        assert "\u2028" not in script
        assert script.count("\n") == 1


def test_hostile_text_has_no_control_characters(html: Path) -> None:
    """No control character, none that turns text round, no half character."""
    files = [*html.glob("*.html"), *(html / "data").rglob("*.js")]
    for file in files:
        text = file.read_bytes().decode("utf-8")
        unseen = {
            character for character in text if unicodedata.category(character) in ("Cc", "Cf", "Cs")
        }
        assert unseen <= {"\n"}, file


def test_names_are_told_apart_and_have_room(html: Path) -> None:
    """A switch has a text for each; ten thousand characters are cut in the middle."""
    machines = {setting[1] for setting in views(html, "overhead")}
    assert len(machines) == len(NAMES) - 1  # one blank is no name either
    assert "(no name)" in machines
    assert max(map(len, machines)) <= 200
    facts = {row["machine"] for row in tables(html, "machines")["what each machine is"]}
    assert any("(10,000 characters)" in name for name in facts)
    assert any("(10,001 characters)" in name for name in facts)
    assert len(facts) > SIDE_BY_SIDE
    assert all(file.stat().st_size < 500_000 for file in html.glob("*.html"))


@pytest.mark.parametrize("index", [4, 11])
def test_hostile_name_leaves_overview_pictures(
    collection: Collection, tmp_path: Path, index: int
) -> None:
    """Drawn without a warning, and not larger for a longer name."""
    hostile_answers = {study: [collection.studies[study][index]] for study in ("bench", "map")}
    first = replace(collection, studies=collection.studies | hostile_answers)
    write_site(tmp_path, first)
    page = tmp_path / "index.html"
    assert page.read_text(encoding="utf-8").count("<svg") == 2
    assert page.stat().st_size < 500_000
    assert read(page).handlers == []
    assert "overtakes numpy at" in read(page).text


@pytest.mark.parametrize("name", NAMES)
def test_hostile_name_is_one_value_of_address(name: str) -> None:
    address = link("map", (("Family", name), ("Of what", name)))
    assert address.isascii()
    assert address.count("&") == 1
    assert address.startswith("map.html#family=")
    assert size_axis(name) in ("rows", "features", "hidden width", "width", "size")
