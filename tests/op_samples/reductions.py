"""Samples of reductions, scans, order statistics, differences and integrals."""

from ._common import SPREAD, UNARY, Sample

LINES = [
    Sample([()], (0,)),
    Sample([(4,)], (-1,)),
    Sample([(2, 3)], (0,)),
    Sample([(2, 3, 2)], (1,)),
    Sample([(3, 2, "t")], (1,)),
    Sample([(3, 1, "expanded")], (0,)),
    Sample([(2, 0)], (0,)),
]
# Where a line of nothing has no answer.
CHOSEN = [sample for sample in LINES if (2, 0) not in sample.shapes]
KEPT = [Sample([(2, 3)], (0, True)), Sample([(3, 2, "t")], (-1,), {"keepdim": True})]
MEANS = [
    Sample([(2, 3)], (1, False, True)),
    Sample([(3, 2, "t")], ((0, 1), True)),
]
BETWEEN = [
    Sample([(5,)], (0.3,)),
    Sample([(2, 4)], (0.6, 1), {"interpolation": "midpoint"}),
    Sample([(4, 2, "t")], (0.25, 0, True), {"interpolation": "lower"}),
]
BETWEEN_TENSORS = [
    Sample([(5,), (2,)]),
    Sample([(2, 4), ()], (1,)),
    Sample([(4, 2, "t"), (3,)], (0, True), {"interpolation": "linear"}),
    Sample([(2, 4), (2,)], (-1,), {"interpolation": "nearest"}),
]
AT = [
    Sample([(4,), (4,)]),
    Sample([(2, 3), (3,)]),
    Sample([(3, 2, "t"), (3, 2, "t")], kwargs={"dim": 0}),
]
APART = [
    Sample([(4,)]),
    Sample([(2, 3)], kwargs={"dx": 0.5, "dim": 0}),
    Sample([(3, 2, "t")], kwargs={"dx": 2}),
]
STABLE = [
    Sample([(2, 3)], kwargs={"stable": True, "dim": 0}),
    Sample([(4,)], kwargs={"stable": False, "descending": True}),
]

SAMPLES = {
    ("_pair_norm", 0): [
        *(Sample([(2, 3)], (p,)) for p in (2, 1, 3, 0.5, 0, float("inf"))),
        Sample([(3, 2, "t")], (2, (1,), True)),
    ],
    ("aminmax", 0): [
        Sample([(2, 3)]),
        Sample([()]),
        Sample([(2, 3)], kwargs={"dim": 1}),
        Sample([(3, 2, "t")], kwargs={"dim": 0, "keepdim": True}),
    ],
    ("sort", 1): STABLE,
    ("argsort", 1): STABLE,
    ("msort", 0): [Sample([(3,)]), Sample([(3, 2, "t")]), Sample([()])],
    ("count_nonzero", 0): [*UNARY, Sample([(2, 3)], (1,))],
    ("count_nonzero", 1): [Sample([(2, 3)], ((0, 1),)), Sample([(3, 2, "t")], ((),))],
    ("nanmean", 0): [
        Sample([(2, 3)]),
        Sample([(2, 3)], (1, True)),
        Sample([(3, 2, "t")], ((0, 1),)),
    ],
    **{(name, 0): SPREAD for name in ("var_mean", "std_mean")},
    **{(name, 1): MEANS for name in ("var_mean", "std_mean")},
    **{(name, 2): [Sample([(2, 3)], (False,))] for name in ("var_mean", "std_mean")},
    ("logsumexp", 0): [*LINES, Sample([(2, 3)], ((0, 1), True)), Sample([(0, 2)], (0,))],
    **{(name, 0): LINES for name in ("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp")},
    **{(name, 0): [UNARY[0], *UNARY[2:4]] for name in ("median", "nanmedian")},
    **{(name, 1): [*CHOSEN, *KEPT] for name in ("median", "nanmedian")},
    ("mode", 0): [*CHOSEN, *KEPT],
    ("kthvalue", 0): [
        Sample([(5,)], (2,)),
        Sample([(2, 3)], (1, 0, True)),
        Sample([(3, 2, "t")], (2, -1)),
        Sample([()], (1,)),
    ],
    ("topk", 0): [
        Sample([(5,)], (2,)),
        Sample([(2, 3)], (1, 0, False)),
        Sample([(3, 2, "t")], (2,), {"sorted": False}),
        Sample([(2, 3)], (0,)),
    ],
    **{(name, 0): BETWEEN_TENSORS for name in ("quantile", "nanquantile")},
    **{(name, 1): BETWEEN for name in ("quantile", "nanquantile")},
    ("diff", 0): [
        Sample([(4,)]),
        Sample([(4,)], (2,)),
        Sample([(3, 2, "t")], kwargs={"dim": 0}),
        Sample([(2, 2)], (0,)),
        Sample([(2, 2)], (3,)),
    ],
    **{(name, 0): AT for name in ("trapezoid", "trapz", "cumulative_trapezoid")},
    **{(name, 1): APART for name in ("trapezoid", "trapz", "cumulative_trapezoid")},
    ("dist", 0): [
        Sample([(2, 3), (2, 3)]),
        Sample([(2, 3), (3,)], (1,)),
        Sample([(3,), (3,)], (3.5,)),
        Sample([(3, 2, "t"), ()], (float("inf"),)),
    ],
}
