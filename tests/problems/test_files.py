from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.backends.contract import agreement
from perceptron.backends.numpy_backend import BACKEND
from perceptron.errors import UserError
from perceptron.problems import catalogue, files
from perceptron.problems.families import FAMILIES
from perceptron.problems.model_file import Axis
from tests.conftest import ROOT
from tests.problems.conftest import FROM_CSV, WHOLE, WIDTHS, refused, write

EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.toml"))
PAGE = ROOT / "docs" / "your-own-model.md"


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_agreement_can_be_shown_at_both_ends_of_every_example(file: Path) -> None:
    """What the page invites to measure can be measured: float32 NumPy agrees."""
    sizes = files.references(str(file))
    for reference in {sizes[0], sizes[-1]}:
        problem = catalogue.find(reference)
        assert problem.reference == reference
        trainer = BACKEND.prepare(problem, "float32")
        expected = agreement.reference(problem)
        assert agreement.compare(problem, trainer, "float32", expected).agrees


def test_model_file_page_shows_examples() -> None:
    """Each fenced block is one file, each file is one block, and its command names it."""
    page = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert sorted(blocks) == sorted(file.read_text(encoding="utf-8") for file in EXAMPLES)
    assert all(f"perceptron bench --problem docs/examples/{file.name}" in page for file in EXAMPLES)


def test_model_file_page_script_prints_its_output() -> None:
    """Loss and accuracy on both parts, as a reader gets them."""
    page = PAGE.read_text(encoding="utf-8")
    ((script, output),) = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", page, re.DOTALL)
    words = [sys.executable, "-c", script]
    process = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert process.stdout == output


def test_model_file_page_errors_are_real(tmp_path: Path) -> None:
    """Each line is what a small mistake in an example gives."""
    examples = ROOT / "docs" / "examples"
    fruit = (examples / "fruit.toml").read_text(encoding="utf-8")
    table = (examples / "fruit.csv").read_text(encoding="utf-8")
    mistakes = [
        (fruit.replace('"relu"', '"rleu"'), table),
        (fruit.replace("width = 3", "width = 1"), table),
        (fruit.replace("batch = 8", "batch = 128"), table),
        (fruit.replace("rate = 0.01", "momentum = 0.9"), table),
        (fruit, table.replace("0.74", "nan", 1)),
        (fruit, table.replace("plum", "plumb", 1)),
    ]
    lines = []
    for model, data in mistakes:
        write(tmp_path, data, "fruit.csv")
        lines.append(f"error: {refused(write(tmp_path, model, 'fruit.toml'))}")
    shown = "\n".join(lines).replace(str(tmp_path), "/home/me")
    assert f"```text\n{shown}\n```" in PAGE.read_text(encoding="utf-8")


