"""A reference as a file, for other processes to load."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np

from perceptron.backends.contract.quantities import Accuracy, Quantity, Reference
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DTYPES


def pack_reference(expected: Reference) -> bytes:
    """Return a reference as the content of a file."""
    content = BytesIO()
    fields: dict[str, object] = {}
    for number, quantity in enumerate(expected.quantities):
        fields |= {f"quantity {number} {key}": value for key, value in _quantity(quantity).items()}
    for number, accuracy in enumerate(expected.accuracies):
        fields |= {f"accuracy {number} {key}": value for key, value in _accuracy(accuracy).items()}
    arrays = {key: np.asarray(value) for key, value in fields.items()}
    np.savez(content, allow_pickle=False, **arrays)
    return content.getvalue()


def load_reference(file: Path) -> Reference:
    """Load the file of a reference that `pack_reference` packed."""
    records: dict[tuple[str, int], dict[str, Array]] = {}
    with np.load(file, allow_pickle=False) as arrays:
        for key in arrays:
            kind, number, name = key.split(" ", 2)
            records.setdefault((kind, int(number)), {})[name] = arrays[key]
    return Reference(
        tuple(
            Quantity(
                name=str(record["name"]),
                start=record["start"],
                end=record["end"],
                known={
                    dtype: record[f"known {dtype}"].astype(bool)
                    for dtype in DTYPES
                    if f"known {dtype}" in record
                },
                spread={
                    dtype: float(record[f"spread {dtype}"])
                    for dtype in DTYPES
                    if f"spread {dtype}" in record
                },
                movement=float(record["movement"]),
                models=int(record["models"]),
                outliers=int(record["outliers"]),
            )
            for (kind, _), record in sorted(records.items())
            if kind == "quantity"
        ),
        tuple(
            Accuracy(
                name=str(record["name"]),
                share=float(record["share"]),
                undecided={dtype: float(record[f"undecided {dtype}"]) for dtype in DTYPES},
            )
            for (kind, _), record in sorted(records.items())
            if kind == "accuracy"
        ),
    )


def _quantity(quantity: Quantity) -> dict[str, object]:
    return {
        "name": quantity.name,
        "start": quantity.start,
        "end": quantity.end,
        "movement": quantity.movement,
        "models": quantity.models,
        "outliers": quantity.outliers,
        **{f"known {dtype}": mask for dtype, mask in quantity.known.items()},
        **{f"spread {dtype}": spread for dtype, spread in quantity.spread.items()},
    }


def _accuracy(accuracy: Accuracy) -> dict[str, object]:
    return {
        "name": accuracy.name,
        "share": accuracy.share,
        **{f"undecided {dtype}": share for dtype, share in accuracy.undecided.items()},
    }
