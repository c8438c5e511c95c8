"""The options that describe a training by its shape, and the problem that they name."""

from __future__ import annotations

from typing import Annotated, get_args

import typer

from perceptron.commands.shared.options import one_of, whole_numbers
from perceptron.errors import UserError

Rows = Annotated[int | None, typer.Option(min=1, metavar="N", help="Rows of the data.")]
Features = Annotated[int | None, typer.Option(min=1, metavar="D", help="Features of a row.")]
Hidden = Annotated[
    str | None,
    typer.Option(metavar="H[,H…]", help="Hidden-layer widths. Default: no hidden layer."),
]
Classes = Annotated[
    int | None,
    typer.Option(min=2, metavar="C", help="Classes, with cross-entropy. Default: one output."),
]
Batch = Annotated[
    int | None, typer.Option(min=1, metavar="B", help="Rows of an iteration. Default: all.")
]
Optimizer = Annotated[
    str | None, typer.Option(metavar="NAME", help="Train by sgd, adam or adamw. Default: sgd.")
]
Feed = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Take batches from the device (resident) or the host."),
]
Models = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Models that train together. Default: 1.")
]


def shape_reference(
    rows: int | None,
    features: int | None,
    hidden: str | None = None,
    classes: int | None = None,
    batch: int | None = None,
    optimizer: str | None = None,
    feed: str | None = None,
    models: int | None = None,
) -> str:
    """Return the reference of the shape that these options describe, as they were typed.

    Raises `UserError` naming the option that is missing or wrong.
    """
    from perceptron.problems import optimizer as optimizers
    from perceptron.problems import problem
    from perceptron.problems.shape import Shape

    widths = whole_numbers("--hidden", hidden, each_once=False)
    trained_by = one_of("--optimizer", optimizer or "sgd", get_args(optimizers.OptimizerName))
    fed_from = one_of("--feed", feed or "resident", get_args(problem.Feed))
    if rows is None or features is None:
        raise UserError("give --rows and --features (and --hidden), or --problem")
    if classes is not None and not 2 <= classes <= rows:
        raise UserError(f"--classes: {classes} is not between 2 and the {rows} of --rows")
    if batch is not None and not 1 <= batch <= rows:
        raise UserError(f"--batch: {batch} is not between 1 and the {rows} of --rows")
    if fed_from == "host" and batch is None:
        raise UserError("--feed host needs batches: add --batch, such as --batch 128")
    made = Shape(
        rows,
        features,
        widths,
        classes=classes,
        batch=batch,
        optimizer=trained_by,
        feed=fed_from,
        models=models or 1,
    )
    return made.reference