def test_model_file_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reference carries an absolute path and the size: all that a worker gets."""
    write(tmp_path, WIDTHS)
    monkeypatch.chdir(tmp_path)
    problems = [catalogue.find(reference) for reference in files.references("model.toml")]
    monkeypatch.chdir("/")
    references = [problem.reference for problem in problems]
    assert references == [f"{tmp_path}/model.toml:{n}" for n in (2, 4, 16)]
    assert [catalogue.find(problem.reference) for problem in problems] == problems
    assert {problem.family for problem in problems} == {"model"}
    assert catalogue.find_all(f"{tmp_path}/model.toml") == tuple(problems)
    assert files.references(f"{tmp_path}/model.toml:9") == (f"{tmp_path}/model.toml:9",)


def test_model_file_name_follows_content_not_folder(tmp_path: Path) -> None:
    """Rows go to other machines: no path of this one stands in them."""
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
        write(folder, WIDTHS)
    one, other = (catalogue.find(f"{folder}/model.toml:2").name for folder in folders)
    assert one == other
    assert re.fullmatch(r"model\.toml@[0-9a-f]{8}:2", one)
    file = write(folders[0], WIDTHS + "# edited\n")
    assert catalogue.find(f"{file}:2").name != one


@given(axis=st.sampled_from(["rows", "features", "width", "depth"]), size=st.integers(1, 60))
def test_model_file_size_replaces_axis_value(
    tmp_path_factory: pytest.TempPathFactory, axis: Axis, size: int
) -> None:
    """And no other number of the model."""
    text = WHOLE + f'[size]\naxis = "{axis}"\nvalues = [1]\n'
    file = write(tmp_path_factory.getbasetemp(), text, f"model-{axis}.toml")
    problem = catalogue.find(f"{file}:{size}")
    rows, features = problem.dataset.rows, problem.dataset.features
    expected = {"rows": 8, "features": 3, "width": 4, "depth": 1} | {axis: size}
    assert (rows, features) == (expected["rows"], expected["features"])
    assert problem.hidden == (expected["width"],) * expected["depth"]
    assert problem.size == size
    assert catalogue.find(problem.reference) == problem


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rate = 0.5", "rate = [", "not TOML: "),
        ("rate = 0.5", f"rate = {'[' * 9999}", "not TOML: nested too deeply"),
        ("rate = 0.5", "rate = " + "9" * 9999, "not TOML: "),
        ("rate = 0.5", 'rate = "fast"', "rate: Expected `float`, got `str`"),
        ("rate = 0.5", "rate = 0", "rate: Expected `float` > 0.0"),
        ("rate = 0.5", "rate = inf", "rate: Expected `float` <= 1e+300"),
        ("rate = 0.5", "", "Object missing required field `rate`"),
        ("rate = 0.5", "rate = 1\nrat = 1", "unknown key 'rat': did you mean 'rate'?"),
        ("mse", "msee", "unknown loss 'msee': did you mean 'mse'?"),
        ("rows = 8", "rows = 0", "data.rows: Expected `int` >= 1"),
        ("rows = 8", f"rows = {10**30}", "data.rows: Expected `int` <= 2147483647"),
        ("rows = 8", "row = 8", "data: unknown key 'row': did you mean 'rows'?"),
        ("rows = 8", 'csv = "a.csv"', "data: unknown key 'features': choose from csv, target"),
        ("[data]", "[daten]", "unknown key 'daten'"),
        ("tanh", "tahn", "layers[0]: unknown activation 'tahn': did you mean 'tanh'?"),
        ("width = 4", "with = 4", "layers[0]: unknown key 'with': did you mean 'width'?"),
        ("width = 1", "width = 3", "layers[1].width: the last layer has width 1, got 3"),
    ],
)
def test_model_file_error_names_field(tmp_path: Path, old: str, new: str, message: str) -> None:
    """One line with the file, the field and, for a name, the nearest that there is."""
    assert old in WHOLE
    file = write(tmp_path, WHOLE.replace(old, new))
    assert refused(file).startswith(f"{file}: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WHOLE[: WHOLE.index("[[")], "Object missing required field `layers`"),
        (WHOLE.replace("mse", "bce").replace("sigmoid", "tanh"), "loss: 'bce' needs predictions"),
        (WIDTHS.replace('"width"', '"widht"'), "size: unknown axis 'widht': did you mean 'width'?"),
        (WIDTHS.replace("16, 2", "16, 0"), "size.values[1]: Expected `int` >= 1"),
        (WIDTHS.replace("16, 2", "4, 2"), "size.values: a size is there twice"),
        (WIDTHS.replace('width = 4\nactivation = "tanh"\n[[layers]]\n', ""), "size.axis: 'width'"),
        (WIDTHS.replace('"width"', '"depth"').replace("16", "9999"), "size.values: depth must"),
        (
            WIDTHS.replace('"width"', '"depth"').replace(
                "[[layers]]", '[[layers]]\nwidth = 2\nactivation = "relu"\n[[layers]]', 1
            ),
            "size.axis: 'depth' repeats one hidden layer, and here are 2",
        ),
    ],
)
def test_model_file_inconsistent_model_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """Layers, losses and size axes are held against each other."""
    file = write(tmp_path, text)
    assert refused(f"{file}:4" if "[size]" in text else file).startswith(f"{file}: {message}")


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ("", "needs a size, its width, such as model.toml:2"),
        (":", "'' is no width: give a whole number from 1, such as model.toml:2"),
        (":0", "'0' is no width"),
        (":" + "9" * 9999, "'999"),
    ],
)
def test_model_file_invalid_size_suggests_one(tmp_path: Path, size: str, message: str) -> None:
    """With an example from the file itself."""
    file = write(tmp_path, WIDTHS)
    assert refused(f"{file}{size}").startswith(f"{file}: {message}")


def test_model_file_refuses_name_of_builtin_problem(tmp_path: Path) -> None:
    """Its rows would be taken for those of the family, of the finding or of the shape."""
    for name in ("or-gate", "mlp:1000x20", *FAMILIES):
        file = write(tmp_path, WHOLE, f"{name}.toml")
        assert refused(file) == f"{file}: {name!r} is a built-in problem: rename the file"


def test_model_file_refuses_duplicate_names(tmp_path: Path) -> None:
    """A family is known by its name, so two cannot share one; one file twice is no harm."""
    (tmp_path / "other").mkdir()
    one, two = write(tmp_path, WIDTHS), write(tmp_path / "other", WIDTHS)
    files.refuse_namesakes([f"{one}:2", f"{one}:4"])
    with pytest.raises(UserError, match="has the same name as"):
        files.refuse_namesakes([f"{one}:2", f"{two}:2"])


def test_model_file_fingerprint_covers_model_and_data(tmp_path: Path) -> None:
    """An edit of either is other work; nothing else is."""
    write(tmp_path, "x,y\n1,0\n", "data.csv")
    file = write(tmp_path, FROM_CSV)
    first = files.fingerprints([str(file)])
    assert files.fingerprints([str(file)]) == first
    write(tmp_path, "x,y\n1,0\n2,1\n", "data.csv")
    second = files.fingerprints([str(file)])
    write(tmp_path, FROM_CSV.replace("0.5", "0.25"))
    third = files.fingerprints([str(file)])
    assert len({str(message) for message in (first, second, third)}) == 3
