"""Every operator of the matrix: the tables, and the samples of ops that no table names."""

from op_samples import SAMPLES

from . import (
    composed,
    creation,
    further,
    indexing,
    linear,
    losses,
    pointwise,
    reductions,
    shapes,
)
from .calls import Call, Fixed, Operator, T
from .cases import cases
from .without import UNDER_ANOTHER_NAME

OPERATORS = {}
for _module in (
    *(pointwise, reductions, linear, shapes, creation, indexing, further),
    *(losses, composed),
):
    assert not OPERATORS.keys() & _module.OPERATORS.keys(), "an operator has two tables"
    OPERATORS |= _module.OPERATORS


def from_sample(sample):
    """The call of a sample of tests/op_samples; layouts are the matrix's own."""
    tensors = []
    for shape in sample.shapes:
        layout = shape[-1] if shape and isinstance(shape[-1], str) else None
        sizes = shape[:-1] if layout else shape
        tensors.append(T((*sizes[:-1], 3) if layout == "expanded" else sizes))
    first = sample.first
    if first == ("condition",):
        rows = sample.shapes[0][0]
        first = (Fixed(tuple((i % 2 == 0,) for i in range(rows)), "bool"),)
    return Call(*first, *tensors, *sample.rest, **sample.kwargs)


for (_name, _), _samples in SAMPLES.items():
    if _name not in OPERATORS and _name not in UNDER_ANOTHER_NAME and not _name.startswith("_"):
        _calls = [from_sample(s) for s in _samples]
        OPERATORS[_name] = Operator(_calls, sums=True, ulp=8, seeded=True)


def all_cases(name):
    """Call and case of every variation of an operator, in order; equal calls once."""
    seen = set()
    operator = OPERATORS[name]
    for number, call in enumerate(operator.calls):
        if call.key() not in seen:
            seen.add(call.key())
            for case in cases(name, operator, call, first=number < 2):
                yield call, case
