"""How a model is trained, as its file says it; what it is made of is in test_files.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.problems import catalogue
from perceptron.problems.datasets import BREAST_CANCER, DIGITS, Clusters
from perceptron.problems.held_out import hold_out
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, Sgd
from perceptron.problems.problem import Layer, Problem
from tests.problems.conftest import CLASSES, WHOLE, refused, write

PLAIN = WHOLE.replace("rate = 0.5\n", "")


def _found(folder: Path, text: str) -> Problem:
    file = write(folder, text)
    problem = catalogue.find(str(file))
    assert catalogue.find(problem.reference) == problem
    return problem


def test_classes_in_batches_from_the_host(tmp_path: Path) -> None:
    """Every key of a mini-batch training is in the problem."""
    problem = _found(
        tmp_path,
        'batch = 16\nlast = "drop"\nfeed = "host"\nepochs = 5\n'
        + CLASSES.replace("classes = 3", "classes = 3\ntest_share = 0.25\ntest_seed = 7"),
    )
    whole = Clusters("clusters", 200, 5, classes=3)
    assert problem.dataset == hold_out(whole, 0.25, seed=7)
    assert problem.layers == (Layer(8, "relu"), Layer(3, "identity"))
    assert (problem.loss, problem.optimizer) == ("cross-entropy", Adam())
    assert (problem.batch, problem.last, problem.feed) == (16, "drop", "host")
    assert problem.iterations == 5 * (150 // 16)
    assert problem.training_part().targets.shape == (150, 3)


def test_model_file_defaults(tmp_path: Path) -> None:
    """All rows, plain sgd, resident, nothing held out."""
    problem = _found(tmp_path, WHOLE)
    assert problem.optimizer == Sgd(rate=0.5)
    assert (problem.batch, problem.last, problem.feed) == (None, "keep", "resident")
    assert problem.held_out_part() is None
    assert _found(tmp_path, "epochs = 30\n" + WHOLE).iterations == 30


@pytest.mark.parametrize(
    ("table", "optimizer"),
    [
        ('name = "sgd"\nrate = 1', Sgd(rate=1.0)),
        (
            'name = "sgd"\nrate = 0.1\nmomentum = 0.9\nnesterov = true\nweight_decay = 1e-4',
            Sgd(rate=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4),
        ),
        ('name = "adam"', Adam()),
        (
            'name = "adam"\nrate = 0.01\nbetas = [0.8, 0.99]\neps = 1e-6\nweight_decay = 0.5',
            Adam(rate=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.5),
        ),
        ('name = "adamw"', AdamW()),
        ('name = "adamw"\nweight_decay = 0', AdamW(weight_decay=0.0)),
    ],
)
def test_model_file_optimizer_table(tmp_path: Path, table: str, optimizer: Optimizer) -> None:
    """And what it leaves out is PyTorch's default."""
    assert _found(tmp_path, f"{PLAIN}[optimizer]\n{table}\n").optimizer == optimizer


@pytest.mark.parametrize(("name", "whole"), [("digits", DIGITS), ("breast-cancer", BREAST_CANCER)])
def test_data_may_be_bundled(tmp_path: Path, name: str, whole: object) -> None:
    """By name, all of them or with a part held out."""
    pytest.importorskip("sklearn")
    bundled = CLASSES.replace("rows = 200\nfeatures = 5\nclasses = 3", f'name = "{name}"')
    text = bundled.replace("width = 3", f"width = {10 if name == 'digits' else 2}")
    assert _found(tmp_path, text).dataset == whole
    split = _found(tmp_path, text.replace("[data]", "[data]\ntest_share = 0.2"))
    test = split.held_out_part()
    assert test is not None
    assert len(test.inputs) == round(0.2 * (split.dataset.rows + len(test.inputs)))


def test_model_file_batch_axis(tmp_path: Path) -> None:
    """A sweep replaces it, whether the file has another or none; epochs follow it."""
    text = "epochs = 2\n" + CLASSES + '[size]\naxis = "batch"\nvalues = [50, 10]\n'
    for first in ("", "batch = 7\n", 'feed = "host"\n'):
        file = write(tmp_path, first + text)
        problems = catalogue.find_all(str(file))
        assert [problem.batch for problem in problems] == [10, 50]
        assert [problem.size for problem in problems] == [10, 50]
        assert [problem.iterations for problem in problems] == [2 * 20, 2 * 4]
    assert refused(f"{file}:201") == (
        f"{file}: batch: 201 is not between 1 and the 200 rows to train on"
    )


