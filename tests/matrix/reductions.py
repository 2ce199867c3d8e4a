"""Calls of the reductions, cumulative operators and those that order elements."""

from .calls import Fixed, Named, c, index, op, t

F64, I64, F16 = Named("float64"), Named("int64"), Named("float16")


def over_all(*more, **options):
    """Of a whole tensor."""
    return [c(t(3, 4)), c(t()), c(t(0)), c(t(1)), *more]


def over_dim(*rest, **kw):
    """Along one dimension, in every place and form."""
    return [
        c(t(3, 4), *rest, 1, **kw),
        c(t(2, 3, 2), *rest, 1, **kw),
        c(t(3, 4), *rest, dim=0, **kw),
        c(t(3, 4), *rest, -1, True, **kw),
        c(t(3, 4), *rest, dim=-2, keepdim=True, **kw),
        c(t(), *rest, 0, **kw),
        c(t(0, 3), *rest, 0, **kw),
        c(t(3, 0), *rest, 0, **kw),
        c(t(2, 3), *rest, 2, **kw),
        c(t(2, 3), *rest, -3, **kw),
    ]


def over_dims():
    return [
        c(t(2, 3, 2), (0, 2)),
        c(t(2, 3, 2), (0, -1), True),
        c(t(2, 3, 2), ()),
        c(t(2, 3), (0, 0)),
        c(t(2, 3), None, True),
    ]


def summed(*more, **options):
    return op(*over_all(), *over_dim(), *over_dims(), *more, sums=True, **options)


def with_dtype(*more):
    return [
        *(c(t(3, 4), dtype=d) for d in (F64, I64, *more)),
        *(c(t(3, 4), 1, dtype=d) for d in (F64, I64)),
    ]


LARGE = [c(t(70000)), c(t(300, 300), 0), c(t(300, 300), 1)]
SPREAD = [
    *over_all(),
    *over_dim()[:2],
    *over_dims(),
    c(t(3, 4), correction=0),
    c(t(3, 4), 1, correction=2),
    c(t(3, 4), (0, 1), correction=1.5, keepdim=True),
    c(t(3, 4), False),
    c(t(3, 4), unbiased=True),
    c(t(3, 4), 1, False, True),
    c(t(3, 4), dim=(0,), unbiased=False, keepdim=True),
    c(t(3, 4), 0, correction=4),
    c(t(1, 3), 0),
    c(t(0, 3), 0),
    c(t(2, 3), 2),
]
PAIR_OUT = dict(forms=("function", "functional", "method", "out"))
CUMULATIVE = [
    c(t(3, 4), 1),
    c(t(3, 4), 0),
    c(t(2, 3, 2), dim=1),
    c(t(), 0),
    c(t(0, 2), 0),
    c(t(2, 0), 0),
    c(t(2, 3), 2),
    c(t(1), -1),
    c(t(8), 0),
]

