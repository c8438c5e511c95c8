"""A rate of plain sgd for a network of any shape: ten iterations move it, descent stays stable.

Descent is stable up to 2/λ, λ the steepest curvature (LeCun et al., Efficient BackProp, 1998,
§5.1). With S, which adds up over the layers the steepest direction of a layer's inputs and bias
times how much the outputs feel that layer, λ is about S/8 at most for the mean square of a sigmoid,
and S/2 for cross-entropy, whose curvature along two classes of p = 1/2 is p.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt


def gain(deep: bool, classes: int | None) -> float:
    """Return the gain of a `FanInStart` with which several hidden layers pass a signal on.

    relu needs √6 (He et al., Delving Deep into Rectifiers, 2015), tanh 2.
    """
    if not deep:
        return 1.0
    return 2.0 if classes is None else sqrt(6.0)


def rate(rows: int, features: int, hidden: Sequence[int], classes: int | None) -> float:
    """Return the rate for steps on ``rows`` rows, and for `gain` of these hidden layers."""
    if classes is not None:
        # Half of the limit, 2/(S/2).
        return 2.0 / _steepness_of_relu(rows, features, hidden, classes)
    # The steepest direction of the features (Marchenko and Pastur, 1967), which have variance 1.
    steepest = (1.0 + sqrt(features / rows)) ** 2
    if not hidden:
        return 4.0 / steepest
    if len(hidden) == 1:
        # Hidden sigmoids average 1/2: their mean is the steepest direction of the output layer.
        # The other layer is felt by 1/48 and takes over where features far outnumber rows.
        return 16.0 / max(4.0 + hidden[0] / 4.0, steepest / 12.0)
    # A quarter of 16/S: at half of it, some trainings on two rows are chaotic, and rounding grows.
    return 4.0 / _steepness_of_tanh(rows, features, hidden)


def _steepness_of_tanh(rows: int, features: int, hidden: Sequence[int]) -> float:
    """Return S for several hidden layers of tanh that start with gain 2."""
    widths = (features, *hidden)
    total = 0.0
    for index, width in enumerate(widths):
        # What enters here has passed the narrowest layer so far, which limits its directions; one
        # of them holds this share of the variance, again by Marchenko and Pastur.
        narrowest = min(widths[: index + 1])
        share = min(1.0, (1.0 / sqrt(narrowest) + 1.0 / sqrt(rows)) ** 2)
        mean_square = 0.4 if index else 1.0  # of a tanh; of a feature
        # Squared weights of a neuron add up to 4/3, squared slopes of tanh average about 1/2.
        sensitivity = 1.0 if index == len(hidden) else 2.0 / 3.0
        total += sensitivity * (1.0 + width * mean_square * share)
    return total


def _steepness_of_relu(rows: int, features: int, hidden: Sequence[int], classes: int) -> float:
    """Return S for hidden layers of relu, on clusters (`datasets.Clusters`)."""
    between = 9.0 / (features + 9.0)  # the variance of the centres; the rest is within a cluster
    within = (1.0 - between) * (1.0 + sqrt(features / rows)) ** 2
    steepest = within + between * (1.0 + sqrt(features / min(classes, rows))) ** 2
    # Squared weights of a neuron add up to 1/3 or 2, and half of the neurons let a signal through:
    # the mean square of a layer's values is 1/6 in the first case and stays 1 in the second. They
    # have one sign, so one direction may hold nearly all of it.
    deep = len(hidden) > 1
    total = 1.0 + (hidden[-1] * (1.0 if deep else 1.0 / 6.0) if hidden else steepest)
    for index in range(len(hidden)):
        inputs = hidden[index - 1] if index else steepest
        # The steepest direction of the weights that the logits feel this layer through.
        felt = (1.0 if deep else 1.0 / 6.0) * (1.0 + sqrt(classes / min(hidden[index:]))) ** 2
        total += felt * (1.0 + inputs)
    return total