def test_many_models_of_a_file(tmp_path: Path) -> None:
    """On data that all share, or a fold held out from each; a sweep replaces their number."""
    many = _found(tmp_path, "models = 8\n" + CLASSES)
    assert (many.models, many.folds) == (8, False)
    assert many.single(0).digest == _found(tmp_path, CLASSES).digest
    folded = _found(tmp_path, "models = 8\nfolds = true\nbatch = 25\nepochs = 2\n" + CLASSES)
    train, held_out = folded.parts()
    assert held_out is not None
    assert (train.inputs.shape, held_out.inputs.shape) == ((8, 175, 5), (8, 25, 5))
    assert folded.iterations == 2 * 7
    size = '[size]\naxis = "models"\nvalues = [8, 2]\n'
    file = write(tmp_path, "folds = true\n" + CLASSES + size)
    problems = catalogue.find_all(str(file))
    assert [(problem.models, problem.size, problem.axes) for problem in problems] == [
        (2, 2, ("models",)),
        (8, 8, ("models",)),
    ]
    assert refused(f"{file}:201") == (
        f"{file}: folds: 200 rows cannot be divided into 201 folds: give models from 2 to 200"
    )


def _with(old: str, new: str) -> str:
    assert old in CLASSES
    return CLASSES.replace(old, new)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batch = 201\n" + CLASSES, "batch: 201 is not between 1 and the 200 rows to train on"),
        ("batch = 151\n" + _with("rows = 200", "rows = 200\ntest_share = 0.25"), "batch: 151 is"),
        ('feed = "hots"\n' + CLASSES, "unknown feed 'hots': did you mean 'host'?"),
        ('feed = "host"\n' + CLASSES, "feed: 'host' is for batches: give a batch, such as 128"),
        ('last = "drop"\n' + CLASSES, "last: 'drop' is for batches: give a batch"),
        ("folds = true\n" + CLASSES, "folds: are for several models: give models, one for each"),
        ("models = 201\nfolds = true\n" + CLASSES, "folds: 200 rows cannot be divided into 201"),
        (
            "models = 4\nfolds = true\n" + _with("rows = 200", "rows = 200\ntest_share = 0.25"),
            "data.test_share: with folds each model holds out a fold of its own: leave it out",
        ),
        ("models = 4\nfolds = true\nbatch = 151\n" + CLASSES, "batch: 151 is not between"),
        ("epochs = 2\niterations = 9\n" + CLASSES, "epochs: give iterations or epochs, not both"),
        ("rate = 1\n" + CLASSES, "rate: belongs in the table [optimizer] where there is one"),
        (_with('"adam"', '"Adam"'), "optimizer: unknown name 'Adam': did you mean 'adam'?"),
        (_with('name = "adam"', ""), "optimizer: Object missing required field `name`"),
        (_with('"adam"', '"sgd"'), "optimizer: Object missing required field `rate`, such as"),
        (_with('"adam"', '"adam"\nbetas = [0.9, 1.0]'), "optimizer.betas[1]: Expected `float` < 1"),
        (_with('"adam"', '"adam"\nmomentum = 0.9'), "optimizer.momentum: 'adam' takes rate, betas"),
        (_with('"adam"', '"sgd"\nrate = 1\neps = 1'), "optimizer.eps: 'sgd' takes rate, momentum"),
        (_with('"adam"', '"sgd"\nrate = 1\nnesterov = true'), "optimizer.nesterov: needs momentum"),
        (_with("classes = 3", ""), "loss: 'cross-entropy' needs classes: give data.classes"),
        (
            _with("width = 3", "width = 4"),
            "layers[1].width: the last layer has width 3 for the 3 cl",
        ),
        (
            _with("classes = 3", "classes = 2").replace("width = 3", "width = 1"),
            "layers[1].width: the last layer has width 2 for the 2 classes '0', '1' of 'target'",
        ),
        (_with("identity", "sigmoid"), "loss: 'cross-entropy' takes its softmax itself: give"),
        (_with("classes = 3", "classes = 3\ntest_share = 0.001"), "data.test_share: 0.001 of 200"),
        (_with("classes = 3", "classes = 3\ntest_share = 0.99"), "data.test_share: 0.99 of 200"),
        (
            _with("classes = 3", "classes = 3\ntest_seed = 1"),
            "data.test_seed: needs data.test_share",
        ),
        (_with("classes = 3", 'name = "digit"'), "data: unknown key 'rows': choose from name"),
    ],
)
def test_model_file_invalid_training_key_is_named(tmp_path: Path, text: str, message: str) -> None:
    """One line with the file, the key and what to do."""
    file = write(tmp_path, text)
    assert refused(file).startswith(f"{file}: {message}")
