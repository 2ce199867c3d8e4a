"""Calls of the rarer operators: special functions, copies of views, products and queries."""

from support import torch

from .calls import Fixed, Named, c, index, op, t
from .pointwise import pairs, unary
from .shapes import call, moved

F64 = Named("float64")


def query():
    return op(c(t(2, 3)), c(t()), c(t(0)), kinds=(), numeric=False)


def dropped(*shapes):
    """Random zeros, from one seed; without training nothing is dropped."""
    return op(
        *(c(t(*s), p, True) for s in shapes for p in (0.3, 0.0, 1.0)),
        c(t(*shapes[0]), 0.5, False),
        c(t(*shapes[0]), p=0.4, train=True),
        c(t(*shapes[0]), 1.5, True),
        seeded=True,
        kinds=(),
    )


def drawn(*calls):
    return op(c(t(3, 4)), c(t(20)), *calls, seeded=True, kinds=(), numeric=False, ulp=32, sums=True)


def split(*calls):
    return moved(c(t(4, 4, 4), 2), c(t(4, 4, 4), (1, 3)), *calls, c(t()), c(t(4, 4, 4), 0))


def embedded(weight, rows):
    return torch.nn.functional.embedding(rows, weight)


CORNERS = (c(3, 4), c(3, 4, 1), c(3, 4, offset=-1), c(0, 2), c(row=2, col=3, dtype=F64), c(-1, 2))

