"""Tensors in a few numbers: the rows of the tables ``values`` and ``grads``, and their words."""

import math
from typing import NamedTuple

from rushlight import _C
from rushlight.debug import _words as words

from . import _model
from ._model import NONE, column

_C._add_package_globals(globals())

_NUMBERS = ("min", "max", "mean", "norm", "nan", "inf", "count")


class Summary(NamedTuple):
    """A tensor in numbers, computed in float64.

    min, max, mean, norm: of the finite elements, nan where there is none. nan, inf: how many there
    are. count: of all elements. bins: how many finite ones lie in each of 32 equal parts from min
    to max; empty where these are equal, or data is there. data: the elements, where there are 16
    at most.
    """

    min: float
    max: float
    mean: float
    norm: float
    nan: int
    inf: int
    count: int
    bins: tuple
    data: tuple

    def words(self, shape=()):
        """``3.0``, ``[1.0, 2.0]``, or shape, range and mean."""
        if self.count == 1:
            return words.number(self.data[0])
        shape = tuple(shape)
        if self.count == 0:
            return f"shape {shape}, empty"
        if len(shape) == 1 and self.count <= 4:
            return "[" + ", ".join(map(words.number, self.data)) + "]"
        bad = self.nan + self.inf
        if bad == self.count:
            return f"shape {shape}, none finite"
        low, high = words.number(self.min), words.number(self.max)
        text = f"all {low}" if low == high else f"{low} to {high}"
        if low != high:
            text += f", mean {words.number(self.mean)}"
        return f"shape {shape}, {text}" + (f", {bad} not finite" if bad else "")


def add(model, table, node, slot, numbers):
    """Append what _C._tensor_summary() tells; a value that is not finite is flagged, too."""
    *plain, bins, data = numbers
    row = dict(zip(_NUMBERS, plain, strict=True))
    row["hist"] = row["data"] = NONE
    if data is not None:
        row["data"] = len(model.data)
        model.data += column("f64", data)
    elif bins is not None:  # beside all the elements they would say nothing more
        row["hist"] = len(model.bins)
        model.bins += column("u32", bins)
    model.add(table, node=node, slot=slot, **row)
    value = table == "values"
    if row["nan"]:
        model.nodes["flags"][node] |= _model.VALUE_NAN if value else _model.GRAD_NAN
    if row["inf"]:
        model.nodes["flags"][node] |= _model.VALUE_INF if value else _model.GRAD_INF


def read(model, table, row):
    """The Summary of a row."""
    columns = getattr(model, table)
    numbers = [columns[name][row] for name in _NUMBERS]
    count = int(numbers[-1])
    hist, data = columns["hist"][row], columns["data"][row]
    bins = () if hist == NONE else tuple(model.bins[hist : hist + 32])
    return Summary(
        *numbers[:-1], count, bins, () if data == NONE else tuple(model.data[data : data + count])
    )


def gradient_norms(model):
    """{(node, output): norm of the gradient by it}; inf where not all of it is finite."""
    t = model.grads
    rows = zip(t["node"], t["slot"], t["norm"], t["nan"], t["inf"], strict=True)
    return {(node, slot): math.inf if nan or inf else norm for node, slot, norm, nan, inf in rows}
