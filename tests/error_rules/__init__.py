"""The rules that PyTorch's error messages follow, one for each of many recorded cases.

`data/error_cases.json` holds what PyTorch said of particular shapes. A rule draws other shapes,
dims and dtypes, and builds from them the exception's type and its first sentence: who reproduces
a rule has the message, who copied a text has not.
"""

import random
from collections.abc import Callable
from typing import NamedTuple

RULES = {}


class Case(NamedTuple):
    """A call that raises, and what it raises."""

    call: Callable
    kind: type
    message: str


def rule(snippet):
    """Register a function of a Draw that returns a Case, under the recorded snippet it is of."""

    def register(function):
        name = function.__name__
        assert name not in RULES, f"two rules are called {name}"
        RULES[name] = (snippet, function)
        return function

    return register


class Draw(random.Random):
    """Draws the parameters of a case; deterministic by the rule's name and the round."""

    def __init__(self, name, turn):
        super().__init__(f"{name}:{turn}")

    def size(self, low=1, high=6):
        return self.randint(low, high)

    def shape(self, low=1, high=4, smallest=1):
        """A shape of `low` to `high` dimensions."""
        return [self.randint(smallest, 6) for _ in range(self.randint(low, high))]

    def two_sizes(self, low=2, high=7):
        """Two different sizes, neither of which broadcasts to the other."""
        return self.sample(range(low, high + 1), 2)

    def bad_dim(self, ndim):
        """A dim that a tensor of `ndim` dimensions does not have."""
        n = max(ndim, 1)
        return self.choice([n, n + 1, n + 4, -n - 1, -n - 2, 100, -100])

    def word(self):
        return "".join(self.choice("abcdefgh") for _ in range(5))


def dim_range(ndim, dim):
    """The sentence about a dim that is out of range."""
    n = max(ndim, 1)
    return f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})"


# A dtype's name in a Python program, in messages about scalar types, and in C.
SCALAR = {
    "float32": "Float",
    "float64": "Double",
    "int64": "Long",
    "bool": "Bool",
}
C_NAME = {"float32": "float", "float64": "double", "int64": "long int", "bool": "bool"}


def numel(shape):
    count = 1
    for size in shape:
        count *= size
    return count


from . import (  # noqa: E402 - they register
    attributes,  # noqa: F401
    calls,  # noqa: F401
    functions,  # noqa: F401
    graph,  # noqa: F401
    indices,  # noqa: F401
    modules,  # noqa: F401
    order,  # noqa: F401
    shapes,  # noqa: F401
    signatures,  # noqa: F401
)
