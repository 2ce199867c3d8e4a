"""How many floating point operations an event did, from its name and shapes."""

from math import prod

from rushlight import _C

_C._add_package_globals(globals())


def _product(left, right):
    """2 m k n, for each pair of matrices in a batch; vectors count as matrices of one line."""
    if not left or not right:
        return 0
    columns = right[-1] if len(right) > 1 else 1
    batch = max(prod(left[:-2]), prod(right[:-2]))
    rows = left[-2] if len(left) > 1 else 1
    return 2 * batch * rows * left[-1] * columns


def _pair(shapes):
    return _product(shapes[0], shapes[1])


def _pair_behind(shapes):
    return _product(shapes[1], shapes[2])


def _elements(shapes):
    return max(prod(shapes[0]), prod(shapes[1]))


_RULES = {
    "aten::mm": _pair,
    "aten::bmm": _pair,
    "aten::addmm": _pair_behind,
    "aten::baddbmm": _pair_behind,
    "aten::mul": _elements,
    "aten::add": _elements,
}


def flops_of(name, shapes):
    """Return the number, 0 for what is not estimated.

    name: of the event. shapes: a list of sizes per argument.
    """
    rule = _RULES.get(name)
    return rule(shapes) if rule and shapes else 0
