"""The words of the matrix's tables: what a call of an operator is made of."""

import dataclasses
import json
from collections.abc import Callable

from support import DATA, torch

from .values import DTYPES, LAYOUTS, make

SIGNATURES = json.loads((DATA / "torch_signatures.json").read_text())


@dataclasses.dataclass(frozen=True)
class T:
    """A tensor whose dtype, values and layout vary."""

    shape: tuple
    domain: tuple | None = None

    def build(self, case, place, domain):
        dtype = case.other if case.other and place else case.dtype
        return make(self.shape, dtype, case.kind, case.layout, place, tuple(self.domain or domain))


@dataclasses.dataclass(frozen=True)
class Fixed:
    """A tensor that is the same in every variation: indices, masks, weights."""

    values: tuple
    dtype: str = "int64"

    def build(self, case, place, domain):
        return torch.tensor(as_lists(self.values), dtype=DTYPES[self.dtype])


@dataclasses.dataclass(frozen=True)
class DType:
    """The dtype of the variation."""

    def build(self, case, place, domain):
        return DTYPES[case.dtype]


@dataclasses.dataclass(frozen=True)
class Named:
    """A dtype by its name."""

    name: str

    def build(self, case, place, domain):
        return DTYPES[self.name]


def as_lists(values):
    return [as_lists(v) for v in values] if isinstance(values, tuple | list) else values


def t(*shape, domain=None):
    return T(shape, domain)


def index(*values):
    return Fixed(values)


def mask(*values):
    return Fixed(tuple(values), "bool")


def floats(*values):
    return Fixed(values, "float64")


class Call:
    """One way to call an operator. ``run`` replaces the call by name where that needs Python."""

    def __init__(self, *args, run: Callable | None = None, note="", **kwargs):
        self.args, self.kwargs, self.run, self.note = args, kwargs, run, note
        self.places = list(self.slots())

    def slots(self):
        """The varying tensors, in order; a list of tensors counts each of its own."""
        for value in (*self.args, *self.kwargs.values()):
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, T):
                    yield item

    def key(self):
        given = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.kwargs.items())]
        return (self.note + ": " if self.note else "") + ", ".join(given)

    def build(self, case, domain):
        """The arguments of a variation, and the varying tensors among them."""
        tensors = []

        def value_of(value):
            if isinstance(value, list):
                return [value_of(v) for v in value]
            if type(value) is tuple and any(hasattr(v, "build") for v in value):
                return tuple(value_of(v) for v in value)
            if not hasattr(value, "build"):
                return value
            made = value.build(case, len(tensors), domain)
            if isinstance(value, T):
                tensors.append(made)
            return made

        args = [value_of(v) for v in self.args]
        kwargs = {k: value_of(v) for k, v in self.kwargs.items()}
        return args, kwargs, tensors


c = Call


@dataclasses.dataclass
class Operator:
    """The calls of an operator, and what its values and its error may be."""

    calls: list
    domain: tuple = (-3, 3)  # of plain values: where gradients exist
    ulp: float = 4  # units of the last place between the two implementations
    sums: bool = False  # an error in proportion to the largest value, not to each
    kinds: tuple = ("ties", "special", "huge")
    layouts: tuple = LAYOUTS
    numeric: bool = True  # gradients by finite differences exist
    seeded: bool = False
    forms: tuple | None = None  # of all that PyTorch has, where not all make sense


def op(*calls, **options):
    if options.get("sums"):  # of huge numbers a sum depends on its order
        options.setdefault("kinds", ("ties", "special"))
    return Operator(list(calls), **options)