OPERATORS = {
    "sum": summed(*with_dtype(F16), *LARGE),
    "nansum": summed(*with_dtype()),
    "mean": summed(*with_dtype(F16), *LARGE),
    "nanmean": summed(*with_dtype()),
    "prod": op(
        *over_all(),
        *over_dim(),
        *with_dtype(),
        c(t(2, 8)),
        c(t(2, 3), 1, True, dtype=F64),
        sums=True,
    ),
    **{
        n: op(*over_all(), *over_dim(), c(t(2, 3), t(2, 3)), c(t(8, 1), t(1, 8)), c(t(8)), *LARGE)
        for n in ("max", "min")
    },
    **{n: op(*over_all(), *over_dim(), *over_dims(), c(t(8))) for n in ("amax", "amin")},
    "aminmax": op(
        *over_all(),
        *(c(t(3, 4), dim=d, keepdim=k) for d in (0, 1, None) for k in (False, True)),
        c(t(8)),
        c(t(2, 3), dim=2),
        c(t(0, 3), dim=0),
    ),
    **{n: op(*over_all(), *over_dim(), c(t(8)), *LARGE) for n in ("argmax", "argmin")},
    **{n: op(*over_all(), *over_dim(), *over_dims()) for n in ("any", "all")},
    "count_nonzero": op(*over_all(), c(t(3, 4), 1), c(t(3, 4), dim=(0, 1)), c(t(2, 3), 2)),
    **{
        n: op(*SPREAD, *LARGE[:1], sums=True, **PAIR_OUT)
        for n in ("var", "std", "var_mean", "std_mean")
    },
    "norm": op(
        *over_all(),
        *(c(t(3, 4), p) for p in (1, 2, 3, 0, 0.5, "fro", float("inf"), -float("inf"))),
        c(t(3, 4), 2, 1),
        c(t(3, 4), 1.5, (0, 1), True),
        c(t(3, 4), "fro", dim=(0,), keepdim=True),
        c(t(3, 4), 2, 0, False, dtype=F64),
        c(t(3, 4), p=1, dim=1),
        c(t(2, 3), 2, 2),
        sums=True,
        ulp=8,
    ),
    "logsumexp": op(*over_dim()[:9], *over_dims()[:2], c(t(8), 0), sums=True),
    **{
        n: op(*CUMULATIVE, c(t(3, 4), 1, dtype=F64), c(t(3, 4), 0, dtype=I64), sums=True)
        for n in ("cumsum", "cumprod")
    },
    **{n: op(*CUMULATIVE, sums=True) for n in ("cummax", "cummin", "logcumsumexp")},
    **{
        # Of an expanded tensor PyTorch 2.13 reads what lies behind it: another result each time.
        n: op(
            *over_all(),
            *over_dim(),
            c(t(8)),
            c(t(2, 4), 1),
            layouts=("transposed", "strided", "offset", "flipped"),
            **PAIR_OUT,
        )
        for n in ("median", "nanmedian")
    },
    "mode": op(c(t(3, 4)), *over_dim(), kinds=("ties", "huge")),
    "kthvalue": op(
        c(t(3, 4), 2),
        c(t(3, 4), 1, 0),
        c(t(3, 4), k=3, dim=-1, keepdim=True),
        c(t(), 1),
        c(t(3), 4),
        c(t(3), 0),
        c(t(2, 3), 1, 2),
        kinds=("ties", "huge"),
    ),
    **{
        n: op(
            c(t(3, 4), 0.3),
            c(t(3, 4), 0.5, 1),
            c(t(3, 4), Fixed((0.25, 0.5, 1.0), "float32"), dim=0),
            c(t(3, 4), Fixed((0.1, 0.75), "float64"), 1, True),
            *(
                c(t(5), 0.3, interpolation=i)
                for i in ("linear", "lower", "higher", "midpoint", "nearest", "other")
            ),
            c(t(3, 4), 0.6, dim=1, keepdim=True, interpolation="higher"),
            # Ranks behind a half, and on it: the even neighbour below, and above.
            *(c(t(5), q, interpolation="nearest") for q in (0.45, 0.9, 0.125, 0.375)),
            c(t(3, 4), Fixed((0.3, 0.5, 0.8), "float32"), 1, interpolation="nearest"),
            c(t(8), 0.4),
            c(t(), 0.4),
            c(t(0), 0.4),
            c(t(3), 1.5),
            sums=True,
        )
        for n in ("quantile", "nanquantile")
    },
    "dist": op(
        c(t(2, 3), t(2, 3)),
        *(c(t(2, 3), t(2, 3), p) for p in (0, 1, 2, 3, 0.5, float("inf"))),
        c(t(2, 3), t(3), p=1),
        c(t(), t()),
        c(t(0), t(0)),
        sums=True,
    ),
    "diff": op(
        c(t(3, 4)),
        c(t(3, 4), 2),
        c(t(3, 4), n=1, dim=0),
        c(t(4), prepend=t(2), append=t(1)),
        c(t(3, 4), 1, 1, t(3, 1)),
        c(t(4), 0),
        c(t(4), 9),
        c(t()),
        c(t(4), -1),
    ),
    "sort": op(
        c(t(3, 4)),
        c(t(3, 4), 0),
        c(t(3, 4), 1, True),
        c(t(3, 4), dim=0, descending=True),
        c(t(3, 8), stable=True),
        c(t(3, 8), stable=True, dim=0, descending=True),
        c(t()),
        c(t(0, 2)),
        c(t(2, 3), 2),
        c(t(70000), stable=True),
    ),
    "argsort": op(
        c(t(3, 4)),
        c(t(3, 4), 0),
        c(t(3, 4), 1, True),
        c(t(3, 8), dim=0, descending=True, stable=True),
        c(t()),
        c(t(0, 2)),
        c(t(2, 3), 2),
    ),
    "topk": op(
        c(t(3, 4), 2),
        c(t(3, 4), 2, 0),
        c(t(3, 4), 3, 1, False),
        c(t(3, 4), k=2, dim=-1, largest=True, sorted=True),
        c(t(3, 40), 7, sorted=False),
        c(t(40), 25, largest=False, sorted=False),
        c(t(), 1),
        c(t(3), 0),
        c(t(3), 4),
        c(t(3), -1),
        c(t(2, 3), 1, 2),
        kinds=("huge",),
    ),
    "msort": op(c(t(3, 4)), c(t(5)), c(t()), c(t(0, 2))),
    "searchsorted": op(
        c(Fixed((-1.0, 0.0, 0.5, 2.0), "float32"), t(2, 3)),
        c(Fixed((-1.0, 0.0, 0.5, 2.0), "float64"), t(2, 3)),
        c(Fixed((-1, 0, 2, 3)), t(2, 3)),
        c(Fixed((-1.0, 0.0, 0.5, 2.0), "float64"), 0.5),
        c(Fixed((-1.0, 0.0, 0.5, 2.0), "float64"), 0.5, right=True),
        c(Fixed((-1.0, 0.0, 0.5, 2.0), "float32"), t(5), out_int32=True, side="right"),
        c(Fixed(((-1.0, 0.0), (0.5, 2.0)), "float32"), t(2, 3), side="left"),
        c(Fixed((2.0, -1.0, 0.5), "float32"), t(3), sorter=index(1, 2, 0)),
        c(Fixed(((-1.0, 0.0), (0.5, 2.0)), "float32"), t(3, 2)),
        c(Fixed((-1.0, 0.0), "float32"), t(2), right=True, side="left"),
    ),
    "bucketize": op(
        c(t(2, 3), Fixed((-1.0, 0.0, 0.5, 2.0), "float32")),
        c(t(2, 3), Fixed((-1, 0, 2, 3))),
        c(t(2, 3), Fixed((-1.0, 0.5), "float64"), right=True),
        c(t(2, 3), boundaries=Fixed((-1.0, 0.5), "float32"), out_int32=True),
        c(0.5, Fixed((-1.0, 0.5), "float64")),
        c(t(2), Fixed(((-1.0, 0.5),), "float32")),
        forms=("function", "out"),
    ),
    "unique": op(
        c(t(3, 4)),
        c(t(8), return_inverse=True),
        c(t(8), sorted=True, return_counts=True),
        c(t(8), True, True, True),
        c(t(3, 2), dim=0),
        c(t(3, 2), dim=1, return_inverse=True, return_counts=True),
        c(t()),
        c(t(0)),
        kinds=("ties", "huge"),
        forms=("function", "method"),
    ),
    "bincount": op(
        c(index(1, 0, 3, 1)),
        c(index(1, 0, 3, 1), Fixed((0.5, 1.0, 2.0, -1.0), "float32")),
        c(index(1, 0, 3, 1), weights=Fixed((1, 2, 3, 4)), minlength=6),
        c(t(3)),
        c(index(-1, 2)),
        c(Fixed(((1,), (2,)))),
        c(index(1, 2), minlength=-1),
        c(Fixed((2, 2, 1), "uint8")),
        forms=("function", "method"),
    ),
    "histc": op(
        c(t(3, 4), 5),
        c(t(3, 4), bins=4, min=-2, max=2),
        c(t(8), 3, 0.0, 1.5),
        c(t(4)),
        c(t(3), 0),
        c(t(3), 4, 2, 1),
        c(t(0), 4),
        kinds=("ties",),
    ),
}