OPERATORS = {
    "gcd": op(*pairs(), kinds=("ties",)),
    "lcm": op(*pairs(), kinds=("ties",)),
    "isreal": unary(),
    "is_nonzero": op(c(t()), c(t(1)), c(t(1, 1)), c(t(2)), c(t(0)), numeric=False),
    "is_same_size": op(c(t(2, 3), t(2, 3)), c(t(2, 3), t(3)), kinds=(), numeric=False),
    **{
        n: query()
        for n in ("is_floating_point", "is_complex", "is_signed", "is_conj", "is_neg", "numel")
    },
    "is_inference": query(),
    "ldexp": op(c(t(2, 3), index(1, -2, 3)), c(t(2, 3), t(3)), c(t(), t(2)), c(t(0), t(0))),
    "heaviside": op(*pairs()),
    "nextafter": op(*pairs(), numeric=False),
    "frexp": unary(numeric=False),
    "mvlgamma": op(
        c(t(2, 3), 2), c(t(3), p=1), c(t(2), 0), c(t(0), 2), domain=(2, 6), ulp=64, sums=True
    ),
    "isin": op(
        c(t(2, 3), t(4)),
        c(t(2, 3), 1.0),
        c(2, t(4)),
        c(t(5), t(2), invert=True),
        c(t(5), t(2), assume_unique=True),
        c(t(0), t(2)),
        kinds=("ties",),
        forms=("function", "out"),
    ),
    "nonzero_static": op(
        c(t(3, 4), size=5),
        c(t(8), size=20, fill_value=-7),
        c(t(), size=1),
        c(t(3), size=-1),
        kinds=("ties",),
    ),
    "index_reduce": moved(
        *(
            c(t(3, 2), 0, index(2, 2, 0), t(3, 2), r, include_self=own)
            for r in ("prod", "mean", "amax", "amin")
            for own in (True, False)
        ),
        c(t(3), dim=0, index=index(0), source=t(1), reduce="amax"),
        c(t(3), 0, index(0), t(1), "sum"),
        kinds=("ties", "special"),
    ),
    "trapezoid": op(
        c(t(3, 4)),
        c(t(3, 4), t(4)),
        c(t(3, 4), dx=0.5),
        c(t(3, 4), dim=0),
        c(t(3, 4), t(3), dim=0),
        c(t()),
        sums=True,
    ),
    "trapz": op(c(t(3, 4)), c(t(3, 4), t(4)), c(t(3, 4), dx=0.5, dim=0), sums=True),
    "cumulative_trapezoid": op(
        c(t(3, 4)), c(t(3, 4), t(4)), c(t(3, 4), dx=0.5), c(t(3, 4), dim=0), sums=True
    ),
    "ger": op(c(t(3), t(2)), c(t(2, 2), t(2)), sums=True),
    "matrix_power": op(
        c(t(3, 3), 0),
        c(t(3, 3), 1),
        c(t(3, 3), 3),
        c(t(2, 2, 2), n=5),
        c(t(2, 3), 2),
        sums=True,
        ulp=64,
    ),
    "swapdims": moved(c(t(2, 3), 0, 1), c(t(2, 3, 2), dim0=0, dim1=-1), c(t(2, 3), 0, 2)),
    "adjoint": moved(c(t(2, 3)), c(t(2, 2, 3)), c(t(3)), c(t())),
    "sum_to_size": op(
        c(t(2, 3), 1, 3),
        c(t(2, 3), (3,)),
        c(t(2, 3), 2, 3),
        c(t(2, 3), 2),
        c(t(2, 3), ()),
        sums=True,
    ),
    "unsafe_split": moved(c(t(5, 2), 2), c(t(2, 3), 1, dim=1), c(t(5), 0)),
    "unsafe_split_with_sizes": moved(
        c(t(5, 2), (2, 3)), c(t(5, 2), (1, 1), dim=1), c(t(5), (2, 2))
    ),
    "unsafe_chunk": moved(c(t(5, 2), 2), c(t(5, 2), chunks=2, dim=1), c(t(4), 0)),
    "pixel_shuffle": moved(
        c(t(1, 4, 2, 2), 2), c(t(4, 1, 2), upscale_factor=2), c(t(3, 2, 2), 2), c(t(2, 2), 1)
    ),
    "pixel_unshuffle": moved(
        c(t(1, 1, 4, 2), 2), c(t(1, 2, 2), downscale_factor=2), c(t(1, 3, 2), 2)
    ),
    "channel_shuffle": moved(c(t(1, 4, 2, 2), 2), c(t(1, 3, 2), 2), c(t(1, 4, 2), groups=4)),
    "tril_indices": op(*CORNERS),
    "triu_indices": op(*CORNERS),
    "diagonal_copy": moved(c(t(3, 4)), c(t(3, 4), 1), c(t(2, 3, 2), offset=0, dim1=0, dim2=2)),
    "diagonal_scatter": moved(
        c(t(3, 4), t(3)),
        c(t(3, 4), t(3), 1),
        c(t(3, 4), t(2)),
        c(t(2, 3, 2), t(3, 2), dim1=0, dim2=2),
    ),
    "select_scatter": moved(
        c(t(3, 4), t(4), 0, 1), c(t(3, 4), t(3), dim=1, index=-1), c(t(3, 4), t(3), 0, 1)
    ),
    "slice_scatter": moved(
        c(t(4, 2), t(2, 2), 0, 1, 3),
        c(t(4, 2), t(4, 1), dim=1, start=0, end=2, step=2),
        c(t(4), t(3), 0, 1, 3),
    ),
    "as_strided_scatter": moved(
        c(t(3, 4), t(2, 2), (2, 2), (4, 1)),
        c(t(6), t(2), size=(2,), stride=(3,), storage_offset=1),
        layouts=("flipped",),  # it sees the memory, not the elements
    ),
    "narrow_copy": moved(c(t(2, 4), 1, 1, 2), c(t(4), dim=0, start=1, length=0), c(t(4), 0, 3, 2)),
    "row_stack": moved(c([t(2, 3), t(2, 3)]), c([t(3), t(3)]), c([])),
    "column_stack": moved(
        c([t(2, 3), t(2, 3)]), c([t(3), t(3)]), c([t(), t()]), c([t(2, 3), t(3)])
    ),
    "hsplit": split(c(t(4), 2), c(t(3), sections=2)),
    "vsplit": split(c(t(4), 2)),
    "dsplit": split(c(t(4, 4), 2)),
    "scalar_tensor": op(c(1.5), c(2), c(True), c(3, dtype=F64), numeric=False),
    "range": op(c(0, 3), c(1, 6, 2), c(end=2.5), c(3, 1, -1), c(1, 2, 0), numeric=False),
    "geometric_": drawn(c(t(3), 0.3), c(t(3), p=0.9), c(t(3), 0.0)),
    "cauchy_": drawn(c(t(3), 1.0, 2.0), c(t(3), median=1.0, sigma=0.5), c(t(3), 0.0, -1.0)),
    "log_normal_": drawn(c(t(3), 1.0, 0.5), c(t(3), mean=0.0, std=0.25), c(t(3), 0.0, -1.0)),
    "poisson": op(
        c(t(3, 4)), c(t(20)), c(t(0)), domain=(0, 9), seeded=True, kinds=(), numeric=False
    ),
    "dropout": dropped((3, 4), ()),
    "feature_dropout": dropped((2, 3, 2)),
    "alpha_dropout": dropped((3, 4)),
    "feature_alpha_dropout": dropped((2, 3, 2)),
    "moveaxis": moved(c(t(2, 3, 4), 0, 2), c(t(2, 3, 4), source=(0, 1), destination=(-1, 0))),
    "ravel": moved(c(t(2, 3)), c(t()), c(t(0))),
    "concat": moved(c([t(2, 3), t(1, 3)]), c([t(2, 3), t(2, 2)], dim=1)),
    "concatenate": moved(c([t(2, 3), t(1, 3)]), c([t(2, 3), t(2, 2)], dim=1)),
    "absolute": unary(),
    "negative": unary(),
    "multiply": op(*pairs()),
    "subtract": op(*pairs(), c(t(3), t(3), alpha=2)),
    "divide": op(*pairs(), c(t(3), t(3), rounding_mode="floor")),
    **{n: op(*pairs()) for n in ("greater", "greater_equal", "less", "less_equal", "not_equal")},
    **{n: unary(domain=(-0.9, 0.9)) for n in ("arcsin", "arccos", "arctanh")},
    **{n: unary() for n in ("arctan", "arcsinh")},
    "arccosh": unary(domain=(1.1, 5)),
    "arctan2": op(*pairs()),
    "embedding": op(
        call(embedded, t(4, 3), Fixed((0, 3, 3)), note="rows"),
        call(embedded, t(4, 3), Fixed(((0, 1), (2, 0))), note="a table of rows"),
        call(embedded, t(4, 3), Fixed((4,)), note="out of range"),
        kinds=("special",),
    ),
}
